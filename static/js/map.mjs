// The map: at most 10^5 points; coloured by cluster, label or a physics column; areas are resolved by the server.

import { count, fetchArray } from "./api.mjs";
import { table } from "./colormaps.mjs";
import { clear, draw, hasWebGL } from "./plot.mjs";
import { paintThumb } from "./thumbs.mjs";

const MOST_WITHOUT_WEBGL = 5000;
const CARD_AFTER_MS = 125;

export class ClusterMap {
  /** `onArea(polygon)` hears of each area drawn; `say(text)` shows a sentence below the map. */
  constructor(element, facts, { onArea, say, classes, labelColumnUrl }) {
    Object.assign(this, { element, facts, onArea, say, classes, labelColumnUrl });
    this.columns = new Map();
    this.ring = element.parentElement.querySelector(".map-ring");
    this.card = element.parentElement.querySelector(".map-card");
    this.scale = document.getElementById("map-scale");
  }

  url(name) {
    return `${this.facts.pointsUrl}${name}.bin?clustering=${this.facts.clustering ?? ""}&map=${this.facts.map}`;
  }

  async column(name, ArrayType) {
    if (!this.columns.has(name)) this.columns.set(name, await fetchArray(this.url(name), ArrayType));
    return this.columns.get(name);
  }

  async start() {
    const [index, positions] = await Promise.all([
      this.column("index", Int32Array),
      this.column("positions", Float32Array),
    ]);
    this.useGL = hasWebGL();
    this.places = pickPlaces(index.length, this.useGL ? Infinity : MOST_WITHOUT_WEBGL);
    Object.assign(this, { index, positions });
    const shown = `${count(this.places.length)} of ${count(this.facts.nFrames)} shown`;
    const why = this.useGL ? "" : " This browser has no WebGL, so fewer points are drawn, as SVG. Areas still hold all frames.";
    this.say("Drawing the map …");
    await this.colourBy("cluster");
    this.say(shown + why);
  }

  async colourBy(name) {
    const traces = await this.tracesFor(name);
    const sameView = this.element.data ? rangesOf(this.element.layout) : null;
    // Drawn anew: points that a selection has dimmed in the old traces would stay lost in the new ones.
    clear(this.element);
    this.leave();
    this.scale.hidden = !(name in this.facts.physics);
    const layout = {
      dragmode: this.dragmode ?? "lasso",
      hovermode: "closest",
      margin: { l: 8, r: 8, t: 32, b: 8 },
      legend: { itemsizing: "constant", x: 1.01, xanchor: "left", y: 1, yanchor: "top", bgcolor: "rgba(0,0,0,0)" },
      showlegend: !(name in this.facts.physics),
      xaxis: { visible: false, ...sameView?.x },
      yaxis: { visible: false, scaleanchor: "x", ...sameView?.y },
    };
    await draw(this.element, traces, layout, { scrollZoom: true, doubleClick: "reset" });
    this.listen();
  }

  async tracesFor(name) {
    if (name === "label") return this.labelTraces();
    if (name === "cluster") return this.clusterTraces();
    return [await this.physicsTrace(name)];
  }

  async clusterTraces() {
    if (!this.facts.clustering) return [this.trace(this.places, "Frames", this.facts.cycle[0])];
    const cluster = await this.column("cluster", Int32Array);
    const groups = groupBy(this.places, (place) => cluster[place]);
    // Noise first: what is drawn first lies behind.
    const ids = [...groups.keys()].sort((a, b) => (a < 0 ? -1 : b < 0 ? 1 : a - b));
    return ids.map((id) => {
      const colour = id < 0 ? this.facts.noiseColour : this.facts.cycle[id % this.facts.cycle.length];
      return this.trace(groups.get(id), id < 0 ? "Noise" : `Cluster ${id}`, colour, id < 0 ? 0.35 : 0.8);
    });
  }

