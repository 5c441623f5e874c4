// What people do to clusters on their page: rename in place, paint, merge, make a class, undo.
//
// After a change of names or colours `fringe:clusters-changed` goes over the document, its detail a list of
// {id, name, colour}; and htmx hears `clusters-named` on the body, by which fragments are fetched anew.

import { count, getJson, newId, pageFacts, postJson } from "./api.mjs";
import { bindKeys } from "./keys.mjs";
import { paintPatterns, paintSwatches, pickColour } from "./cluster-colours.mjs";

const facts = pageFacts();
const find = (id) => document.getElementById(id);
const gallery = find("gallery");
const tools = find("cluster-tools");
const names = new Map(facts.clusters.map((cluster) => [cluster.id, { ...cluster }]));
const cards = () => [...gallery.querySelectorAll(".cluster-card")];
const idOf = (card) => Number(card.dataset.cluster);
const cardOf = (id) => gallery.querySelector(`.cluster-card[data-cluster="${id}"]`);

function say(text, isBad = false) {
  const status = find("cluster-status");
  status.textContent = text;
  status.classList.toggle("bad", isBad);
  status.classList.toggle("muted", !isBad);
}

/** Write names and colours wherever this page shows them. */
function takeIn(clusters) {
  for (const { id, name, colour, isGiven, className } of clusters) {
    const card = cardOf(id);
    if (!card) continue;
    Object.assign(names.get(id), { name, colour });
    card.dataset.colour = colour;
    card.style.borderLeftColor = colour;
    card.querySelector("[data-name]").textContent = name;
    card.querySelectorAll("[data-of-name]").forEach((part) => (part.textContent = ` ${name}`));
    card.querySelector("[data-choose]")?.setAttribute("aria-label", `Choose ${name} for merging`);
    card.querySelector("[data-paint]")?.setAttribute("aria-label", `Colour of ${name}`);
    card.querySelector(".card-number").textContent = isGiven ? `cluster ${id}` : "";
    card.querySelectorAll(".pattern").forEach((picture) => {
      picture.setAttribute("aria-label", `${picture.parentElement.textContent.trim()} of ${name}`);
    });
    writeClass(card, className);
  }
  paintSwatches(gallery);
  document.dispatchEvent(new CustomEvent("fringe:clusters-changed", { detail: [...names.values()] }));
  document.body.dispatchEvent(new Event("clusters-named"));
}

function writeClass(card, className) {
  const row = card.querySelector("[data-class-of]");
  row.hidden = !className;
  row.querySelector("dd").textContent = className ?? "";
}

async function send(act) {
  const { ok, data } = await postJson(tools.dataset.addUrl, {
    ...act,
    clustering: facts.clustering,
    client_id: newId(),
  });
  return ok ? { data } : { error: data.error };
}

// Rename in place.

function startRename(card) {
  if (!card || card.querySelector(".rename-form") || !card.querySelector("[data-rename]")) return;
  const id = idOf(card);
  const heading = card.querySelector("h3");
  const form = document.createElement("form");
  form.className = "rename-form";
  const field = Object.assign(document.createElement("input"), { type: "text", maxLength: 60, value: names.get(id).name });
  field.className = "form-control form-control-sm";
  field.autocomplete = "off";
  field.setAttribute("aria-label", `New name of ${names.get(id).name}`);
  field.setAttribute("aria-describedby", `rename-error-${id}`);
  const save = Object.assign(document.createElement("button"), { type: "submit", textContent: "Save" });
  save.className = "btn btn-sm btn-primary";
  const cancel = Object.assign(document.createElement("button"), { type: "button", textContent: "Cancel" });
  cancel.className = "btn btn-sm btn-outline-secondary";
  const error = Object.assign(document.createElement("p"), { id: `rename-error-${id}` });
  error.className = "bad small";
  error.setAttribute("role", "alert");
  form.append(field, save, cancel, error);
  heading.hidden = card.querySelector("[data-rename]").hidden = true;
  heading.after(form);
  field.focus();
  field.select();
  const close = () => {
    form.remove();
    heading.hidden = card.querySelector("[data-rename]").hidden = false;
    card.querySelector("[data-rename]").focus();
  };
  cancel.addEventListener("click", close);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (field.value.trim() === names.get(id).name) return close();
    save.disabled = true;
    const answer = await send({ kind: "rename", cluster: id, name: field.value });
    save.disabled = false;
    if (answer.error) {
      error.textContent = answer.error;
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return undefined;
    }
    takeIn(answer.data.clusters);
    say(`Cluster ${id} is called “${names.get(id).name}” now.`);
    return close();
  });
}

