// The clusters page: map, cards, and the sheet of one cluster or area belong together.

import { count, pageFacts } from "./api.mjs";
import { Gallery } from "./gallery.mjs";
import { LabelBar } from "./label-bar.mjs";
import { ClusterMap } from "./map.mjs";
import { paintThumbs } from "./thumbs.mjs";

const facts = pageFacts();
const find = (id) => document.getElementById(id);
const sheet = find("sheet");
const sorting = find("sheet-sort");
let shown = null; // what the sheet shows: {scope, words, title, n}

const bar = new LabelBar(find("label-bar-host"), {
  onLabelled: () => {
    document.dispatchEvent(new CustomEvent("fringe:labelled"));
    if (find("map-colour")?.value === "label") map?.colourBy("label");
  },
});
const gallery = find("sheet-frames") && new Gallery(find("sheet-frames"), facts, onChoice);
const map = find("map") && new ClusterMap(find("map"), facts, {
  onArea: (polygon) => open({ polygon, map: facts.map }, "in the area", "The area you drew"),
  say: (text) => (find("map-status").textContent = text),
  classes: () => bar.classes,
  labelColumnUrl: find("map").dataset.labelColumnUrl,
});

function onChoice(frames) {
  find("clear-choice").hidden = frames.length === 0;
  if (frames.length) bar.aim({ scope: { frames }, n: frames.length, words: "you chose" });
  else bar.aim(shown);
  find("choice-status").textContent = frames.length ? `${frames.length} chosen` : "";
}

async function open(scope, words, title) {
  shown = null;
  bar.aim(null);
  sheet.hidden = false;
  find("sheet-title").textContent = title;
  find("sheet-status").textContent = "Looking …";
  try {
    const n = await gallery.show({ ...scope, clustering: facts.clustering }, sorting.value);
    shown = { scope: { ...scope, clustering: facts.clustering }, n, words, title };
    find("sheet-status").textContent = `${count(n)} ${n === 1 ? "frame" : "frames"}`;
    bar.aim(shown);
  } catch (error) {
    find("sheet-status").textContent = error.message;
  }
  onChoice([]);
}

function openCluster(id) {
  const cluster = facts.clusters.find((each) => each.id === id);
  if (!cluster) return;
  open({ cluster: id }, id < 0 ? "of noise" : `of cluster ${id}`, cluster.name);
  for (const card of document.querySelectorAll("#gallery [data-cluster]")) {
    card.classList.toggle("is-open", Number(card.dataset.cluster) === id);
  }
}

for (const card of document.querySelectorAll("#gallery [data-cluster]")) {
  card.querySelectorAll(".swatch").forEach((swatch) => (swatch.style.backgroundColor = card.dataset.colour));
  card.style.borderLeftColor = card.dataset.colour;
  card.querySelectorAll("[data-open]").forEach((button) =>
    button.addEventListener("click", () => {
      openCluster(Number(card.dataset.cluster));
      sheet.scrollIntoView({ block: "nearest" });
      sheet.focus({ preventScroll: true });
    }),
  );
}
document.addEventListener("fringe:clusters-changed", ({ detail }) => {
  facts.clusters.forEach((cluster) => Object.assign(cluster, detail.find(({ id }) => id === cluster.id)));
  if (find("map-colour")?.value === "cluster") map?.colourBy("cluster").catch(() => {});
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-open-cluster]");
  if (!link || !gallery || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openCluster(Number(link.dataset.openCluster));
  sheet.scrollIntoView({ block: "nearest" });
  sheet.focus({ preventScroll: true });
});
paintThumbs(document, facts);

sorting?.addEventListener("change", () => {
  if (shown) open(shown.scope, shown.words, shown.title);
});
find("clear-choice")?.addEventListener("click", () => gallery.clearChoice());
find("sheet-close")?.addEventListener("click", () => {
  sheet.hidden = true;
  shown = null;
  bar.aim(null);
});

// Clusters that were read anew are shown at once, unless somebody is in the middle of something: there is a link.
document.body.addEventListener("clusters-ready", () => {
  const isBusy = !sheet.hidden || document.querySelector("dialog[open]") || document.activeElement?.matches("input, select, textarea");
  if (!isBusy) window.location.assign(window.location.pathname);
});

async function startMap() {
  try {
    await map.start();
  } catch (error) {
    find("map-status").textContent = `The map cannot be drawn: ${error.message} The clusters are listed beside it.`;
  }
}
find("map-colour")?.addEventListener("change", (event) =>
  map.colourBy(event.target.value).catch((error) => (find("map-status").textContent = error.message)),
);
if (map) startMap();

const asked = new URLSearchParams(window.location.search).get("cluster");
if (asked !== null && gallery) openCluster(Number(asked));
