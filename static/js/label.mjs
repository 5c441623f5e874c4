// The labelling page: a key is seen at once, kept until the server has it, and can be taken back.

import { count, getJson, newId, pageFacts } from "./api.mjs";
import { FrameCanvas } from "./frame-canvas.mjs";
import { bindKeys } from "./keys.mjs";
import { ActList, lastOwnAct } from "./label-acts.mjs";
import { LabelGrid } from "./label-grid.mjs";
import { LabelQueue } from "./label-queue.mjs";
import { chooseQueue, EMPTY, keepSwitch } from "./label-queues.mjs";
import { ClassRules, describe } from "./label-rules.mjs";
import { Outbox } from "./outbox.mjs";
import { makeThumb } from "./thumbs.mjs";

const ADVANCE_AFTER_MS = 180;
const SHOWN_AHEAD = 8;
const LOADED_AHEAD = 5;
const facts = pageFacts();
const find = (id) => document.getElementById(id);
const chips = new Map([...document.querySelectorAll("#label-classes [data-class]")].map((chip) => [chip.dataset.class, chip]));
const rules = new ClassRules(facts);
// Read without label and suggestion, one frame at a time; a silent repeat looks like any other frame.
const BLIND = new Set(["second", "audit", "picked"]);
const ONE_BY_ONE = new Set([...BLIND, "disputed", "doubtful"]);
const LABELS = new Set(["label", "settle"]); // what these say is the label; all else is a reading
const done = []; // acts that can be undone: {ids, index, before, after, words}
const undone = [];
const taken = new Set(); // ids of acts that were taken back on this page

const queue = new LabelQueue(facts);
const picture = new FrameCanvas(find("frame-canvas"), facts);
const outbox = new Outbox(`fringe-outbox-${facts.user}-${facts.dataset}`, { onChange: writeUnsent, onAnswer });
const grid = new LabelGrid(facts, { send: sendMany, query: queueQuery, say });
const acts = new ActList(facts, {
  onUndo: (act) => takeBack(fromServer(act)),
  onRedo: (act) => doAgain(fromServer(act)),
});

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
  acts.refresh();
  if (ok) {
    writeCounts(data);
    if (act.refreshes) refreshTrail();
    return;
  }
  // The server refused it for good: show what holds there instead of what was echoed.
  const index = act.body.scope?.frames?.[0] ?? act.index;
  const entry = queue.entry(index);
  if (entry && "before" in act) entry.classes = act.before;
  const place = done.findIndex(({ ids }) => ids.includes(act.body.client_id));
  if (place >= 0) done.splice(place, 1);
  find("label-error").hidden = false;
  const what = act.words ?? `Frame ${index} was not labelled`;
  find("label-error").textContent = `${what}: ${data.error}`;
  render();
}

/** See what frames are called now that were in sight, after an act on others than these was taken back. */
async function refreshTrail() {
  const frames = queue.trail.slice(-200).filter(({ purpose }) => LABELS.has(purpose ?? "label"));
  if (!frames.length) return;
  const { ok, data } = await getJson(`${facts.stateUrl}?frames=${frames.map(({ index }) => index)}`);
  if (!ok) return;
  const found = new Map(data.labels.map(({ index, classes }) => [index, classes]));
  const unsent = new Set(outbox.read().flatMap(({ body }) => body.scope?.frames ?? []));
  for (const entry of frames) if (!unsent.has(entry.index)) entry.classes = found.get(entry.index) ?? null;
  render();
}

function writeCounts({ counts, n_labelled: labelled }) {
  for (const [name, chip] of chips) chip.querySelector(".count").textContent = count(counts[name] ?? 0);
  find("labelled-count").textContent = count(labelled);
}

