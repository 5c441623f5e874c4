// The frame page: from frame to frame without loading the page again, in full resolution, condensed, or as a
// pattern over many.

import { count, pageFacts } from "./api.mjs";
import { FramePicture } from "./frame-picture.mjs";
import { savePixels, saveShown } from "./frame-save.mjs";
import { Settings } from "./frame-settings.mjs";
import { FrameStore } from "./frame-store.mjs";
import { bindKeys } from "./keys.mjs";
import { paintThumbs } from "./thumbs.mjs";

const AHEAD = 3;
const LOADING_AFTER_MS = 200;
const SIDE_AFTER_MS = 150;
const facts = pageFacts();
const find = (id) => document.getElementById(id);
let index = facts.index;
let direction = 1;

function paintSide() {
  paintThumbs(find("frame-side"), facts);
  find("frame-side").querySelectorAll("[data-colour]").forEach((swatch) => (swatch.style.backgroundColor = swatch.dataset.colour));
}

/** The picture and its tools; absent where a data set has neither frames nor condensed ones. */
class Viewer {
  constructor() {
    this.store = new FrameStore(facts);
    this.settings = new Settings(facts.dataset, (name) => this.onSetting(name));
    this.picture = new FramePicture(facts, this.store, this.settings);
    this.kind = facts.problem || !facts.source ? "condensed" : "full";
    this.pattern = null;
    this.buttons = new Map([...document.querySelectorAll("[data-show]")].map((button) => [button.dataset.show, button]));
    for (const [kind, button] of this.buttons) button.addEventListener("click", () => this.change(kind));
    this.keepPercents();
    this.nameLimits();
  }

  onSetting(name) {
    const { settings, picture } = this;
    if (name === "limits" || name === "same") this.changeLimits(name);
    this.keepPercents();
    if (name === "fileMask" || name === "condensingMask") picture.applyMasks();
    else if (name === "rings") picture.drawMarks();
    else if (name === "profileLog") picture.drawProfile();
    else picture.paint();
    this.nameLimits();
    settings.write();
  }

  /** One scale for all frames is one in counts: that of the frame on which it was asked for. */
  changeLimits(name) {
    const { settings, picture } = this;
    const wantsCounts = name === "same" ? settings.get("same") : settings.get("limits") === "counts";
    if (wantsCounts) {
      const kept = name === "same" && settings.get("limits") === "counts";
      if (!kept) {
        settings.set({ limits: "percent", ...this.percents });
        const [low, high] = picture.limits();
        settings.set({ limits: "counts", low, high });
      }
    } else settings.set({ limits: "percent", same: false, ...this.percents });
  }

  /** Percentiles are kept while limits are in counts, so that one can return to them. */
  keepPercents() {
    const { limits, low, high } = this.settings.values;
    if (limits === "percent") this.percents = { low, high };
    this.percents ??= { low: 0, high: 99.9 };
  }

  nameLimits() {
    const unit = this.settings.get("limits") === "percent" ? "%" : "counts";
    for (const name of ["low", "high"]) this.settings.controls.get(name).setAttribute("aria-label", `${name === "low" ? "from" : "to"}, in ${unit}`);
  }

  change(kind) {
    if (this.buttons.get(kind).disabled) return;
    this.kind = kind;
    this.show();
  }

  toggle() {
    this.change(this.kind === "condensed" ? "full" : "condensed");
  }

