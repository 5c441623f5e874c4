// The condensed tree as a picture: width is frames, downwards is density; every part can be reached by keys.

import { count } from "./api.mjs";
import { element } from "./svg.mjs";

const HEIGHT = 300;
const MARGIN = { top: 6, bottom: 6 };
const NAME_FROM = 46; // pixels of width from which on a part bears its name

export class ClusterTree {
  /** `onOpen(node)` hears of a part that was clicked; `say(words)` of the one in focus. */
  constructor(host, picture, { onOpen, say, colourOf, nameOf }) {
    Object.assign(this, { host, picture, onOpen, say, colourOf, nameOf });
    this.nodes = picture.nodes;
    this.byId = new Map(this.nodes.map((node) => [node.id, node]));
    for (const node of this.nodes) node.children = [];
    for (const node of this.nodes) this.byId.get(node.parent)?.children.push(node);
    for (const node of this.nodes) node.children.sort((one, two) => one.left - two.left);
    this.labelOf = null;
    this.focused = this.nodes[0].id;
    new ResizeObserver(() => this.draw()).observe(host);
    host.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** Paint by a cut (`labelOf` by part, clusters by number), or with null by the clusters shown. */
  paint(labelOf, clusters) {
    this.labelOf = labelOf;
    this.cut = clusters && new Map(clusters.map((cluster) => [cluster.id, cluster]));
    this.draw();
  }

  clusterOf(node) {
    return this.labelOf ? this.labelOf[node.id] : node.cluster;
  }

  look(cluster) {
    return this.labelOf ? this.cut.get(cluster) : { name: this.nameOf(cluster), colour: this.colourOf(cluster) };
  }

  /** Whether no part above is of the same cluster: that one bears the name. */
  isTop(node) {
    const above = this.byId.get(node.parent);
    return this.clusterOf(node) >= 0 && (!above || this.clusterOf(above) !== this.clusterOf(node));
  }

  describe(node) {
    const cluster = this.clusterOf(node);
    const frames = `${count(node.size)} frames`;
    const splits = node.children.length ? `, splits into ${node.children.length}` : "";
    if (cluster < 0) return `${node.parent < 0 ? "All frames" : "Group of several or none of the clusters"}, ${frames}${splits}`;
    return `${this.isTop(node) ? "" : "Part of "}${this.look(cluster).name}, ${frames}${splits}`;
  }

  draw() {
    const width = this.host.clientWidth;
    if (!width) return;
    const hadFocus = this.host.contains(document.activeElement);
    const low = Math.log(this.nodes[0].birth);
    const high = Math.log(Math.max(...this.nodes.map((node) => node.end)));
    const y = (density) => MARGIN.top + ((Math.log(density) - low) / (high - low || 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const svg = element("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "tree", "aria-labelledby": "tree-title" });
    const names = element("g", { "aria-hidden": "true", class: "tree-names" });
    for (const node of this.nodes) {
      svg.append(this.shape(node, width, y));
      if (!this.isTop(node) || node.width * width < NAME_FROM) continue;
      const text = this.look(this.clusterOf(node)).name;
      const most = Math.max(3, Math.floor((node.width * width) / 7.5));
      const written = text.length > most ? `${text.slice(0, most - 1)}…` : text;
      names.append(element("text", { x: (node.left + node.width / 2) * width, y: Math.min(y(node.birth) + 15, HEIGHT - 4), "text-anchor": "middle" }, written));
    }
    svg.append(names);
    this.host.replaceChildren(svg);
    if (hadFocus) this.focus(this.focused);
  }

  shape(node, width, y) {
    const middle = (node.left + node.width / 2) * width;
    const at = (share, density) => [Math.max(0.5, (share * width) / 2), y(density)];
    const [first, half, last] = [at(node.width, node.birth), at((node.width + node.endWidth) / 2, node.half), at(node.endWidth, node.end)];
    const right = [first, half, last].map(([reach, height]) => `${middle + reach},${height}`);
    const left = [last, half, first].map(([reach, height]) => `${middle - reach},${height}`);
    const cluster = this.clusterOf(node);
    const shape = element("polygon", {
      points: [...right, ...left].join(" "),
      class: cluster < 0 ? "tree-part" : "tree-part is-cluster",
      role: "treeitem",
      tabindex: node.id === this.focused ? 0 : -1,
      "aria-level": this.levelOf(node),
      "aria-label": this.describe(node),
      "data-node": node.id,
    });
    if (cluster >= 0) shape.style.fill = this.look(cluster).colour;
    shape.append(element("title", {}, this.describe(node)));
    shape.addEventListener("click", () => this.open(node));
    shape.addEventListener("focus", () => this.say(this.describe(node)));
    return shape;
  }

  levelOf(node) {
    let level = 1;
    for (let above = this.byId.get(node.parent); above; above = this.byId.get(above.parent)) level += 1;
    return level;
  }

  open(node) {
    this.focus(node.id);
    this.onOpen(node, this.clusterOf(node));
  }

  focus(id) {
    this.host.querySelector(`[data-node="${this.focused}"]`)?.setAttribute("tabindex", -1);
    this.focused = id;
    const shape = this.host.querySelector(`[data-node="${id}"]`);
    shape?.setAttribute("tabindex", 0);
    shape?.focus({ preventScroll: true });
  }

  /** The part beside `node`: of the same parent, else the nearest one at the same level. */
  beside(node, step) {
    const level = this.levelOf(node);
    const row = this.nodes.filter((each) => this.levelOf(each) === level).sort((one, two) => one.left - two.left);
    return row[row.indexOf(node) + step];
  }

  onKey(event) {
    const node = this.byId.get(this.focused);
    if (!event.target.closest?.("[data-node]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.open(node);
      return;
    }
    const next = {
      ArrowUp: () => this.byId.get(node.parent),
      ArrowDown: () => node.children[0],
      ArrowLeft: () => this.beside(node, -1),
      ArrowRight: () => this.beside(node, 1),
      Home: () => this.nodes[0],
    }[event.key];
    if (!next) return;
    event.preventDefault();
    const found = next();
    if (found) this.focus(found.id);
  }
}
