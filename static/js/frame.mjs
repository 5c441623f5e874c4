// The frame page.

import { pageFacts } from "./api.mjs";
import { FrameCanvas } from "./frame-canvas.mjs";
import { bindKeys } from "./keys.mjs";
import { drawProfile } from "./profile.mjs";
import { paintThumbs } from "./thumbs.mjs";

const KEY = "fringe-frame-view";
const facts = pageFacts();
const find = (id) => document.getElementById(id);
const controls = document.querySelectorAll("[data-view]");

function go(id) {
  const link = find(id);
  if (link) window.location.href = link.href;
}

function readView() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function valueOf(control) {
  if (control.type === "checkbox") return control.checked;
  return control.type === "number" ? Math.min(100, Math.max(0, Number(control.value))) : control.value;
}

function start(canvas) {
  const frame = new FrameCanvas(canvas, facts);
  const profile = () => frame.pixels && drawProfile(find("profile"), frame.radialProfile());
  const apply = () => {
    const view = Object.fromEntries([...controls].map((control) => [control.dataset.view, valueOf(control)]));
    frame.set(view);
    try {
      localStorage.setItem(KEY, JSON.stringify(view));
    } catch {
      // A browser that keeps nothing shows the next frame in the usual way.
    }
  };
  const kept = readView();
  for (const control of controls) {
    const value = kept[control.dataset.view];
    if (value !== undefined && control.type === "checkbox") control.checked = value;
    else if (value !== undefined) control.value = value;
    control.addEventListener("input", apply);
  }
  apply();
  frame.show(facts.index).then(profile).catch((error) => (find("frame-value").textContent = error.message));
  frame.loadMask().then(profile);
  canvas.addEventListener("pointermove", (event) => {
    const pixel = frame.under(event);
    if (!pixel) return;
    const value = pixel.isMasked ? "masked" : `${pixel.counts.toPrecision(4)} counts`;
    find("frame-value").textContent = `row ${pixel.row}, column ${pixel.column}: ${value}`;
  });
  canvas.addEventListener("pointerleave", () => (find("frame-value").textContent = ""));
  find("save-png").addEventListener("click", () => frame.savePicture(`frame-${facts.index}.png`));
  const press = (name, change) => {
    const control = document.querySelector(`[data-view="${name}"]`);
    change(control);
    apply();
  };
  bindKeys({
    l: () => press("scale", (control) => (control.value = control.value === "log" ? "linear" : "log")),
    m: () => press("mask", (control) => (control.checked = !control.checked)),
  });
}

bindKeys({ ArrowLeft: () => go("previous-frame"), ArrowRight: () => go("next-frame") });
paintThumbs(document, facts);
document.querySelectorAll("[data-colour]").forEach((swatch) => (swatch.style.backgroundColor = swatch.dataset.colour));
const canvas = find("frame-canvas");
if (canvas) start(canvas);
