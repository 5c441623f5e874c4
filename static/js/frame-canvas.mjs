// One condensed frame on a canvas: colours, scale, limits, mask.

import { fetchArray } from "./api.mjs";
import { maskedColour, table } from "./colormaps.mjs";

const KEPT = 40;

export class FrameCanvas {
  /** `facts` has framesUrl, maskUrl, condensation (a product's id) and scaleMax (counts at 255, may be null). */
  constructor(canvas, facts) {
    Object.assign(this, { canvas, facts });
    this.view = { colours: "inferno", scale: "log", low: 0, high: 100, mask: true };
    this.raw = new Map();
    this.pixels = null;
    this.mask = null;
    this.loadMask();
  }

  async loadMask() {
    if (!this.facts.maskUrl) return;
    try {
      this.mask = await fetchArray(this.facts.maskUrl, Uint8Array);
      this.draw();
    } catch {
      this.mask = null; // the geometry does not tell; the frame is shown without
    }
  }

  /** Fetch a frame's pixels, or find them fetched. */
  fetch(index) {
    if (!this.raw.has(index)) {
      const url = `${this.facts.framesUrl}${index}/raw.bin?of=${this.facts.condensation}`;
      const answer = fetchArray(url, Uint8Array);
      answer.catch(() => this.raw.delete(index));
      this.raw.set(index, answer);
      if (this.raw.size > KEPT) this.raw.delete(this.raw.keys().next().value);
    }
    return this.raw.get(index);
  }

  /** Show a frame; a later call wins over an earlier one that is still on its way. */
  async show(index) {
    this.index = index;
    const pixels = await this.fetch(index);
    if (this.index !== index) return;
    this.pixels = pixels;
    this.side = Math.round(Math.sqrt(pixels.length));
    this.draw();
  }

  set(changes) {
    Object.assign(this.view, changes);
    this.draw();
  }

  isMasked(at) {
    return this.mask?.length === this.pixels.length && this.mask[at] === 1;
  }

  /** Counts at brightness `level`. */
  counts(level) {
    const top = this.facts.scaleMax;
    return top ? Math.expm1((level / 255) * Math.log1p(top)) : level;
  }

  /** For each of the 256 levels its place between black and white, before limits. */
  transform() {
    const top = this.counts(255);
    const bend = { log: (level) => level / 255, linear: (level) => this.counts(level) / top, sqrt: (level) => Math.sqrt(this.counts(level) / top) };
    return Float64Array.from({ length: 256 }, (_, level) => bend[this.view.scale](level));
  }

  limits(values) {
    const histogram = new Float64Array(256);
    let total = 0;
    for (let at = 0; at < this.pixels.length; at += 1) {
      if (this.isMasked(at)) continue;
      histogram[this.pixels[at]] += 1;
      total += 1;
    }
    const at = (percent) => {
      let sum = 0;
      for (let level = 0; level < 256; level += 1) {
        sum += histogram[level];
        if (sum >= (percent / 100) * total && sum > 0) return values[level];
      }
      return values[255];
    };
    return [at(this.view.low), at(this.view.high)];
  }

  draw() {
    if (!this.pixels) return;
    const { canvas, side, view } = this;
    canvas.width = canvas.height = side;
    const values = this.transform();
    const [low, high] = this.limits(values);
    const colours = table(view.colours);
    const masked = maskedColour(view.colours);
    const levels = values.map((value) => Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low || 1)))));
    const context = canvas.getContext("2d");
    const image = context.createImageData(side, side);
    for (let at = 0; at < this.pixels.length; at += 1) {
      const hide = view.mask && this.isMasked(at);
      const from = 3 * levels[this.pixels[at]];
      for (let channel = 0; channel < 3; channel += 1) {
        image.data[4 * at + channel] = hide ? masked[channel] : colours[from + channel];
      }
      image.data[4 * at + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }
}