function render() {
  const entry = queue.current;
  find("label-empty").hidden = grid.isOn || entry !== null;
  find("label-stage").hidden = grid.isOn || entry === null;
  if (grid.isOn || !entry) return;
  find("frame-title").textContent = `Frame ${entry.index}`;
  find("frame-link").href = `${facts.framesUrl}${entry.index}/`;
  find("frame-link").hidden = BLIND.has(entry.purpose);
  find("none-applies").setAttribute("aria-pressed", String(entry.classes?.length === 0));
  renderClasses(entry);
  renderSuggestion(entry);
  picture.show(entry.index).catch((error) => say(`Frame ${entry.index} cannot be shown: ${error.message}`));
  const ahead = queue.upcoming.slice(0, SHOWN_AHEAD);
  find("next-frames").replaceChildren(...ahead.map((each) => makeThumb(each.index, facts)));
  ahead.slice(0, LOADED_AHEAD).forEach((each) => picture.fetch(each.index).catch(() => {}));
}

function renderClasses({ classes, suggestion }) {
  for (const [name, chip] of chips) {
    const isOn = grid.isOn ? grid.asked === name : (classes?.includes(name) ?? false);
    const isSuggested = !grid.isOn && !isOn && (suggestion?.classes.includes(name) ?? false);
    chip.setAttribute("aria-pressed", String(isOn));
    chip.classList.toggle("is-suggested", isSuggested);
    if (isSuggested) chip.setAttribute("aria-description", "suggested");
    else chip.removeAttribute("aria-description");
  }
}

function renderSuggestion({ suggestion, purpose, said, by, label, classes }) {
  const isDispute = purpose === "settle" && Boolean(said);
  find("accept").disabled = !suggestion && !isDispute;
  find("keep-label").hidden = purpose !== "settle" || isDispute;
  find("accept-words").textContent = isDispute ? "Settle as marked" : "Accept";
  const voices = suggestion ? [suggestion, ...suggestion.others] : [];
  const words = voices.map((voice) => `${voice.classes.join(", ")} (${voice.source})`);
  find("suggestion").textContent = words.join("; ") || (BLIND.has(purpose) ? "none, this is a blind reading" : "none");
  const hidden = (classes ?? []).filter((name) => !chips.has(name));
  const lines = [];
  if (label !== undefined) lines.push(`${by ?? "Nobody"}: ${describe(label)}`);
  for (const reading of said ?? []) lines.push(`${reading.by}, blind: ${describe(reading.classes)}`);
  if (hidden.length) lines.push(`also ${hidden.join(", ")}, which is put away`);
  find("label-said").hidden = !lines.length;
  find("label-said").textContent = lines.join(" · ");
}

/** Send that exactly `classes` apply to a frame (null: unlabelled), and show it at once. */
function write(index, classes, { remember = true, driven = [] } = {}) {
  if (!facts.mayWrite) {
    say("You are a viewer of this group and cannot label.");
    return;
  }
  const entry = queue.entry(index);
  const before = entry?.classes ?? null;
  const id = newId();
  const operation = classes === null ? "clear" : "set";
  const body = { scope: { frames: [index] }, operation, classes: classes ?? [], client_id: id };
  if (entry?.purpose && entry.purpose !== "label") body.purpose = entry.purpose;
  if (entry) entry.classes = classes;
  if (remember) undone.length = 0;
  done.push({ ids: [id], index, before, after: classes, entry });
  outbox.add({ url: facts.applyUrl, body, before });
  say(`Frame ${index}: ${describe(classes)}${driven.length ? `; ${driven.join(", ")} taken away, as it is excluded` : ""}`);
  render();
}

/** Send acts on many frames at once, as one that is undone together. */
function sendMany(bodies, words) {
  undone.length = 0;
  if (bodies.length) done.push({ ids: bodies.map((body) => body.client_id), index: null, words });
  for (const body of bodies) outbox.add({ url: facts.applyUrl, body, words: `Not labelled: ${words}`, refreshes: true });
  say(words);
}

