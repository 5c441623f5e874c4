// From counts to colours: stretch, limits, histogram. Pure functions of typed arrays.

import { maskedColour, table } from "./colormaps.mjs";

const SAMPLE = 60_000;
const LARGEST_TABLE = 1 << 16;

/**
 * How counts are stretched: `apply` and its inverse `undo`. Logarithms bend at one count, or at a hundredth
 * of the upper limit where counts are small.
 */
export function makeStretch(name, high) {
  const bend = Math.min(1, Math.max(Math.abs(high), 1e-9) / 100);
  const stretches = {
    linear: [(value) => value, (place) => place],
    sqrt: [(value) => Math.sqrt(Math.max(value, 0)), (place) => place * place],
    log: [(value) => Math.log1p(Math.max(value, 0) / bend), (place) => Math.expm1(place) * bend],
    symlog: [
      (value) => Math.sign(value) * Math.log1p(Math.abs(value) / bend),
      (place) => Math.sign(place) * Math.expm1(Math.abs(place)) * bend,
    ],
  };
  const [apply, undo] = stretches[name] ?? stretches.linear;
  return { apply, undo };
}

/** How often which counts occur among the good pixels: exactly for small whole numbers, else of a sample. */
export class Distribution {
  constructor(values, masked) {
    const isWhole = values instanceof Uint8Array || values instanceof Uint16Array;
    [this.counts, this.sizes] = isWhole ? countWhole(values, masked) : sampleOf(values, masked);
    this.total = this.sizes.reduce((sum, size) => sum + size, 0);
  }

  get least() {
    return this.counts[0] ?? 0;
  }

  get most() {
    return this.counts[this.counts.length - 1] ?? 1;
  }

  /** The counts below which `percent` of the good pixels are. */
  percentile(percent) {
    const wanted = (Math.min(100, Math.max(0, percent)) / 100) * (this.total - 1);
    let [at, sum] = [0, this.sizes[0] ?? 0];
    while (sum <= wanted && at < this.counts.length - 1) sum += this.sizes[++at];
    return this.counts[at] ?? 0;
  }

  /** How many pixels fall into `n` even bins of the stretched range: `{bins, from, to}`. */
  histogram(stretch, n = 96) {
    const [from, to] = [stretch.apply(this.least), stretch.apply(this.most)];
    const bins = new Float64Array(n);
    const width = (to - from) / n || 1;
    this.counts.forEach((value, at) => (bins[Math.min(n - 1, Math.floor((stretch.apply(value) - from) / width))] += this.sizes[at]));
    return { bins, from, to: to > from ? to : from + 1 };
  }
}

function countWhole(values, masked) {
  const all = new Uint32Array(values instanceof Uint8Array ? 256 : LARGEST_TABLE);
  if (masked) for (let at = 0; at < values.length; at += 1) all[values[at]] += 1 - masked[at];
  else for (let at = 0; at < values.length; at += 1) all[values[at]] += 1;
  const [counts, sizes] = [[], []];
  for (let value = 0; value < all.length; value += 1) {
    if (!all[value]) continue;
    counts.push(value);
    sizes.push(all[value]);
  }
  return [counts, sizes];
}

function sampleOf(values, masked) {
  const step = Math.max(1, Math.floor(values.length / SAMPLE));
  const sample = new Float64Array(Math.ceil(values.length / step));
  let n = 0;
  let [least, most] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    if (masked?.[at] || !Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
    if (at % step === 0) sample[n++] = value;
  }
  const sorted = sample.subarray(0, n).sort();
  // Spikes are rare: what a sample would miss at both ends is put back.
  if (n) [sorted[0], sorted[n - 1]] = [least, most];
  return [sorted, new Uint8Array(n).fill(1)];
}

function packedColours(name) {
  const colours = table(name);
  const packed = new Uint32Array(256);
  for (let level = 0; level < 256; level += 1) {
    const [red, green, blue] = colours.subarray(3 * level, 3 * level + 3);
    packed[level] = (255 << 24) | (blue << 16) | (green << 8) | red;
  }
  return packed;
}

/** Paint counts into the pixels of an ImageData: `view` has colours, scale, low, high (counts). */
export function paint(image, values, hidden, view) {
  const pixels = new Uint32Array(image.data.buffer);
  const packed = packedColours(view.colours);
  const [red, green, blue] = maskedColour(view.colours);
  const masked = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  const { apply } = makeStretch(view.scale, view.high);
  const from = apply(view.low);
  const span = apply(view.high) - from || 1;
  const colour = (value) => packed[Math.max(0, Math.min(255, Math.round((255 * (apply(value) - from)) / span)))];
  if (values instanceof Uint8Array || values instanceof Uint16Array) paintWhole(pixels, values, colour, view.high);
  else {
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at];
      pixels[at] = value === value ? colour(value) : masked; // only NaN differs from itself
    }
  }
  if (!hidden) return;
  for (let at = 0; at < values.length; at += 1) if (hidden[at] !== 0) pixels[at] = masked;
}

/** Small whole numbers take their colour from a table, which ends at the upper limit. */
function paintWhole(pixels, values, colour, high) {
  const last = Math.max(0, Math.min(LARGEST_TABLE - 1, Math.ceil(high)));
  const lookup = new Uint32Array(LARGEST_TABLE).fill(colour(last));
  for (let value = 0; value < last; value += 1) lookup[value] = colour(value);
  for (let at = 0; at < values.length; at += 1) pixels[at] = lookup[values[at]];
}

/** A number as a person writes it: four figures, no long tail. */
export function brief(value) {
  if (!Number.isFinite(value)) return "no value";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  return size >= 1e6 || (size > 0 && size < 1e-3) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}
