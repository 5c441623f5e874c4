// The map by keys: a ring goes from point to point; frames, groups and what lies around can be chosen from there.

import { bindKeys } from "./keys.mjs";
import { relayout } from "./plot.mjs";

const [SMALLEST, GROWTH, MOST_PIXELS] = [16, 1.4, 2000];
const ASK_AFTER_MS = 350;
const TOWARDS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class MapKeys {
  /** `acts`: `say(text)`, `choose(frame)` which answers how many are chosen, `open(scope)`, `area(polygon)`,
   * `view()`, `moreLike(frame)`. */
  constructor(map, acts) {
    Object.assign(this, { map, acts, place: null, radius: 0 });
    this.circle = map.element.parentElement.querySelector(".map-circle");
    map.onDrawn = () => this.redraw();
    map.element.addEventListener("blur", () => {
      map.leave();
      this.hideCircle();
    });
    const actions = {
      Enter: () => this.place !== null && map.onFrame(this.frame),
      " ": () => this.choose(),
      Escape: () => this.leave(),
      "+": () => this.zoom(1 / 1.5),
      "-": () => this.zoom(1.5),
      0: () => relayout(map.element, { "xaxis.autorange": true, "yaxis.autorange": true }),
      g: () => this.drag("pan", "Drag to move the map"),
      s: () => this.drag("lasso", "Drag to draw an area"),
      c: () => this.chooseGroup(),
      v: () => acts.view(),
      m: () => this.place !== null && acts.moreLike(this.frame),
      "]": () => this.grow(GROWTH),
      "[": () => this.grow(1 / GROWTH),
    };
    for (const key of Object.keys(TOWARDS)) actions[key] = () => this.move(...TOWARDS[key]);
    bindKeys(actions, map.element);
  }

  get frame() {
    return this.map.index[this.place];
  }

  /** Points in sight, by their pixels; the map's groups that are hidden are left out. */
  *seen() {
    const { width, height } = this.map.element.getBoundingClientRect();
    for (const { places, trace } of this.map.traces) {
      if (!trace.visible) continue;
      for (const place of places) {
        const [x, y] = this.map.pixelOf(place);
        if (x >= 0 && y >= 0 && x <= width && y <= height) yield [place, x, y];
      }
    }
  }

  /** Go to the nearest point in a direction: within a right angle around it, what lies straight ahead first. */
  move(dx, dy) {
    if (!this.map.element._fullLayout) return;
    const { width, height } = this.map.element.getBoundingClientRect();
    const isFirst = this.place === null;
    const [x0, y0] = isFirst ? [width / 2, height / 2] : this.map.pixelOf(this.place);
    let [best, least] = [null, Infinity];
    for (const [place, x, y] of this.seen()) {
      const [ahead, beside] = [(x - x0) * dx + (y - y0) * dy, Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx)];
      if (!isFirst && (ahead <= 0.01 || beside > ahead)) continue;
      const distance = isFirst ? Math.hypot(x - x0, y - y0) : ahead + beside;
      if (distance < least) [best, least] = [place, distance];
    }
    if (best === null) {
      this.acts.say("There is no point further that way.");
      return;
    }
    this.place = best;
    this.hideCircle();
    this.map.point(best);
    this.acts.say(this.map.wordsOf(best));
  }

  /** The map was drawn anew or moved: the ring follows its point. */
  redraw() {
    if (this.place === null || document.activeElement !== this.map.element) return;
    this.map.point(this.place);
    if (!this.circle.hidden) this.showCircle();
  }

  leave() {
    this.place = null;
    this.map.leave();
    this.hideCircle();
  }

  choose() {
    if (this.place === null) return;
    this.acts.say(this.acts.choose(this.frame));
  }

  /** Select the group of the point; where the map is coloured by numbers, its cluster. */
  async chooseGroup() {
    if (this.place === null) return;
    const { data, facts } = this.map;
    let scope = this.map.groupOf(this.place)?.scope;
    if (!scope && facts.clustering) scope = { cluster: (await data.column("cluster", Int32Array))[this.place] };
    if (scope) this.acts.open(scope);
    else this.acts.say("There are no clusters yet; draw an area, or select what lies around with ].");
  }

  /** Select what lies around the point: the circle is seen at once, the server is asked when the keys rest. */
  grow(factor) {
    if (this.place === null) return;
    this.radius = this.circle.hidden ? SMALLEST : Math.min(MOST_PIXELS, Math.max(4, this.radius * factor));
    this.showCircle();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.acts.area(this.polygon()), ASK_AFTER_MS);
  }

  polygon(corners = 48) {
    const { xaxis, yaxis } = this.map.element._fullLayout;
    const [x, y] = this.map.pixelOf(this.place);
    return Array.from({ length: corners }, (_, at) => {
      const angle = (2 * Math.PI * at) / corners;
      return [
        xaxis.p2l(x + this.radius * Math.cos(angle) - xaxis._offset),
        yaxis.p2l(y + this.radius * Math.sin(angle) - yaxis._offset),
      ];
    });
  }

  showCircle() {
    const [x, y] = this.map.pixelOf(this.place);
    const { style } = this.circle;
    [style.left, style.top] = [`${x - this.radius}px`, `${y - this.radius}px`];
    style.width = style.height = `${2 * this.radius}px`;
    this.circle.hidden = false;
  }

  hideCircle() {
    clearTimeout(this.timer);
    this.circle.hidden = true;
  }

  drag(mode, words) {
    this.acts.say(words);
    return relayout(this.map.element, { dragmode: mode });
  }

  /** Zoom around the ringed point, or around the middle. */
  zoom(factor) {
    const { xaxis, yaxis } = this.map.element._fullLayout;
    const { positions } = this.map;
    const changes = {};
    for (const [name, axis, at] of [["xaxis", xaxis, 0], ["yaxis", yaxis, 1]]) {
      const [low, high] = axis.range;
      const around = this.place === null ? (low + high) / 2 : positions[2 * this.place + at];
      changes[`${name}.range`] = [around + (low - around) * factor, around + (high - around) * factor];
    }
    return relayout(this.map.element, changes);
  }
}
