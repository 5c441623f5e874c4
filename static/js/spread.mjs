// A histogram of all frames by a column, with those that are chosen over it; a range of it is a choice, too.

import { count, postJson } from "./api.mjs";
import { element } from "./svg.mjs";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 112, 0, 0, 4, 1];
const LOGARITHMIC_ABOVE = 300; // frames in a bin

export class Spread {
  /** `onRange({column, low, high}, isWithin)` hears of a range that a person has chosen. */
  constructor(section, facts, onRange) {
    Object.assign(this, { section, facts, onRange, scope: null });
    const find = (selector) => section.querySelector(selector);
    [this.column, this.svg, this.status] = [find("select"), find("svg"), find("[role=status]")];
    [this.form, this.low, this.high, this.within] = [find("form"), find("[name=low]"), find("[name=high]"), find("[name=within]")];
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.column.addEventListener("change", () => {
      [this.low.value, this.high.value] = ["", ""];
      this.load();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.choose(this.numberOf(this.low), this.numberOf(this.high));
    });
    this.svg.addEventListener("pointerdown", (event) => this.begin(event));
    this.svg.addEventListener("pointermove", (event) => this.drag !== undefined && this.brush(this.drag, this.binAt(event)));
    this.svg.addEventListener("pointerup", (event) => this.end(event));
    this.svg.addEventListener("pointercancel", () => this.stop());
    this.load();
  }

  numberOf(field) {
    return field.value.trim() === "" ? null : Number(field.value);
  }

  /** Draw the frames of `scope` over all; null: none are chosen. */
  show(scope) {
    this.scope = scope;
    this.within.closest("label").hidden = !scope;
    return this.load();
  }

  async load() {
    const asked = (this.asked = { column: this.column.value, scope: this.scope });
    const { ok, data } = await postJson(this.facts.spreadUrl, asked);
    if (asked !== this.asked) return;
    if (!ok) {
      this.status.textContent = `The histogram is not up to date: ${data.error}`;
      return;
    }
    this.found = data;
    this.draw();
    this.write();
  }

  write() {
    const { n, nKnown, nChosen, isLog } = this.found;
    const parts = [nChosen === null ? `${count(n)} frames` : `${count(nChosen)} of ${count(n)} frames chosen`];
    if (nKnown < n) parts.push(`${count(n - nKnown)} without a value`);
    if (isLog) parts.push("logarithmic axis");
    if (this.isTall) parts.push("heights by the logarithm");
    this.status.textContent = parts.join(" · ");
  }

  draw() {
    const { edges, all, chosen } = this.found;
    const most = Math.max(1, ...all);
    this.isTall = most > LOGARITHMIC_ABOVE;
    const parts = [element("path", { class: "spread-all", d: this.outline(all, most) })];
    if (chosen) parts.push(element("path", { class: "spread-chosen", d: this.outline(chosen, most) }));
    parts.push(element("rect", { class: "spread-brush", x: 0, y: TOP, width: 0, height: HEIGHT - TOP - BOTTOM }));
    this.svg.replaceChildren(...parts);
    const ends = this.section.querySelectorAll("[data-tick]");
    const at = [0, Math.floor((edges.length - 1) / 2), edges.length - 1];
    ends.forEach((span, place) => (span.textContent = edges.length ? brief(edges[at[place]]) : ""));
    this.svg.setAttribute("aria-label", this.sentence());
    const about = this.facts.numbers.find(({ name }) => name === this.found.column);
    this.section.querySelectorAll("[data-unit]").forEach((span) => (span.textContent = about?.unit ?? ""));
  }

  /** The histogram in one sentence, for those who do not see it. */
  sentence() {
    const { edges, all, nKnown } = this.found;
    if (!nKnown) return "No frame has a value here.";
    const fullest = all.indexOf(Math.max(...all));
    return `Histogram from ${brief(edges[0])} to ${brief(edges.at(-1))}; most frames lie between ${brief(edges[fullest])} and ${brief(edges[fullest + 1])}.`;
  }

  outline(counts, most) {
    const height = (n) => (this.isTall ? Math.log1p(n) / Math.log1p(most) : n / most) * (HEIGHT - TOP - BOTTOM);
    const width = (WIDTH - LEFT - RIGHT) / counts.length;
    const foot = HEIGHT - BOTTOM;
    let d = `M${LEFT} ${foot}`;
    counts.forEach((n, at) => {
      const y = foot - (n ? Math.max(1, height(n)) : 0);
      d += `L${(LEFT + at * width).toFixed(2)} ${y.toFixed(2)}H${(LEFT + (at + 1) * width).toFixed(2)}`;
    });
    return `${d}V${foot}Z`;
  }

  binAt(event) {
    const box = this.svg.getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
    const { length } = this.found.all;
    return Math.min(length - 1, Math.max(0, Math.floor(share * length)));
  }

  begin(event) {
    if (!this.found?.all.length || event.button) return;
    this.svg.setPointerCapture(event.pointerId);
    this.drag = this.binAt(event);
    this.brush(this.drag, this.drag);
  }

  brush(from, to) {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const width = (WIDTH - LEFT - RIGHT) / this.found.all.length;
    const rect = this.svg.querySelector(".spread-brush");
    rect.setAttribute("x", LEFT + first * width);
    rect.setAttribute("width", (last - first + 1) * width);
    [this.low.value, this.high.value] = [this.found.edges[first], this.found.edges[last + 1]];
  }

  end(event) {
    if (this.drag === undefined) return;
    this.brush(this.drag, this.binAt(event));
    this.stop();
    this.choose(this.numberOf(this.low), this.numberOf(this.high));
  }

  stop() {
    this.drag = undefined;
  }

  choose(low, high) {
    if ([low, high].some(Number.isNaN)) {
      this.status.textContent = "From and to are numbers; leave one empty where the range is open.";
      return;
    }
    this.onRange({ column: this.column.value, low, high }, this.scope !== null && this.within.checked);
  }
}

function brief(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return count(value);
  return Number(value.toPrecision(3)).toString();
}