// Dialogs: Enter does it, Esc leaves; an error stays in the dialog.

/** Ask with a dialog; `act(form)` answers an error or nothing, and is called until it answers nothing. */
function ask(dialog, act) {
  const form = dialog.querySelector("form");
  const error = dialog.querySelector("[data-error]");
  error.textContent = "";
  form.onsubmit = async (event) => {
    event.preventDefault();
    const wrong = await act(form);
    error.textContent = wrong ?? "";
    if (!wrong) dialog.close("yes");
  };
  dialog.querySelector("[data-cancel]").onclick = () => dialog.close("no");
  dialog.showModal();
}

function startPaint(card) {
  const { id, name, colour } = names.get(idOf(card));
  const dialog = find("cluster-colour");
  dialog.querySelector("[data-of-cluster]").textContent = name;
  pickColour(dialog, colour, facts.cycle, [...names.values()]);
  ask(dialog, async (form) => {
    const answer = await send({ kind: "colour", cluster: id, colour: form.elements.colour.value });
    if (answer.error) return answer.error;
    takeIn(answer.data.clusters);
    say(`“${name}” has another colour now.`);
    return null;
  });
}

// Merge.

const ticked = () => cards().filter((card) => card.querySelector("[data-choose]")?.checked);

function countTicked() {
  const chosen = ticked();
  cards().forEach((card) => card.classList.toggle("is-ticked", chosen.includes(card)));
  const button = find("merge-open");
  button.disabled = chosen.length < 2;
  button.textContent = chosen.length < 2 ? "Merge clusters" : `Merge ${chosen.length} clusters …`;
  if (chosen.length) say(`${chosen.length} ticked${chosen.length < 2 ? "; tick one more to merge them" : ""}.`);
}

function startMerge() {
  const chosen = ticked();
  const clusters = chosen.map(idOf);
  const total = chosen.reduce((sum, card) => sum + Number(card.dataset.size), 0);
  const [largest] = [...chosen].sort((one, two) => Number(two.dataset.size) - Number(one.dataset.size));
  const listed = chosen.map((card) => `“${names.get(idOf(card)).name}” (${count(Number(card.dataset.size))})`);
  const dialog = find("cluster-merge");
  const isNamed = largest.querySelector(".card-number").textContent !== "";
  dialog.querySelector("[name=name]").value = isNamed ? names.get(idOf(largest)).name : "";
  dialog.querySelector("[data-sentence]").textContent =
    `Merge ${chosen.length} clusters into one of ${count(total)} frames: ${listed.slice(0, 12).join(", ")}${listed.length > 12 ? " and others" : ""}.`;
  dialog.querySelector("[data-yes]").textContent = `Merge ${chosen.length} clusters`;
  ask(dialog, async (form) => {
    const answer = await send({ kind: "merge", clusters, name: form.elements.name.value });
    if (answer.error) return answer.error;
    if (answer.data.isThere) window.location.assign(window.location.pathname);
    chosen.forEach((card) => (card.querySelector("[data-choose]").checked = false));
    countTicked();
    say("The clusters are being merged; the new ones are shown as soon as they are there.");
    document.body.dispatchEvent(new Event("clusters-named"));
    window.htmx.ajax("GET", tools.dataset.statusUrl, { target: "#again-status", swap: "outerHTML" });
    return null;
  });
}

// Make a class.