  /** Show the frame that the page is at; a later call wins. */
  async show() {
    const { kind, store } = this;
    const asked = (this.asked = {});
    for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", String(name === kind));
    if (kind === "pattern") {
      this.put(this.pattern, this.pattern.caption);
      return;
    }
    const at = index;
    const timer = setTimeout(() => this.asked === asked && this.say(`Loading frame ${at} …`), LOADING_AFTER_MS);
    try {
      if (kind === "full" && store.isLarge && !store.has(at, kind)) await this.preview(at, asked);
      const frame = await store.frame(at, kind);
      if (this.asked !== asked) return;
      const size = `${frame.height} × ${frame.width} px, ${frame.type}`;
      this.put(frame, kind === "full" ? `Full resolution: ${size}, as in the file` : `Condensed: ${size}, shown in counts`);
      this.loadAhead();
    } catch (error) {
      if (this.asked === asked) this.fail(error.message);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A large frame is shown coarse first. */
  async preview(at, asked) {
    const bin = this.store.previewBin;
    const frame = await this.store.frame(at, "full", bin);
    if (this.asked !== asked) return;
    this.put({ ...frame, fullHeight: facts.height, fullWidth: facts.width }, `Averaged over ${bin} × ${bin} px; the rest is on its way …`);
  }

  put(frame, caption) {
    this.say("");
    if (!this.settings.get("same") && this.settings.get("limits") === "counts" && this.shown !== index) {
      this.settings.set({ limits: "percent", ...this.percents });
      this.nameLimits();
    }
    this.shown = index;
    find("frame-caption").textContent = caption;
    find("frame-canvas").setAttribute("aria-label", frame.kind === "pattern" ? caption : `Frame ${index}. ${caption}`);
    this.picture.show(frame);
    find("frame-canvas").dataset.frame = frame.kind === "pattern" ? "pattern" : `${frame.kind} ${index}`;
  }

  loadAhead() {
    const steps = [1, -1, ...Array.from({ length: AHEAD - 1 }, (_, step) => step + 2)];
    for (const step of steps) {
      const next = index + step * direction;
      if (next >= 0 && next < facts.nFrames && !this.store.isLarge) this.store.frame(next, this.kind).catch(() => {});
    }
  }

  say(text) {
    const message = find("frame-message");
    message.hidden = !text;
    message.textContent = text;
    message.classList.remove("bad");
  }

  fail(text) {
    this.say(text);
    const message = find("frame-message");
    message.classList.add("bad");
    const again = document.createElement("button");
    Object.assign(again, { type: "button", className: "btn btn-sm btn-outline-secondary", textContent: "Try again" });
    again.addEventListener("click", () => this.show());
    message.append(" ", again);
    if (this.kind === "full" && !this.buttons.get("condensed").disabled) {
      const other = again.cloneNode();
      other.textContent = "Show the condensed frame";
      other.addEventListener("click", () => this.change("condensed"));
      message.append(" ", other);
    }
  }

  async showPattern(form) {
    const chosen = new FormData(form);
    const [scope, value] = chosen.get("of").split(/:(.*)/s);
    const query = new URLSearchParams({ what: chosen.get("what"), of: facts.source ?? "" });
    query.set(scope, scope === "frames" ? chosen.get("frames") : value);
    if (facts.clustering) query.set("clustering", facts.clustering);
    const asked = (this.asked = {});
    this.say("Adding up frames; of thousands, this takes a minute …");
    try {
      const pattern = await this.store.pattern(query);
      const of = scope === "cluster" ? (value === "-1" ? "the noise" : `cluster ${value}`) : scope === "class" ? `class ${value}` : "the frames named";
      const some = pattern.used < pattern.chosen ? `${count(pattern.used)} frames, evenly taken from the ${count(pattern.chosen)}` : `the ${count(pattern.used)} frames`;
      this.pattern = { ...pattern, caption: `${chosen.get("what")} of ${some} of ${of}`.replace(/^./, (letter) => letter.toUpperCase()) };
      this.buttons.get("pattern").disabled = false;
      const npy = find("pattern-npy");
      npy.hidden = false;
      npy.href = `${facts.patternUrl}?${query}&as=npy`;
      if (this.asked === asked) this.change("pattern");
    } catch (error) {
      if (this.asked === asked) this.fail(error.message);
    }
  }

  press(name, next) {
    this.settings.set({ [name]: next(this.settings.get(name)) });
    this.onSetting(name);
  }

  toggleMasks() {
    const isOn = this.settings.get("fileMask") || this.settings.get("condensingMask");
    this.settings.set({ fileMask: !isOn, condensingMask: !isOn });
    this.onSetting("fileMask");
  }

  saveShown() {
    const [low, high] = this.picture.limits();
    const { colours, scale } = this.settings.values;
    const title = this.kind === "pattern" ? `${facts.name}: ${this.pattern.caption}` : `${facts.name}, frame ${index}`;
    saveShown(this.picture.view, `${this.fileName}-shown.png`, { title, scale, colours, low, high, unit: "counts" });
  }

  get fileName() {
    return this.kind === "pattern" ? "pattern" : `frame-${index}`;
  }
}

let sideTimer = null;
function refreshSide() {
  clearTimeout(sideTimer);
  const asked = index;
  sideTimer = setTimeout(() => {
    window.htmx.ajax("GET", `${facts.framesUrl}${asked}/`, { target: "#frame-side", swap: "innerHTML" });
  }, SIDE_AFTER_MS);
}

function point(id, to) {
  const link = find(id);
  link.hidden = to < 0 || to >= facts.nFrames;
  if (!link.hidden) link.href = `${facts.framesUrl}${to}/`;
}

/** Go to another frame on this page. */
function go(to) {
  if (to < 0 || to >= facts.nFrames || to === index) return;
  direction = to >= index ? 1 : -1;
  index = to;
  find("frame-number").textContent = String(index);
  document.title = `Frame ${index} of ${facts.name} · Fringe`;
  history.replaceState(null, "", `${facts.framesUrl}${index}/`);
  point("previous-frame", index - 1);
  point("next-frame", index + 1);
  for (const id of ["full-npy", "condensed-npy"]) if (find(id)) find(id).href = find(id).href.replace(/frames\/\d+\//, `frames/${index}/`);
  find("label-frame").href = find("label-frame").href.replace(/frame=\d+/, `frame=${index}`);
  if (viewer?.kind === "pattern") viewer.kind = facts.problem ? "condensed" : "full";
  viewer?.show();
  refreshSide();
}

const random = () => go(Math.floor(Math.random() * facts.nFrames));
const viewer = find("frame-canvas") ? new Viewer() : null;

for (const [id, step] of [["previous-frame", -1], ["next-frame", 1]]) {
  find(id).addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(index + step);
  });
}
find("random-frame").addEventListener("click", random);
bindKeys({ ArrowLeft: () => go(index - 1), ArrowRight: () => go(index + 1), " ": random });
find("frame-side").addEventListener("htmx:afterSettle", paintSide);
paintSide();

function start() {
  const { view } = viewer.picture;
  const fullScreen = () => (document.fullscreenElement ? document.exitFullscreen() : find("frame-stage").requestFullscreen?.());
  const zooms = { in: () => view.zoom("in"), out: () => view.zoom("out"), fit: () => view.fit(), one: () => view.zoomTo(1 / (window.devicePixelRatio || 1)) };
  for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", zooms[button.dataset.zoom]);
  const saving = document.querySelector(".frame-save");
  saving.addEventListener("click", (event) => event.target.closest(".frame-save-menu > *") && (saving.open = false));
  document.addEventListener("click", (event) => !saving.contains(event.target) && (saving.open = false));
  saving.addEventListener("keydown", (event) => event.key === "Escape" && (saving.open = false));
  find("full-screen").addEventListener("click", fullScreen);
  find("save-shown").addEventListener("click", () => viewer.saveShown());
  find("save-bare").addEventListener("click", () => savePixels(view, `${viewer.fileName}.png`));
  find("pattern-form").addEventListener("submit", (event) => {
    event.preventDefault();
    viewer.showPattern(event.target);
  });
  bindKeys({
    "+": zooms.in, "=": zooms.in, "-": zooms.out, 0: zooms.fit, 1: zooms.one,
    c: () => viewer.toggle(),
    f: fullScreen,
    l: () => viewer.press("scale", (scale) => (scale === "log" ? "linear" : "log")),
    m: () => viewer.toggleMasks(),
    r: () => viewer.press("rings", (isOn) => !isOn),
  });
  viewer.show();
}

if (viewer) start();