  async labelTraces() {
    const column = await fetchArray(this.labelColumnUrl, Int8Array, { method: "POST", body: this.index });
    const groups = groupBy(this.places, (place) => column[place]);
    return [...groups.keys()].sort((a, b) => a - b).map((id) => {
      const entry = this.classes()[id];
      const name = id === -1 ? "Unlabelled" : entry?.name ?? "None applies";
      return this.trace(groups.get(id), name, entry?.colour ?? this.facts.noiseColour, id < 0 ? 0.3 : 0.9);
    });
  }

  async physicsTrace(name) {
    const column = await this.column(name, Float32Array);
    const [least, most] = extent(this.places.map((place) => column[place]));
    // Counts span decades; radii, centres and flags do not, and a slope is negative.
    const isLog = least >= 0 && most > 50 * Math.max(least, 1);
    const values = this.places.map((place) => (isLog ? Math.log10(Math.max(column[place], 1e-3)) : column[place]));
    const trace = this.trace(this.places, name, values, 0.85);
    const [low, high] = extent(values);
    Object.assign(trace.marker, { colorscale: "Viridis", cmin: low, cmax: high });
    const remarks = [this.facts.physics[name], isLog && "logarithmic"].filter(Boolean).join(", ");
    this.writeScale(name.replaceAll("_", " ") + (remarks && ` (${remarks})`), low, high, isLog);
    return trace;
  }

  /** The scale of a physics column, as a strip of its own: Plotly's would need inline style. */
  writeScale(title, low, high, isLog) {
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

  trace(places, name, color, opacity = 0.8) {
    const x = new Float32Array(places.length);
    const y = new Float32Array(places.length);
    const customdata = new Array(places.length);
    places.forEach((place, at) => {
      x[at] = this.positions[2 * place];
      y[at] = this.positions[2 * place + 1];
      customdata[at] = this.index[place];
    });
    const size = this.places.length > 20000 ? 3 : this.places.length > 3000 ? 4.5 : 6;
    return {
      type: this.useGL ? "scattergl" : "scatter",
      mode: "markers",
      x,
      y,
      customdata,
      name,
      hoverinfo: "none",
      marker: { color, size, opacity },
      unselected: { marker: { opacity: 0.12 } },
    };
  }

  listen() {
    const graph = this.element;
    graph.on("plotly_hover", (event) => this.onHover(event.points[0]));
    graph.on("plotly_unhover", () => this.leave());
    graph.on("plotly_click", (event) => {
      window.location.href = `${this.facts.framesUrl}${event.points[0].customdata}/`;
    });
    graph.on("plotly_selected", (event) => {
      const polygon = polygonOf(event);
      if (polygon) this.onArea(polygon);
    });
    graph.on("plotly_relayout", (changes) => {
      if (changes.dragmode) this.dragmode = changes.dragmode;
    });
  }

  onHover(point) {
    clearTimeout(this.timer);
    const x = point.xaxis._offset + point.xaxis.d2p(point.x);
    const y = point.yaxis._offset + point.yaxis.d2p(point.y);
    this.ring.style.left = `${x}px`;
    this.ring.style.top = `${y}px`;
    this.ring.hidden = false;
    this.timer = setTimeout(() => this.showCard(point, x, y), CARD_AFTER_MS);
  }

  showCard(point, x, y) {
    const picture = this.card.querySelector(".thumb");
    paintThumb(picture, point.customdata, this.facts);
    const { color } = point.data.marker;
    const value = Array.isArray(color) ? ` ${(10 ** color[point.pointNumber]).toPrecision(4)}` : "";
    this.card.querySelector(".map-card-text").textContent = `Frame ${point.customdata} · ${point.data.name}${value}`;
    this.card.style.left = `${Math.min(x + 14, this.element.clientWidth - 160)}px`;
    this.card.style.top = `${Math.min(y + 14, this.element.clientHeight - 170)}px`;
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

/** The least and the largest of the values that are known. */
function extent(values) {
  const [low, high] = values.reduce(
    ([least, most], value) => (Number.isFinite(value) ? [Math.min(least, value), Math.max(most, value)] : [least, most]),
    [Infinity, -Infinity],
  );
  return low <= high ? [low, high] : [0, 1];
}

function groupBy(places, keyOf) {
  const groups = new Map();
  for (const place of places) {
    const key = keyOf(place);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(place);
  }
  return groups;
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
