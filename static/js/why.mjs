// Why a frame got its class: what spoke for it, laid over the condensed frame.

import { fetchArray, pageFacts } from "./api.mjs";
import { FrameCanvas } from "./frame-canvas.mjs";
import { bindKeys } from "./keys.mjs";

// No colour of the frame's own maps: it stays to be told from bright pixels.
const HEAT = [64, 224, 255];
const DISPLAY = "fringe-frame-display"; // where the frame page keeps how frames are shown

function coloursOfPage() {
  try {
    return JSON.parse(localStorage.getItem(DISPLAY))?.colours ?? "inferno";
  } catch {
    return "inferno";
  }
}

class Why {
  constructor(root, facts) {
    this.root = root;
    this.find = (name) => root.querySelector(`[data-why-${name}]`);
    this.picture = new FrameCanvas(this.find("frame"), facts);
    this.picture.view.colours = coloursOfPage();
    this.picture.view.high = 99.9;
    this.find("class").addEventListener("change", () => this.show());
    this.find("strength").addEventListener("input", () => this.fade());
    this.fade();
    this.show();
  }

  fade() {
    this.find("heat").style.opacity = this.find("strength").value / 100;
  }

  async show() {
    const { index, of, heatUrl } = this.root.dataset;
    const option = this.find("class").selectedOptions[0];
    const place = option.value;
    const name = option.textContent;
    try {
      const [heat] = await Promise.all([fetchArray(`${heatUrl}?place=${place}&of=${of}`, Uint8Array), this.picture.show(Number(index))]);
      if (this.find("class").value !== place) return; // another class was chosen meanwhile
      this.paint(heat);
      const silent = "silent" in option.dataset;
      this.find("words").textContent = silent ? `${name}: nothing in this frame spoke for it.` : `${name}: ${describe(heat)}`;
      this.root.dataset.shown = place;
    } catch (error) {
      this.find("words").textContent = `It cannot be shown: ${error.message}`;
    }
  }

  paint(heat) {
    const canvas = this.find("heat");
    const side = Math.round(Math.sqrt(heat.length));
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    const image = context.createImageData(side, side);
    heat.forEach((value, at) => image.data.set([...HEAT, value], 4 * at));
    context.putImageData(image, 0, 0);
  }
}

/** Say in words where most of the heat lies: for those who do not see it. */
function describe(heat) {
  const side = Math.round(Math.sqrt(heat.length));
  const middle = (side - 1) / 2;
  const rings = [0, 0, 0];
  const sides = { right: 0, below: 0, left: 0, above: 0 };
  let total = 0;
  heat.forEach((value, at) => {
    const [down, across] = [Math.floor(at / side) - middle, (at % side) - middle];
    rings[Math.min(2, Math.floor((3 * Math.hypot(down, across)) / middle))] += value;
    const name = Math.abs(down) > Math.abs(across) ? (down > 0 ? "below" : "above") : across > 0 ? "right" : "left";
    sides[name] += value;
    total += value;
  });
  const share = (value) => Math.round((100 * value) / (total || 1));
  const [inner, between, outer] = rings.map(share);
  const most = Object.entries(sides).sort(([, a], [, b]) => b - a)[0];
  return `${inner} % of what spoke for it lies in the inner third of the radius, ${between} % in the middle, ${outer} % outside; most of it ${most[0]} (${share(most[1])} %).`;
}

const facts = pageFacts();
const side = document.getElementById("frame-side");
function begin() {
  const root = side.querySelector("[data-why]:not([data-begun])");
  if (!root) return;
  root.dataset.begun = "";
  new Why(root, facts);
}
side.addEventListener("htmx:afterSettle", begin);
bindKeys({
  w: () => {
    document.getElementById("ask-why")?.click();
    side.querySelector("[data-why-class]")?.focus();
  },
});
begin();
