// How many pixels have how many counts, with two handles that are the limits of the picture.

import { brief } from "./frame-scale.mjs";
import { element } from "./svg.mjs";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [480, 110, 10, 20, 6, 10];
const NAMES = ["lower limit", "upper limit"];

export class HistogramPlot {
  /** `onLimits(low, high)` hears of limits, in counts, that a person has moved. */
  constructor(svg, onLimits) {
    Object.assign(this, { svg, onLimits });
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.addEventListener("pointermove", (event) => this.drag !== undefined && this.move(this.drag, this.placeOf(event)));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (this.drag = undefined));
  }

  /** Draw `{bins, from, to}` of stretched counts, and the limits `[low, high]` in counts. */
  draw(found, stretch, limits) {
    Object.assign(this, { ...found, stretch, limits: [...limits] });
    const { bins } = found;
    const top = Math.log1p(bins.reduce((a, b) => Math.max(a, b), 1));
    const width = (WIDTH - LEFT - RIGHT) / bins.length;
    let area = `M${LEFT} ${HEIGHT - BOTTOM}`;
    bins.forEach((n, place) => {
      const y = HEIGHT - BOTTOM - (Math.log1p(n) / top) * (HEIGHT - BOTTOM - TOP);
      area += `L${(LEFT + place * width).toFixed(1)} ${y.toFixed(1)}H${(LEFT + (place + 1) * width).toFixed(1)}`;
    });
    const parts = [element("path", { class: "bars", d: `${area}V${HEIGHT - BOTTOM}Z` })];
    parts.push(element("path", { class: "axis", d: `M${LEFT} ${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }));
    for (const [share, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
      const counts = stretch.undo(found.from + share * (found.to - found.from));
      const at = LEFT + share * (WIDTH - LEFT - RIGHT);
      parts.push(element("text", { x: at, y: HEIGHT - 5, "text-anchor": anchor }, `${brief(Number(counts.toPrecision(3)))}${share ? "" : " counts"}`));
    }
    this.makeHandles();
    this.ground.replaceChildren(...parts);
    this.placeHandles();
  }

  /** The handles stay where they are in the document, so that one keeps the focus while its limit is moved. */
  makeHandles() {
    if (this.handles) return;
    this.ground = element("g");
    this.handles = NAMES.map((name, which) => {
      const handle = element("g", { class: "handle", tabindex: 0, role: "slider", "aria-label": name });
      handle.append(element("rect", { class: "grip", x: -7, y: 0, width: 14, height: HEIGHT - BOTTOM }));
      handle.append(element("line", { y1: 0, y2: HEIGHT - BOTTOM }));
      handle.addEventListener("pointerdown", (event) => {
        this.drag = which;
        this.svg.setPointerCapture(event.pointerId);
      });
      handle.addEventListener("keydown", (event) => this.press(event, which));
      return handle;
    });
    this.svg.replaceChildren(this.ground, ...this.handles);
  }

  press(event, which) {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const size = (this.to - this.from) / (event.shiftKey ? 10 : 100);
    this.move(which, this.stretch.apply(this.limits[which]) + step * size);
  }

  placeOf(event) {
    const box = this.svg.getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
    return this.from + Math.min(1, Math.max(0, share)) * (this.to - this.from);
  }

  move(which, place) {
    const others = this.stretch.apply(this.limits[1 - which]);
    const bounded = which === 0 ? Math.min(place, others) : Math.max(place, others);
    this.limits[which] = this.stretch.undo(Math.min(this.to, Math.max(this.from, bounded)));
    this.placeHandles();
    this.onLimits(...this.limits);
  }

  placeHandles() {
    this.handles.forEach((handle, which) => {
      const share = (this.stretch.apply(this.limits[which]) - this.from) / (this.to - this.from);
      const x = LEFT + Math.min(1, Math.max(0, share)) * (WIDTH - LEFT - RIGHT);
      handle.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
      const ends = [this.stretch.undo(this.from), this.stretch.undo(this.to), this.limits[which]];
      ["aria-valuemin", "aria-valuemax", "aria-valuenow"].forEach((name, at) => handle.setAttribute(name, Number(ends[at].toPrecision(5))));
      handle.setAttribute("aria-valuetext", `${brief(Number(this.limits[which].toPrecision(5)))} counts`);
    });
  }
}
