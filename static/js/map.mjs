// The map: at most 10^5 points over the density of all frames; areas are resolved by the server.

import { count } from "./api.mjs";
import { table } from "./colormaps.mjs";
import { colouring } from "./map-colours.mjs";
import { MapData } from "./map-data.mjs";
import { densityPicture } from "./map-density.mjs";
import { MapLegend } from "./map-legend.mjs";
import { clear, draw, hasWebGL, relayout, restyle } from "./plot.mjs";
import { paintThumb } from "./thumbs.mjs";

const MOST_WITHOUT_WEBGL = 5000;
const CARD_AFTER_MS = 125;
const MOST_TRACES = 60; // each is drawn for itself

export class ClusterMap {
  /** `onArea(polygon)` hears of each area drawn, `onNoArea()` of a double click that takes it away; `say(text)` shows a sentence below the map. */
  constructor(element, facts, { onArea, onNoArea, onFrame, say, classes, labelColumnUrl }) {
    Object.assign(this, { element, facts, onArea, onNoArea, onFrame, say, classes });
    this.data = new MapData(facts, labelColumnUrl);
    const frame = element.parentElement;
    [this.ring, this.card] = [frame.querySelector(".map-ring"), frame.querySelector(".map-card")];
    this.scale = document.getElementById("map-scale");
    this.legend = new MapLegend(document.getElementById("map-legend"), (ids) => this.showGroups(ids));
    this.densitySwitch = document.getElementById("map-density");
    this.densitySwitch?.addEventListener("change", () => relayout(element, { images: this.pictures() }));
    document.addEventListener("fringe:theme", () => this.element.data && this.redraw());
    [this.members, this.shownIds, this.traces] = [null, null, []];
  }

  async start() {
    const [index, positions] = await Promise.all([
      this.data.column("index", Int32Array),
      this.data.column("positions", Float32Array),
    ]);
    this.useGL = hasWebGL();
    this.places = pickPlaces(index.length, this.useGL ? Infinity : MOST_WITHOUT_WEBGL);
    Object.assign(this, { index, positions });
    const shown = `${count(this.places.length)} of ${count(this.facts.nFrames)} shown`;
    const why = this.useGL ? "" : " This browser has no WebGL, so fewer points are drawn, as SVG. Areas still hold all frames.";
    this.say("Drawing the map …");
    await this.startDensity();
    await this.colourBy("cluster");
    this.say(shown + (this.density ? ", over the density of all of them." : "") + why);
  }

  /** The density matters only where there are more frames than points. */
  async startDensity() {
    const field = this.densitySwitch?.closest("[data-density]");
    if (!field || this.places.length >= this.facts.nFrames) return;
    try {
      this.density = await this.data.density();
      field.hidden = false;
    } catch {
      this.density = null; // the points are there without it
    }
  }

  async colourBy(name) {
    const asked = (this.asked = name);
    const { data, places, facts } = this;
    const found = await colouring(name, { data, places, facts, classes: this.classes() });
    if (asked !== this.asked) return;
    [this.colouring, this.coloured] = [found, name];
    this.shownIds = null;
    this.legend.write(found.groups ?? []);
    this.scale.hidden = !found.numbers;
    if (found.numbers) this.writeScale(found.numbers);
    await this.redraw();
  }

  /** Draw all anew: points that a selection has dimmed in old traces would stay lost in the new ones. */
  async redraw() {
    const sameView = this.element.data ? rangesOf(this.element.layout) : null;
    clear(this.element);
    this.leave();
    this.traces = this.makeTraces();
    const layout = {
      dragmode: this.dragmode ?? "lasso",
      hovermode: "closest",
      margin: { l: 8, r: 8, t: 32, b: 8 },
      showlegend: false,
      images: this.pictures(),
      xaxis: { visible: false, ...sameView?.x },
      yaxis: { visible: false, scaleanchor: "x", ...sameView?.y },
    };
    await draw(this.element, this.traces.map(({ trace }) => trace), layout, { scrollZoom: true, doubleClick: "reset" });
    this.listen();
    this.onDrawn?.();
  }

