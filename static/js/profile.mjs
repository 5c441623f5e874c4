// The radial profile: mean counts in rings about the beam, as a curve over which a ring can be chosen.

import { brief } from "./frame-scale.mjs";
import { element, ticks } from "./svg.mjs";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [480, 176, 52, 30, 8, 8];
const MOST_DECADES = 5;

/** The ring, one pixel wide, that each pixel is in, and how many rings there are; the centre is (row, column). */
export function ringsOf(height, width, [row, column]) {
  const of = new Uint16Array(height * width);
  let most = 0;
  for (let at = 0, y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      const ring = Math.round(Math.sqrt((x - column) ** 2 + (y - row) ** 2));
      of[at] = ring;
      if (ring > most) most = ring;
    }
  }
  return { of, n: most + 1 };
}

/** Mean counts in each ring, NaN where no pixel has a value that may be used. */
export function radialProfile(values, masked, rings) {
  const [sums, sizes] = [new Float64Array(rings.n), new Uint32Array(rings.n)];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    if ((masked !== null && masked[at] !== 0) || value !== value) continue;
    sums[rings.of[at]] += value;
    sizes[rings.of[at]] += 1;
  }
  return Array.from(sums, (sum, ring) => (sizes[ring] ? sum / sizes[ring] : NaN));
}

export class ProfilePlot {
  /** `onRing(radius or null)` hears over which ring the pointer is. */
  constructor(svg, onRing) {
    Object.assign(this, { svg, profile: [], isLog: true });
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      const radius = Math.round(((x - LEFT) / (WIDTH - LEFT - RIGHT)) * (this.profile.length - 1));
      onRing(radius >= 0 && radius < this.profile.length ? radius : null);
    });
    svg.addEventListener("pointerleave", () => onRing(null));
  }

  /** Draw a profile, of which `unit` says what radii are counted in. */
  draw(profile, isLog, unit) {
    Object.assign(this, { profile, isLog });
    this.x = (radius) => LEFT + (radius / Math.max(1, profile.length - 1)) * (WIDTH - LEFT - RIGHT);
    const { y, marks } = isLog ? logarithmic(profile) : linear(profile);
    this.y = y;
    const parts = [element("path", { class: "axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` })];
    for (const value of marks) parts.push(element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, brief(value)));
    for (const radius of ticks(0, profile.length - 1, 6)) {
      parts.push(element("text", { x: this.x(radius), y: HEIGHT - BOTTOM + 13, "text-anchor": "middle" }, String(radius)));
    }
    parts.push(element("text", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, `radius in ${unit}`));
    parts.push(element("path", { class: "curve", d: this.line(profile) }));
    this.ring = element("line", { class: "ring", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.replaceChildren(...parts, this.ring);
  }

  line(profile) {
    let [pen, line] = ["M", ""];
    profile.forEach((value, radius) => {
      if (!Number.isFinite(value)) {
        pen = "M";
        return;
      }
      line += `${pen}${this.x(radius).toFixed(1)} ${this.y(value).toFixed(1)}`;
      pen = "L";
    });
    return line || `M${LEFT} ${TOP}`;
  }

  /** Mark a ring in the curve. */
  mark(radius) {
    if (!this.ring) return;
    this.ring.setAttribute("visibility", radius === null ? "hidden" : "visible");
    if (radius !== null) for (const end of ["x1", "x2"]) this.ring.setAttribute(end, this.x(radius));
  }
}

function logarithmic(profile) {
  const good = profile.filter((value) => value > 0);
  const top = good.length ? good.reduce((a, b) => Math.max(a, b)) : 1;
  const low = Math.max(good.length ? good.reduce((a, b) => Math.min(a, b)) : top / 10, top * 10 ** -MOST_DECADES);
  const from = Math.floor(Math.log10(low));
  const to = Math.max(Math.ceil(Math.log10(top)), from + 1);
  const y = (value) => HEIGHT - BOTTOM - ((Math.log10(Math.max(value, 10 ** from)) - from) / (to - from)) * (HEIGHT - BOTTOM - TOP);
  return { y, marks: Array.from({ length: to - from + 1 }, (_, power) => 10 ** (from + power)) };
}

function linear(profile) {
  const good = profile.filter(Number.isFinite);
  const top = good.length ? good.reduce((a, b) => Math.max(a, b)) : 1;
  const low = Math.min(0, good.length ? good.reduce((a, b) => Math.min(a, b)) : 0);
  const span = top - low || 1;
  return { y: (value) => HEIGHT - BOTTOM - ((value - low) / span) * (HEIGHT - BOTTOM - TOP), marks: ticks(low, top, 4) };
}
