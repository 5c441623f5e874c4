// The panel in which files are sent: what is dropped or chosen together becomes one data set.

import { csrfToken, newId } from "./api.mjs";
import { chosenFiles, droppedFiles, sortOut } from "./upload-files.mjs";
import { Transfer, earlierAttempt, megabytes } from "./upload-transfer.mjs";

const AT_ONCE = 2;
const POLL_MS = 700;
const panel = document.querySelector("[data-uploads]");
const sets = new Map();

function copy(name) {
  const element = panel.querySelector(`[data-template="${name}"]`).content.firstElementChild.cloneNode(true);
  return { element, part: (of) => element.querySelector(`[data-part="${of}"]`) };
}

function say(words) {
  panel.querySelector("[data-upload-live]").textContent = words;
}

/** Files that become one data set, as far as this page sends them. */
class SentSet {
  constructor(id, metadata) {
    Object.assign(this, { id, metadata, transfers: [], url: `${panel.dataset.sets}${id}/finish/`, n_gone: 0 });
    this.view = copy("set");
    this.view.part("name").textContent = metadata.name || "Data set";
    this.view.element.setAttribute("aria-label", metadata.name || "Data set");
    this.view.part("again").addEventListener("click", () => this.finish({ again: "1" }));
    panel.querySelector("[data-upload-sets]").append(this.view.element);
    sets.set(id, this);
    hideListed();
  }

  add(item, earlier) {
    const view = copy("file");
    const transfer = new Transfer(item, {
      endpoint: panel.dataset.create,
      metadata: this.metadata,
      earlier,
      onChange: () => this.#changed(transfer, view),
    });
    view.part("name").textContent = item.path;
    view.part("bar").setAttribute("aria-label", `Sent of ${item.path}`);
    view.part("pause").addEventListener("click", () => this.#toggle(transfer));
    view.part("cancel").addEventListener("click", () => this.#cancel(transfer, view));
    view.part("cancel").setAttribute("aria-label", `Cancel ${item.path}`);
    this.transfers.push(transfer);
    this.view.part("files").append(view.element);
    this.#changed(transfer, view);
  }

  #changed(transfer, view) {
    const { state, words, sent, item } = transfer;
    const isStopped = state === "paused" || state === "failed";
    view.part("bar").value = state === "done" ? 100 : (100 * sent) / item.file.size;
    view.part("bar").classList.toggle("is-stopped", isStopped);
    view.part("words").textContent = words;
    view.part("words").className = state === "failed" ? "bad" : "muted";
    view.part("pause").textContent = isStopped ? "Resume" : "Pause";
    view.part("pause").setAttribute("aria-label", `${isStopped ? "Resume" : "Pause"} ${item.path}`);
    view.part("pause").hidden = state === "done";
    view.part("cancel").hidden = state === "done";
    if (state === "done" || state === "failed") say(`${item.path}: ${words}`);
    if (state !== "running") queueMicrotask(pump);
    if (state === "done") this.#finishIfAllThere();
  }

  #toggle(transfer) {
    if (transfer.state === "running" || transfer.state === "waiting") transfer.pause();
    else transfer.start();
  }

  async #cancel(transfer, view) {
    await transfer.cancel();
    this.transfers = this.transfers.filter((other) => other !== transfer);
    this.n_gone += 1;
    view.element.remove();
    if (this.transfers.length) this.#finishIfAllThere();
    else this.#leave();
  }

  #finishIfAllThere() {
    if (this.transfers.every(({ state }) => state === "done")) {
      this.finish(this.n_gone ? { files: this.metadata.n_files - this.n_gone } : {});
    }
  }

  #leave() {
    sets.delete(this.id);
    this.view.element.remove();
    showUnfinished();
  }

  /** Ask how far the server is with the whole, until it says something final. */
  async finish(body = {}) {
    this.#show("The server checks the files");
    const answer = await postForm(this.url, body);
    if (answer.state === "checking") setTimeout(() => this.finish(), POLL_MS);
    else if (answer.state === "registered") await this.#arrive(answer.url);
    else if (answer.state === "receiving") this.#show("Other files of this data set are missing: choose them, too.");
    else {
      if (answer.state === "refused") await Promise.all(this.transfers.map((transfer) => transfer.forget()));
      this.#show("", answer.words, answer.state !== "refused");
    }
  }

  #show(words, error = "", isForAgain = false) {
    this.view.part("words").textContent = words;
    this.view.part("error").textContent = error;
    this.view.part("error").hidden = !error;
    this.view.part("again").hidden = !isForAgain;
  }

  async #arrive(url) {
    await Promise.all(this.transfers.map((transfer) => transfer.forget()));
    sets.delete(this.id);
    if (!sets.size) location.assign(url);
    this.#show("");
    const link = document.createElement("a");
    Object.assign(link, { href: url, textContent: "All is there. Look at what is in the files" });
    this.view.part("words").replaceChildren(link);
  }
}