function toggle(name) {
  if (!chips.has(name)) return;
  if (grid.isOn) {
    grid.ask(name);
    renderClasses({});
    return;
  }
  const entry = queue.current;
  if (!entry) return;
  const { classes, driven } = rules.toggled(entry.classes, name);
  write(entry.index, classes, { driven });
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
    if (!(await queue.forward())) say("This queue has no further frame.");
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

function accept(event) {
  const entry = queue.current;
  if (!entry) return;
  const { suggestion, purpose } = entry;
  const voice = event?.shiftKey ? suggestion?.others[0] : suggestion;
  if (purpose === "settle" && entry.said) write(entry.index, entry.classes);
  else if (voice) write(entry.index, rules.sorted(voice.classes));
  else if (event?.shiftKey) return;
  next();
}

/** Say that a doubted label stands: it is written once more, as settled, and is not asked about again. */
function keepLabel() {
  const entry = queue.current;
  if (grid.isOn || !entry || find("keep-label").hidden) return;
  write(entry.index, entry.label);
  next();
}

function clear() {
  if (!grid.isOn && queue.current) write(queue.current.index, null);
}

function noneApplies() {
  const entry = queue.current;
  if (!entry || grid.isOn) return;
  write(entry.index, []);
  if (find("auto-advance").checked) advanceSoon(entry.index);
}

function fromServer(act) {
  return { ids: [act.id], index: act.frame, words: `${act.words}, ${act.scope}`, isOld: true };
}

/** Undo what was done on this page, then what the person did before, on whatever day. */
async function undo() {
  clearTimeout(timer);
  const act = done.pop();
  if (act) {
    takeBack(act);
    return;
  }
  if (outbox.read().length) {
    say("Some labels are unsent. What came before them can be undone when they have arrived.");
    return;
  }
  try {
    const last = await lastOwnAct(facts, taken);
    if (last) takeBack(fromServer(last));
    else say("There is nothing of yours to undo.");
  } catch (error) {
    say(error.message);
  }
}

function takeBack(act) {
  if (!facts.mayWrite) return;
  undone.push(act);
  const { ids, index } = act;
  const own = done.findIndex((each) => each.ids[0] === ids[0]);
  if (own >= 0) done.splice(own, 1);
  const refreshes = !("before" in act);
  if (act.entry && !refreshes) act.entry.classes = act.before;
  if (index !== null && !grid.isOn) queue.returnTo(index);
  for (const id of [...ids].reverse()) {
    taken.add(id);
    const kept = refreshes ? { words: "Not undone" } : { before: act.after };
    outbox.add({ url: facts.undoUrl, body: { undoes: id, client_id: newId() }, index, refreshes, ...kept });
  }
  say(refreshes ? `Undone: ${act.words}` : `Undone: frame ${index} is ${describe(act.before)}`);
  render();
}

function redo() {
  const act = undone.pop();
  if (!act) say("There is nothing to redo.");
  else if ("before" in act) {
    queue.returnTo(act.index);
    write(act.index, act.after, { remember: false });
  } else doAgain(act);
}

function doAgain(act) {
  if (!facts.mayWrite) return;
  const ids = act.ids.map(() => newId());
  done.push({ ...act, ids });
  act.ids.forEach((redoes, place) => {
    const body = { redoes, client_id: ids[place] };
    outbox.add({ url: facts.redoUrl, body, index: act.index, words: "Not done again", refreshes: true });
  });
  say(`Done again: ${act.words}`);
}

function queueQuery() {
  const mode = find("queue-mode").value;
  const query = { mode, seed: visit };
  if (mode === "cluster") query.cluster = find("queue-cluster").value;
  if (mode === "class") query.class_name = find("queue-class").value;
  if (mode === "labelled") query.class_name = find("queue-labelled").value;
  if (mode === "picked" && find("queue-audit").value) query.audit = find("queue-audit").value;
  return query;
}

let visit = 0; // orders that follow from the labels are drawn anew for each visit of a queue
async function restart() {
  const mode = find("queue-mode").value;
  visit = Math.floor(Math.random() * 2 ** 31);
  find("queue-cluster-field").hidden = mode !== "cluster";
  find("queue-class-field").hidden = mode !== "class";
  find("queue-labelled-field").hidden = mode !== "labelled";
  find("queue-audit-field").hidden = mode !== "picked";
  find("acts").hidden = BLIND.has(mode); // it tells what others said of a frame
  find("label-empty-text").textContent = EMPTY[mode] ?? EMPTY.other;
  if (grid.isOn && ONE_BY_ONE.has(mode)) {
    switchGrid(false);
    say("These frames are read one at a time, so the grid is closed.");
  }
  if (grid.isOn) {
    askAbout(queueQuery().class_name);
    await grid.restart();
    return;
  }
  queue.restart({ ...queueQuery(), repeats: 1 });
  await next();
}

function askAbout(name) {
  const likely = name ?? grid.asked ?? queue.current?.suggestion?.classes[0];
  grid.ask(chips.has(likely) ? likely : ([...chips.keys()][0] ?? null));
  renderClasses({});
}

function switchGrid(isOn) {
  grid.isOn = isOn;
  find("grid-switch").setAttribute("aria-pressed", String(isOn));
  find("grid-switch").classList.toggle("active", isOn);
  find("label-grid").hidden = !isOn;
  for (const id of ["single-tools", "previous", "skip"]) find(id).hidden = isOn;
  document.querySelector(".label-page").classList.toggle("is-grid", isOn);
  find("label-said").hidden = true;
  render();
}

function toggleGrid() {
  clearTimeout(timer);
  if (!grid.isOn && ONE_BY_ONE.has(find("queue-mode").value)) {
    say("These frames are read one at a time. Choose another queue for the grid.");
    return;
  }
  switchGrid(!grid.isOn);
  restart();
}

async function start() {
  const query = new URLSearchParams(window.location.search);
  const isThere = ({ options }, value) => [...options].some((option) => option.value === value && !option.disabled);
  for (const name of ["mode", "cluster", "audit"]) {
    const field = find(`queue-${name}`);
    if (query.has(name) && isThere(field, query.get(name))) field.value = query.get(name);
  }
  if (query.has("class")) {
    for (const name of ["class", "labelled"]) if (isThere(find(`queue-${name}`), query.get("class"))) find(`queue-${name}`).value = query.get("class");
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

for (const [name, chip] of chips) {
  chip.querySelector(".swatch").style.backgroundColor = chip.dataset.colour;
  chip.addEventListener("click", () => toggle(name));
}
const buttons = { accept, "keep-label": keepLabel, previous, skip: next, clear, undo, redo, "none-applies": noneApplies, "grid-switch": toggleGrid };
for (const [id, action] of Object.entries(buttons)) find(id).addEventListener("click", action);
for (const id of ["queue-mode", "queue-cluster", "queue-class", "queue-labelled", "queue-audit"]) find(id).addEventListener("change", restart);
keepSwitch(find("auto-advance"), "fringe-auto-advance");
const inGrid = (there, otherwise) => (event) => (grid.isOn ? there(event) : otherwise?.(event));
bindKeys({
  ...Object.fromEntries(facts.classes.filter(({ key, hidden }) => key && !hidden).map(({ key, name }) => [key, () => toggle(name)])),
  0: noneApplies,
  Enter: inGrid(() => grid.apply(), accept),
  " ": inGrid(() => grid.current && grid.mark(grid.current), next),
  ArrowLeft: inGrid(() => grid.move(-1), previous),
  ArrowRight: inGrid(() => grid.move(1), next),
  Backspace: clear,
  g: toggleGrid,
  s: keepLabel,
  "Ctrl+z": undo,
  "Ctrl+Shift+z": redo,
});
start();
