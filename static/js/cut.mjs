// The slider through the tree of clusters: what another least size would give is shown at once, and taken on demand.
//
// While it moves, these events go over the document:
//   fringe:preview-clusters  detail {labels, clusters}: Int32Array with the cluster of each drawn point of the
//                            map, in the order of its column `index`, -1 for noise and for frames that were not
//                            fitted; and [{id, name, colour, size}], the clusters meant by these numbers
//   fringe:preview-end       the clusters shown count again
// And when a part of the tree is opened:
//   fringe:open-scope        detail {scope}: show these frames on the sheet

import { count, fetchArray, getJson, pageFacts } from "./api.mjs";

const STEPS = 100;
const facts = pageFacts();
const find = (id) => document.getElementById(id);
const panel = find("tree");
const known = new Map(facts.clusters.map((cluster) => [cluster.id, { ...cluster }]));

class Cut {
  constructor(picture, ClusterTree) {
    this.picture = picture;
    this.size = find("cut-size");
    this.method = find("cut-method");
    this.isOn = false;
    this.asked = 0;
    this.tree = new ClusterTree(find("tree-picture"), picture, {
      onOpen: (node, cluster) => this.open(node, cluster),
      say: (words) => (find("tree-status").textContent = words),
      nameOf: (id) => known.get(id)?.name ?? `Cluster ${id}`,
      colourOf: (id) => known.get(id)?.colour ?? facts.noiseColour,
    });
    this.reset();
    this.size.addEventListener("input", () => this.move());
    this.method.addEventListener("change", () => this.move());
    find("cut-end").addEventListener("click", () => this.end());
    find("tree-tools").hidden = false;
  }

  get least() {
    const { leastSize, mostSize } = this.picture;
    return Math.round(leastSize * (mostSize / leastSize) ** (Number(this.size.value) / STEPS));
  }

  reset() {
    const { leastSize, mostSize, size, method } = this.picture;
    const place = Math.log((size || leastSize) / leastSize) / (Math.log(mostSize / leastSize) || 1);
    this.size.value = Math.round(STEPS * Math.min(1, Math.max(0, place)));
    if (method) this.method.value = method;
    this.write(size || this.least);
    find("cut-status").textContent = "";
  }

  write(least) {
    const words = `${count(least)} frames`;
    find("cut-size-words").textContent = words;
    this.size.setAttribute("aria-valuetext", `at least ${words}`);
  }

  move() {
    this.write(this.least);
    this.isOn = true;
    find("cut-end").hidden = false;
    if (this.isWaiting) this.isStale = true;
    else this.ask();
  }

  /** One question at a time; what came meanwhile is asked for next, and only the last of it. */
  async ask() {
    this.isWaiting = true;
    do {
      this.isStale = false;
      const query = new URLSearchParams({ least: this.least, method: this.method.value });
      const { ok, data } = await getJson(`${panel.dataset.cutUrl}&${query}`);
      if (!this.isOn) break;
      if (ok) await this.show(data);
      else find("cut-status").textContent = data.error;
    } while (this.isStale);
    this.isWaiting = false;
  }

  async show(cut) {
    const words = cut.nClusters === 1 ? "1 cluster" : `${count(cut.nClusters)} clusters`;
    find("cut-status").textContent = `${words}, ${cut.noisePercent.toFixed(1)} % noise`;
    this.tree.paint(cut.labelOf, cut.clusters);
    this.offer(cut);
    try {
      this.parts ??= await fetchArray(panel.dataset.pointsUrl, Int32Array);
    } catch {
      return; // the tree shows it all the same
    }
    if (!this.isOn) return;
    const labels = this.parts.map((part) => (part < 0 ? -1 : cut.labelOf[part]));
    document.dispatchEvent(new CustomEvent("fringe:preview-clusters", { detail: { labels, clusters: cut.clusters } }));
  }

  offer(cut) {
    const form = find("cut-form");
    if (!form) return;
    form.hidden = false;
    form.elements.min_cluster_size.value = cut.least;
    form.elements.min_samples.value = this.picture.minSamples ?? "";
    form.elements.method.value = cut.method;
  }

  end() {
    this.isOn = false;
    this.reset();
    this.tree.paint(null, null);
    find("cut-end").hidden = true;
    if (find("cut-form")) find("cut-form").hidden = true;
    document.dispatchEvent(new CustomEvent("fringe:preview-end"));
    this.size.focus();
  }

  open(node, cluster) {
    const whole = known.get(cluster);
    const isCluster = !this.isOn && whole && this.tree.isTop(node) && Math.abs(node.size - whole.size) <= 0.02 * whole.size;
    const scope = isCluster ? { cluster } : { node: node.id };
    document.dispatchEvent(new CustomEvent("fringe:open-scope", { detail: { scope } }));
  }
}

async function start() {
  const { ok, data } = await getJson(panel.dataset.treeUrl);
  const status = find("tree-status");
  if (!ok || !data.nodes.length) {
    status.textContent = ok ? data.words : data.error;
    return;
  }
  const { ClusterTree } = await import("./tree.mjs");
  const cut = new Cut(data, ClusterTree);
  status.textContent =
    data.nodes.length < data.nParts
      ? `The ${data.nodes.length} largest groups of ${count(data.nParts)} are drawn: those of at least ${count(data.leastDrawn)} frames and what holds them.`
      : `${data.nodes.length} groups.`;
  document.addEventListener("fringe:clusters-changed", ({ detail }) => {
    detail.forEach((cluster) => Object.assign(known.get(cluster.id) ?? {}, cluster));
    if (!cut.isOn) cut.tree.draw();
  });
}

/** The tree lies below the map: who does not scroll there need not wait for it. */
if (panel) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      start();
    },
    { rootMargin: "200px" },
  );
  observer.observe(panel);
}