async function postForm(url, body) {
  const lost = { state: "trouble", words: "The server cannot be reached. Nothing is lost: try again." };
  try {
    const headers = { "X-CSRFToken": csrfToken() };
    const answer = await fetch(url, { method: "POST", headers, body: new URLSearchParams(body), redirect: "manual" });
    if (answer.ok) return await answer.json();
    const words = answer.type === "opaqueredirect" ? "You are signed out. Sign in again in another tab." : lost.words;
    return { state: "trouble", words };
  } catch {
    return lost;
  }
}

/** Begin waiting files while few are under way. */
function pump() {
  const all = [...sets.values()].flatMap((set) => set.transfers);
  const n_running = all.filter(({ state }) => state === "running").length;
  const waiting = all.filter(({ state }) => state === "waiting");
  for (const transfer of waiting.slice(0, Math.max(0, AT_ONCE - n_running))) transfer.start();
}

/** Send what was chosen: files that were begun earlier go on in their set, others form a new one. */
async function take(items) {
  const limit = Number(panel.dataset.limit);
  const { taken, left } = sortOut(items, { suffixes: panel.dataset.suffixes.split(" "), limit });
  note(left, limit);
  const found = await Promise.all(taken.map(async (item) => ({ item, earlier: await earlierAttempt(item) })));
  const fresh = found.filter(({ earlier }) => !earlier);
  for (const { item, earlier } of found.filter(({ earlier }) => earlier)) {
    const { set, name, group, n_files } = earlier.metadata;
    (sets.get(set) ?? new SentSet(set, { set, name, group, n_files })).add(item, earlier);
  }
  if (fresh.length) {
    const set = setWithRoom(found, fresh.length) ?? newSet(fresh);
    for (const { item } of fresh) set.add(item);
  }
  pump();
}

/** Return the one set that was interrupted, if all the other files belong to it. */
function setWithRoom(found, n_fresh) {
  const ids = new Set(found.filter(({ earlier }) => earlier).map(({ earlier }) => earlier.metadata.set));
  const set = ids.size === 1 ? sets.get([...ids][0]) : undefined;
  return set && set.transfers.length + n_fresh <= Number(set.metadata.n_files) ? set : undefined;
}

function newSet(fresh) {
  const first = fresh[0].item.path;
  const given = panel.querySelector("#upload-name").value.trim();
  const folder = first.includes("/") ? first.split("/")[0] : "";
  const name = given || folder || first.replace(/\.[^.]*$/, "");
  const id = newId();
  return new SentSet(id, { set: id, group: panel.querySelector("#upload-group").value, name, n_files: fresh.length });
}

function note(left, limit) {
  const line = panel.querySelector("[data-upload-note]");
  const why = ({ file }) => {
    if (file.size > limit) return `larger than ${megabytes(limit)}; put such files into an allowed folder`;
    return file.size ? "no ending of a file with frames" : "empty";
  };
  const causes = [...new Set(left.map(why))];
  line.textContent = causes.map((cause) => `${namesOf(left.filter((item) => why(item) === cause))} left out: ${cause}.`).join(" ");
  line.hidden = !left.length;
}

function namesOf(items) {
  const names = items.slice(0, 3).map(({ path }) => `“${path}”`).join(", ");
  return items.length > 3 ? `${names} and ${items.length - 3} more` : names;
}

function hideListed() {
  for (const row of panel.querySelectorAll("[data-set]")) row.hidden = sets.has(row.dataset.set);
  const list = panel.querySelector("[data-unfinished]");
  list.hidden = ![...list.querySelectorAll("[data-set]")].some((row) => !row.hidden);
}

function showUnfinished() {
  htmx.ajax("GET", panel.dataset.sets, { target: "[data-unfinished]" });
}

function finishListed(button) {
  const id = button.closest("[data-set]").dataset.set;
  const name = button.closest("[data-set]").querySelector(".upload-name").textContent;
  const set = new SentSet(id, { name });
  set.finish({ again: "1", ...(button.dataset.files ? { files: button.dataset.files } : {}) });
}

function listen() {
  const drop = panel.querySelector("[data-drop]");
  for (const button of panel.querySelectorAll("[data-choose]")) {
    const input = panel.querySelector(`[data-input="${button.dataset.choose}"]`);
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      take(chosenFiles(input));
      input.value = "";
    });
  }
  for (const type of ["dragenter", "dragover"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  drop.addEventListener("dragleave", (event) => {
    if (!drop.contains(event.relatedTarget)) drop.classList.remove("is-over");
  });
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    take(await droppedFiles(event.dataTransfer));
  });
  for (const type of ["dragover", "drop"]) {
    window.addEventListener(type, (event) => event.preventDefault()); // a near miss must not open the file
  }
  panel.addEventListener("click", (event) => {
    const button = event.target.closest("[data-finish]");
    if (button) finishListed(button);
  });
  panel.addEventListener("htmx:afterSwap", hideListed);
}

if (panel) listen();