function startPromote(card) {
  const id = idOf(card);
  const dialog = find("cluster-promote");
  const frames = `${count(Number(card.dataset.size))} frames`;
  const isNamed = card.querySelector(".card-number").textContent !== "";
  dialog.querySelector("[name=name]").value = isNamed ? names.get(id).name : "";
  dialog.querySelector("[data-sentence]").textContent = `All ${frames} of “${names.get(id).name}” are labelled with this class.`;
  dialog.querySelector("[data-yes]").textContent = `Label ${frames}`;
  ask(dialog, async (form) => {
    const act = { cluster: id, name: form.elements.name.value, clustering: facts.clustering, client_id: newId() };
    const { ok, data } = await postJson(tools.dataset.promoteUrl, act);
    if (!ok) return data.error;
    writeClass(card, data.class);
    say(`${count(data.n)} frames are labelled “${data.class}” now.`);
    afterLabels();
    return null;
  });
}

function afterLabels() {
  document.body.dispatchEvent(new Event("clusters-named"));
  const bar = find("label-bar-host");
  if (bar) window.htmx.ajax("GET", bar.getAttribute("hx-get"), { target: "#label-bar-host", swap: "innerHTML" });
  writePurity();
}

// Undo.

async function undo(button) {
  button.disabled = true;
  const { ok, data } = await postJson(button.dataset.url, {
    operation: Number(button.dataset.undoOperation),
    client_id: newId(),
  });
  if (!ok) {
    button.disabled = false;
    say(`Not undone: ${data.error}`, true);
    return;
  }
  if (data.isOther) return window.location.assign(window.location.pathname);
  say("Undone.");
  if (data.clusters) takeIn(data.clusters);
  else {
    writeClass(cardOf(data.cluster), null);
    afterLabels();
  }
}

let undoing = Promise.resolve();
async function undoLast() {
  await undoing; // the list still has what is being undone; its button is off until the list comes anew
  const labelled = document.querySelector("#undo-toast:not([hidden]) [data-undo]:not([hidden])");
  const findLast = () => labelled ?? document.querySelector("#cluster-history [data-undo-operation]:not([disabled])");
  if (!findLast()) {
    const list = document.querySelector("#cluster-history [hx-get]"); // it may not have been in sight yet
    await window.htmx.ajax("GET", list.getAttribute("hx-get"), { target: list, swap: "innerHTML" });
  }
  const last = findLast();
  if (last) last.click();
  else say("There is nothing to undo.");
}

// Purity.

async function writePurity() {
  const places = gallery?.querySelectorAll("[data-purity]");
  if (!gallery?.dataset.purityUrl || !places.length) return;
  const { ok, data } = await getJson(gallery.dataset.purityUrl);
  for (const place of places) {
    const found = ok ? data.clusters[place.closest(".cluster-card").dataset.cluster] : null;
    if (!ok) place.textContent = "not known";
    else if (!found) place.textContent = "no labels yet";
    else if (!found.class) place.textContent = `no class applies to ${count(found.nLabelled)} labelled`;
    else {
      const percent = Math.round((100 * found.nAgree) / found.nLabelled);
      place.textContent = `${percent} % ${found.class} of ${count(found.nLabelled)} labelled`;
    }
  }
}

function start() {
  gallery.addEventListener("click", (event) => {
    const card = event.target.closest(".cluster-card");
    if (event.target.closest("[data-rename]")) startRename(card);
    else if (event.target.closest("[data-paint]")) startPaint(card);
    else if (event.target.closest("[data-promote]")) startPromote(card);
  });
  gallery.addEventListener("change", (event) => event.target.matches("[data-choose]") && countTicked());
  gallery.addEventListener("keydown", (event) => {
    if (event.key !== "F2") return;
    event.preventDefault();
    startRename(event.target.closest(".cluster-card"));
  });
  find("merge-open").addEventListener("click", startMerge);
  find("cluster-history")?.addEventListener("click", (event) => {
    const button = event.target.closest("[data-undo-operation]");
    if (button) undoing = undo(button);
  });
  bindKeys({ "Ctrl+z": undoLast });
}

if (gallery) {
  if (tools) start();
  writePurity();
  paintPatterns(gallery);
  document.addEventListener("fringe:labelled", writePurity);
}
document.body.addEventListener("htmx:afterSwap", (event) => paintSwatches(event.target));
