// The labelling page: a key is seen at once, kept until the server has it, and can be taken back.

import { count, getJson, newId, pageFacts } from "./api.mjs";
import { FrameCanvas } from "./frame-canvas.mjs";
import { bindKeys } from "./keys.mjs";
import { LabelQueue } from "./label-queue.mjs";
import { Outbox } from "./outbox.mjs";
import { makeThumb } from "./thumbs.mjs";

const ADVANCE_AFTER_MS = 180;
const SHOWN_AHEAD = 8;
const LOADED_AHEAD = 5;
const facts = pageFacts();
const find = (id) => document.getElementById(id);
const chips = new Map([...document.querySelectorAll("#label-classes [data-class]")].map((chip) => [chip.dataset.class, chip]));
const order = facts.classes.map((entry) => entry.name);
const alone = new Set(facts.exclusive);
const done = []; // acts that can be undone: {id, index, before, after}
const undone = [];

const queue = new LabelQueue(facts);
const picture = new FrameCanvas(find("frame-canvas"), facts);
const outbox = new Outbox(`fringe-outbox-${facts.user}-${facts.dataset}`, { onChange: writeUnsent, onAnswer });

function say(text) {
  find("label-status").textContent = text;
}

function writeUnsent(n, problem) {
  find("unsent-count").textContent = String(n);
  find("unsent").classList.toggle("warn", n > 0);
  const error = find("label-error");
  error.hidden = !problem;
  error.textContent = problem && n ? `${problem} ${n} unsent ${n === 1 ? "label is" : "labels are"} kept here and will be sent again.` : problem;
}

function onAnswer(act, { ok, data }) {
  if (ok) {
    writeCounts(data);
    return;
  }
  // The server refused it for good: show what holds there instead of what was echoed.
  const index = act.body.scope?.frames?.[0] ?? act.index;
  const entry = queue.trail.find((each) => each.index === index);
  if (entry) entry.classes = act.before ?? null;
  const place = done.findIndex((each) => each.id === act.body.client_id);
  if (place >= 0) done.splice(place, 1);
  find("label-error").hidden = false;
  find("label-error").textContent = `Frame ${index} was not labelled: ${data.error}`;
  render();
}

function writeCounts({ counts, n_labelled: labelled }) {
  for (const [name, chip] of chips) chip.querySelector(".count").textContent = count(counts[name] ?? 0);
  find("labelled-count").textContent = count(labelled);
}

function render() {
  const entry = queue.current;
  find("label-empty").hidden = entry !== null;
  find("label-stage").hidden = entry === null;
  if (!entry) return;
  find("frame-title").textContent = `Frame ${entry.index}`;
  find("frame-link").href = `${facts.framesUrl}${entry.index}/`;
  for (const [name, chip] of chips) chip.setAttribute("aria-pressed", String(entry.classes?.includes(name) ?? false));
  find("none-applies").setAttribute("aria-pressed", String(entry.classes?.length === 0));
  const { suggestion } = entry;
  find("accept").disabled = !suggestion;
  find("suggestion").textContent = suggestion ? `${suggestion.classes.join(", ")} (${suggestion.source})` : "none";
  picture.show(entry.index).catch((error) => say(`Frame ${entry.index} cannot be shown: ${error.message}`));
  const ahead = queue.upcoming.slice(0, SHOWN_AHEAD);
  find("next-frames").replaceChildren(...ahead.map((each) => makeThumb(each.index, facts)));
  ahead.slice(0, LOADED_AHEAD).forEach((each) => picture.fetch(each.index).catch(() => {}));
}

function describe(classes) {
  if (classes === null) return "unlabelled";
  return classes.length ? classes.join(", ") : "none applies";
}

/** Send that exactly `classes` apply to a frame (null: unlabelled), and show it at once. */
function write(index, classes, { remember = true } = {}) {
  if (!facts.mayWrite) {
    say("You are a viewer of this group and cannot label.");
    return;
  }
  const entry = queue.trail.find((each) => each.index === index);
  const before = entry?.classes ?? null;
  const id = newId();
  const operation = classes === null ? "clear" : "set";
  const body = { scope: { frames: [index] }, operation, classes: classes ?? [], client_id: id };
  if (entry) entry.classes = classes;
  if (remember) undone.length = 0;
  done.push({ id, index, before, after: classes });
  outbox.add({ url: facts.applyUrl, body, before });
  say(`Frame ${index}: ${describe(classes)}`);
  render();
}