  pictures() {
    if (!this.density || !this.densitySwitch.checked) return [];
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink-muted");
    return [densityPicture(this.density, ink)];
  }

  makeTraces() {
    const { groups, numbers } = this.colouring;
    this.isMerged = groups?.length > MOST_TRACES;
    const drawn = this.isMerged ? mergedByColour(groups.filter(({ id }) => this.isShown(id))) : groups;
    const made = drawn
      ? drawn.map((group) => ({ ...group, trace: this.trace(group.places, group.name, group.colour, group.opacity) }))
      : [{ places: this.places, trace: this.trace(this.places, numbers.title, numbers.values, 0.85) }];
    if (numbers) {
      Object.assign(made[0].trace.marker, { colorscale: "Viridis", cmin: numbers.low, cmax: numbers.high });
    }
    for (const { id, places, trace } of made) {
      trace.visible = id === undefined || this.isShown(id);
      if (this.members) trace.selectedpoints = pickMembers(places, this.members);
    }
    return made;
  }

  isShown(id) {
    return this.shownIds === null || this.shownIds.has(id);
  }

  trace(places, name, color, opacity) {
    const [x, y] = [new Float32Array(places.length), new Float32Array(places.length)];
    places.forEach((place, at) => {
      x[at] = this.positions[2 * place];
      y[at] = this.positions[2 * place + 1];
    });
    const size = this.places.length > 20000 ? 3 : this.places.length > 3000 ? 4.5 : 6;
    return {
      type: this.useGL ? "scattergl" : "scatter",
      mode: "markers",
      x,
      y,
      name,
      hoverinfo: "none",
      marker: { color, size, opacity },
      selected: { marker: { size: 1.3 * size } },
      unselected: { marker: { opacity: 0.16 } },
    };
  }

  /** Show these groups alone, or all of them. */
  async showGroups(ids) {
    this.shownIds = ids;
    this.leave();
    if (this.isMerged) {
      await this.redraw();
      return;
    }
    for (const { id, trace } of this.traces) trace.visible = this.isShown(id);
    await restyle(this.element, { visible: this.traces.map(({ trace }) => trace.visible) });
    this.onDrawn?.();
  }

  /** Let the points that `members(place)` says are chosen stand out; null: all are alike again. */
  async highlight(members) {
    const isSame = members === null && this.members === null && !this.element.layout?.selections?.length;
    this.members = members;
    if (!this.element.data || isSame) return;
    if (members === null) {
      await this.redraw();
      return;
    }
    await restyle(this.element, { selectedpoints: this.traces.map(({ places }) => pickMembers(places, members)) });
  }

  /** Forget the line that was drawn around an area. */
  async forgetArea() {
    if (this.element.layout?.selections?.length) await relayout(this.element, { selections: [] });
  }

  /** The scale of a column of numbers, as a strip of its own: Plotly's would need inline style. */
  writeScale({ title, low, high, isLog }) {
    const strip = this.scale.querySelector("canvas");
    [strip.width, strip.height] = [256, 1];
    const colours = table("viridis");
    const image = new ImageData(256, 1);
    for (let level = 0; level < 256; level += 1) {
      image.data.set([...colours.subarray(3 * level, 3 * level + 3), 255], 4 * level);
    }
    strip.getContext("2d").putImageData(image, 0, 0);
    const write = (value) => (Math.abs(value) < 100 ? value.toPrecision(3) : count(Math.round(value)));
    const texts = [title, ...[low, high].map((value) => write(isLog ? 10 ** value : value))];
    this.scale.querySelectorAll("span").forEach((span, at) => (span.textContent = texts[at]));
  }

