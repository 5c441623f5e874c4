// The page of masks, centre and recipe.

import { count, csrfToken, fetchArray, pageFacts } from "./api.mjs";
import { bindKeys } from "./keys.mjs";
import { MaskCanvas } from "./mask-canvas.mjs";
import { Mask } from "./mask-shapes.mjs";

const facts = pageFacts();
const find = (id) => document.getElementById(id);
const form = find("recipe-form").elements;
const mask = new Mask(facts.height, facts.width);
const view = new MaskCanvas(find("mask-canvas"), mask, facts);
let tool = "brush";
let savedBits = null;

const value = () => (find("mask-erase").checked ? 0 : 1);
const width = () => Math.max(1, Number(find("brush-width").value) || 1);

function changed() {
  const isSaved = savedBits !== null && equal(savedBits, mask.pack());
  find("unsaved").hidden = isSaved || (savedBits === null && mask.count() === 0);
  find("mask-undo").disabled = mask.past.length === 0;
  view.draw();
}

function equal(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Do something to the mask that can be taken back. */
function act(change) {
  mask.remember();
  change();
  changed();
  say(`${count(mask.count())} pixels are drawn over.`);
}

const say = (words) => (find("mask-readout").textContent = words);

function choose(name) {
  tool = name;
  view.draft = null;
  view.draw();
  document.querySelectorAll("[data-tool]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tool === name)));
}

function moveCentre([row, column], isGiven = true) {
  view.centre = [row, column];
  if (isGiven) {
    form.centre_row.value = row.toFixed(1);
    form.centre_column.value = column.toFixed(1);
  }
  view.draw();
}

function closePolygon() {
  if (view.draft?.kind !== "polygon") return;
  const { corners } = view.draft;
  view.draft = null;
  act(() => mask.polygon(corners, value()));
}

function finish(kind, [from, to]) {
  view.draft = null;
  act(() => {
    if (kind === "circle") return mask.circle(...from, Math.hypot(to[0] - from[0], to[1] - from[1]), value());
    const [top, bottom] = [from[0], to[0]].sort((a, b) => a - b);
    const [left, right] = [from[1], to[1]].sort((a, b) => a - b);
    return mask.fill(top, left, bottom, right, value());
  });
}

function listenToPointer(canvas) {
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    last = view.under(event);
    if (tool === "polygon") {
      view.draft ??= { kind: "polygon", corners: [] };
      view.draft.corners.push(last);
      say("Click the next corner; Enter or a double click closes the polygon.");
      return view.draw();
    }
    canvas.setPointerCapture(event.pointerId);
    if (tool === "brush") act(() => mask.stroke(last, last, width(), value()));
    else if (tool === "centre") moveCentre(last);
    else view.draft = { kind: tool, corners: [last, last] };
    return undefined;
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = view.under(event);
    if (!last || tool === "polygon") {
      const [row, column] = here.map(Math.round);
      const isIn = row >= 0 && column >= 0 && row < facts.height && column < facts.width;
      if (isIn && !view.draft) say(`row ${row}, column ${column}${reasonsAt(row, column)}`);
      return;
    }
    if (tool === "brush") {
      mask.stroke(last, here, width(), value());
      view.draw();
      last = here;
    } else if (tool === "centre") moveCentre(here);
    else if (view.draft) {
      view.draft.corners[1] = here;
      view.draw();
    }
  });
  const end = () => {
    if (tool === "brush" && last) changed();
    if (last && view.draft && tool !== "polygon") finish(view.draft.kind, view.draft.corners);
    last = null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("dblclick", closePolygon);
}

function reasonsAt(row, column) {
  const at = Math.floor(row / facts.step) * view.width + Math.floor(column / facts.step);
  const names = Object.keys(facts.bits).filter((name) => view.reasons?.[at] & facts.bits[name]);
  if (mask.pixels[row * facts.width + column] && !names.includes("drawn")) names.push("drawn");
  return names.length ? `: masked (${names.join(", ")})` : "";
}

function listenToShapes(shapes) {
  const fields = shapes.elements;
  fields.shape.addEventListener("input", () => {
    shapes.querySelectorAll("[data-for]").forEach((label) => (label.hidden = !label.dataset.for.split(" ").includes(fields.shape.value)));
  });
  shapes.addEventListener("submit", (event) => {
    event.preventDefault();
    const fill = event.submitter?.value === "erase" ? 0 : 1;
    const [row, column] = [Number(fields.row.value), Number(fields.column.value)];
    const corners = fields.shape.value === "polygon" ? cornersIn(fields.corners.value) : [];
    if (!corners) return say("A polygon needs at least three corners, each a row and a column: 10 10; 10 60; 50 30");
    act(() => {
      if (fields.shape.value === "circle") mask.circle(row, column, Number(fields.radius.value), fill);
      else if (fields.shape.value === "rectangle") {
        mask.fill(row, column, row + Number(fields.height.value) - 1, column + Number(fields.width.value) - 1, fill);
      } else mask.polygon(corners, fill);
    });
  });
}

/** Return rows and columns of the corners, or null where the text does not say at least three. */
function cornersIn(text) {
  const parts = text.split(";").map((pair) => pair.trim()).filter(Boolean);
  const pairs = parts.map((pair) => pair.split(/[\s,]+/).map(Number));
  return pairs.length > 2 && pairs.every((pair) => pair.length === 2 && pair.every(Number.isFinite)) ? pairs : null;
}

async function save() {
  const saved = find("mask-saved");
  const bits = mask.pack();
  saved.textContent = "Saving …";
  try {
    const url = `${facts.saveUrl}?note=${encodeURIComponent(find("mask-note").value)}`;
    const headers = { "X-CSRFToken": csrfToken(), "Content-Type": "application/octet-stream" };
    const response = await fetch(url, { method: "POST", redirect: "manual", headers, body: bits });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    savedBits = bits;
    facts.versions[answer.sha256] = answer.version;
    if (![...form.drawn_mask.options].some((option) => option.value === answer.sha256)) {
      form.drawn_mask.add(new Option(`version ${answer.version}`, answer.sha256));
    }
    form.drawn_mask.value = answer.sha256;
    saved.textContent = `Saved: ${answer.words}, ${count(answer.n)} px. The recipe uses it now.`;
    changed();
  } catch (error) {
    saved.textContent = error.message || "The mask could not be saved.";
  }
}

async function load(version) {
  try {
    const bits = await fetchArray(`${facts.bitsUrl}${version}.bin`, Uint8Array);
    act(() => mask.unpack(bits));
    savedBits = bits;
    changed();
  } catch (error) {
    say(error.message);
  }
}

async function showReasons(url) {
  if (!url) return;
  try {
    view.reasons = await fetchArray(url, Uint8Array);
    view.draw();
  } catch (error) {
    say(error.message);
  }
}

function listenToForm() {
  const typed = () => {
    const place = [form.centre_row.value, form.centre_column.value];
    if (place.every((text) => text !== "" && Number.isFinite(Number(text)))) moveCentre(place.map(Number), false);
    else moveCentre(facts.centre ?? [(facts.height - 1) / 2, (facts.width - 1) / 2], false);
  };
  form.centre_row.addEventListener("input", typed);
  form.centre_column.addEventListener("input", typed);
  form.drawn_mask.addEventListener("input", () => {
    const version = facts.versions[form.drawn_mask.value];
    if (version) load(version);
  });
  if (form.centre_row.value) typed();
  if (form.drawn_mask.value) load(facts.versions[form.drawn_mask.value]);
}

document.querySelectorAll("[data-tool]").forEach((button) => button.addEventListener("click", () => choose(button.dataset.tool)));
document.querySelectorAll("[data-load-mask]").forEach((button) =>
  button.addEventListener("click", () => {
    form.drawn_mask.value = button.dataset.sha;
    load(button.dataset.loadMask);
  }),
);
for (const name of ["found", "drawn", "centre"]) {
  find(`show-${name}`).addEventListener("input", (event) => {
    view.shown[name] = event.target.checked;
    view.draw();
  });
}
find("pattern-choice").addEventListener("input", (event) => (find("pattern").src = facts.patterns[event.target.value]));
/** Zoom 1 shows the whole frame in the window. */
function zoom(factor) {
  const fit = `min(100%, ${(78 * facts.width) / facts.height}vh)`;
  document.querySelector(".mask-stage").style.width = factor > 1 ? `calc(${factor} * ${fit})` : fit;
}

find("mask-zoom").addEventListener("input", (event) => zoom(Number(event.target.value)));
zoom(1);
find("mask-undo").addEventListener("click", () => mask.undo() && changed());
find("mask-invert").addEventListener("click", () => act(() => mask.invert()));
find("mask-clear").addEventListener("click", () => act(() => mask.clear()));
find("mask-save")?.addEventListener("click", save);
listenToPointer(find("mask-canvas"));
listenToShapes(find("shape-form"));
listenToForm();
document.body.addEventListener("htmx:afterSettle", (event) => {
  const preview = find("recipe-preview");
  if (event.target !== preview || !preview.dataset.reasonsUrl) return;
  showReasons(preview.dataset.reasonsUrl);
  if (preview.dataset.row) moveCentre([Number(preview.dataset.row), Number(preview.dataset.column)], false);
});
bindKeys({
  b: () => choose("brush"),
  r: () => choose("rectangle"),
  c: () => choose("circle"),
  p: () => choose("polygon"),
  o: () => choose("centre"),
  e: () => find("mask-erase").click(),
  i: () => find("mask-invert").click(),
  Enter: closePolygon,
  "Ctrl+z": () => mask.undo() && changed(),
});
showReasons(facts.reasonsUrl);
changed();