/** What a frame is called after one class was toggled; classes that stand alone drive out the others. */
function toggled(classes, name) {
  const now = new Set(classes ?? []);
  if (now.delete(name)) return now.size ? order.filter((each) => now.has(each)) : null;
  if (alone.has(name)) return [name];
  alone.forEach((each) => now.delete(each));
  now.add(name);
  return order.filter((each) => now.has(each));
}

function toggle(name) {
  const entry = queue.current;
  if (!entry || !chips.has(name)) return;
  write(entry.index, toggled(entry.classes, name));
  if (find("auto-advance").checked && entry.classes) advanceSoon(entry.index);
}

let timer = null;
function advanceSoon(index) {
  clearTimeout(timer);
  timer = setTimeout(() => queue.current?.index === index && next(), ADVANCE_AFTER_MS);
}

async function next() {
  clearTimeout(timer);
  try {
    if (!(await queue.forward())) say("This queue has no further unlabelled frame.");
    render();
    await queue.fill();
    render();
  } catch (error) {
    say(error.message);
  }
}

function previous() {
  clearTimeout(timer);
  queue.back();
  render();
}

function accept() {
  const entry = queue.current;
  if (!entry) return;
  if (entry.suggestion) write(entry.index, order.filter((name) => entry.suggestion.classes.includes(name)));
  next();
}

function clear() {
  if (queue.current) write(queue.current.index, null);
}

function noneApplies() {
  const entry = queue.current;
  if (!entry) return;
  write(entry.index, []);
  if (find("auto-advance").checked) advanceSoon(entry.index);
}

function undo() {
  clearTimeout(timer);
  const act = done.pop();
  if (!act) {
    say("There is nothing to undo.");
    return;
  }
  undone.push(act);
  const entry = queue.trail.find((each) => each.index === act.index);
  if (entry) entry.classes = act.before;
  queue.returnTo(act.index);
  outbox.add({ url: facts.undoUrl, body: { undoes: act.id, client_id: newId() }, before: act.after, index: act.index });
  say(`Undone: frame ${act.index} is ${describe(act.before)}`);
  render();
}

function redo() {
  const act = undone.pop();
  if (!act) {
    say("There is nothing to redo.");
    return;
  }
  queue.returnTo(act.index);
  write(act.index, act.after, { remember: false });
}

async function restart() {
  const mode = find("queue-mode").value;
  find("queue-cluster-field").hidden = mode !== "cluster";
  find("queue-class-field").hidden = mode !== "class";
  const query = { mode };
  if (mode === "random") query.seed = Math.floor(Math.random() * 2 ** 31);
  if (mode === "cluster") query.cluster = find("queue-cluster").value;
  if (mode === "class") query.class_name = find("queue-class").value;
  queue.restart(query);
  await next();
}

async function start() {
  const query = new URLSearchParams(window.location.search);
  for (const name of ["mode", "cluster"]) {
    const field = find(`queue-${name}`);
    if (query.has(name) && [...field.options].some((option) => option.value === query.get(name))) field.value = query.get(name);
  }
  const asked = Number(query.get("frame") ?? NaN);
  if (Number.isInteger(asked)) {
    const { ok, data } = await getJson(`${facts.stateUrl}?frames=${asked}`);
    if (ok) queue.put({ index: asked, suggestion: null, classes: data.labels[0].classes });
    else say(data.error);
  }
  if (!queue.current) {
    await restart();
    return;
  }
  render();
  await queue.fill().catch((error) => say(error.message));
  render();
}

function keepSwitch(box, key) {
  try {
    const kept = localStorage.getItem(key);
    if (kept !== null) box.checked = kept === "on";
    box.addEventListener("change", () => localStorage.setItem(key, box.checked ? "on" : "off"));
  } catch {
    // A browser that keeps nothing has the usual setting on each visit.
  }
}

for (const [name, chip] of chips) {
  chip.querySelector(".swatch").style.backgroundColor = chip.dataset.colour;
  chip.addEventListener("click", () => toggle(name));
}
const buttons = { accept, previous, skip: next, clear, undo, redo, "none-applies": noneApplies };
for (const [id, action] of Object.entries(buttons)) find(id).addEventListener("click", action);
for (const id of ["queue-mode", "queue-cluster", "queue-class"]) find(id).addEventListener("change", restart);
keepSwitch(find("auto-advance"), "fringe-auto-advance");
bindKeys({
  ...Object.fromEntries(facts.classes.filter(({ key }) => key).map(({ key, name }) => [key, () => toggle(name)])),
  0: noneApplies,
  Enter: accept,
  " ": next,
  ArrowLeft: previous,
  ArrowRight: next,
  Backspace: clear,
  "Ctrl+z": undo,
  "Ctrl+Shift+z": redo,
});
start();