  listen() {
    const graph = this.element;
    const placeOf = ({ curveNumber, pointNumber }) => this.traces[curveNumber].places[pointNumber];
    graph.on("plotly_hover", (event) => this.point(placeOf(event.points[0])));
    graph.on("plotly_unhover", () => this.leave());
    graph.on("plotly_click", (event) => this.onFrame(this.index[placeOf(event.points[0])]));
    graph.on("plotly_selected", (event) => {
      const polygon = polygonOf(event);
      if (polygon) this.onArea(polygon);
    });
    graph.on("plotly_deselect", () => setTimeout(() => this.onNoArea())); // Plotly is not done with it yet
    graph.on("plotly_relayout", (changes) => {
      if (changes.dragmode) this.dragmode = changes.dragmode;
      this.onDrawn?.();
    });
  }

  /** Where a point lies, in pixels from the map's corner. */
  pixelOf(place) {
    const { xaxis, yaxis } = this.element._fullLayout;
    return [
      xaxis._offset + xaxis.l2p(this.positions[2 * place]),
      yaxis._offset + yaxis.l2p(this.positions[2 * place + 1]),
    ];
  }

  /** Which group a point belongs to; none where the map is coloured by numbers. */
  groupOf(place) {
    return this.colouring.groups?.find(({ places }) => places.includes(place));
  }

  /** Ring a point at once, and show its card a little later. */
  point(place) {
    clearTimeout(this.timer);
    const [x, y] = this.pixelOf(place);
    [this.ring.style.left, this.ring.style.top] = [`${x}px`, `${y}px`];
    this.ring.hidden = false;
    this.timer = setTimeout(() => this.showCard(place, x, y), CARD_AFTER_MS);
  }

  /** What is known of a point, in words. */
  wordsOf(place) {
    const { numbers } = this.colouring;
    const value = numbers && `${numbers.title.split(" (")[0]} ${Number(numbers.valueOf(place).toPrecision(4))} ${numbers.unit}`.trim();
    return `Frame ${this.index[place]} · ${value ?? this.groupOf(place)?.name}`;
  }

  showCard(place, x, y) {
    paintThumb(this.card.querySelector(".thumb"), this.index[place], this.facts);
    this.card.querySelector(".map-card-text").textContent = this.wordsOf(place);
    this.card.style.left = `${Math.max(0, Math.min(x + 14, this.element.clientWidth - 160))}px`;
    this.card.style.top = `${Math.max(0, Math.min(y + 14, this.element.clientHeight - 190))}px`;
    this.card.hidden = false;
  }

  leave() {
    clearTimeout(this.timer);
    this.ring.hidden = true;
    this.card.hidden = true;
  }
}

function rangesOf({ xaxis, yaxis }) {
  if (xaxis.autorange || yaxis.autorange) return null;
  return { x: { range: xaxis.range.slice() }, y: { range: yaxis.range.slice() } };
}

function pickPlaces(total, most) {
  const step = Math.max(1, Math.ceil(total / most));
  return Array.from({ length: Math.ceil(total / step) }, (_, at) => at * step);
}

/** Hundreds of clusters share the colours of a palette, and are drawn by colour. */
function mergedByColour(groups) {
  const found = new Map();
  for (const { colour, opacity, places } of groups) {
    const key = `${colour} ${opacity}`;
    if (!found.has(key)) found.set(key, { name: key, colour, opacity, places: [] });
    for (const place of places) found.get(key).places.push(place);
  }
  return [...found.values()];
}

function pickMembers(places, members) {
  const found = [];
  places.forEach((place, at) => members(place) && found.push(at));
  return found;
}

/** The corners of a lasso or a box, in the map's coordinates. */
function polygonOf(event) {
  if (event?.lassoPoints) return thin(event.lassoPoints.x.map((x, at) => [x, event.lassoPoints.y[at]]));
  if (!event?.range) return null;
  const { x: [left, right], y: [bottom, top] } = event.range;
  return [[left, bottom], [right, bottom], [right, top], [left, top]];
}

function thin(corners, most = 300) {
  const step = Math.ceil(corners.length / most);
  return corners.length < 3 ? null : corners.filter((_, at) => at % step === 0);
}
