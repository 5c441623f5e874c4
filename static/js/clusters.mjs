// The clusters page: map, histogram, cards and sheet belong together; what is chosen in one shows in all.

import { count, pageFacts } from "./api.mjs";
import { bindKeys } from "./keys.mjs";
import { LabelBar } from "./label-bar.mjs";
import { MapKeys } from "./map-keys.mjs";
import { ClusterMap } from "./map.mjs";
import { Sheet } from "./sheet.mjs";
import { Spread } from "./spread.mjs";
import { paintThumbs } from "./thumbs.mjs";

const facts = pageFacts();
const find = (id) => document.getElementById(id);
const chosenOf = (frames) => ({ scope: { frames }, n: frames.length, words: "you chose" });

const bar = new LabelBar(find("label-bar-host"), { onLabelled });
const sheet = new Sheet(facts, { onShown, onChoice, onMoreLike: moreLike });
const map =
  find("map") &&
  new ClusterMap(find("map"), facts, {
    onArea: (polygon) => openArea(polygon),
    onNoArea: () => (isArea(sheet.shown?.scope) ? closeSheet() : map.redraw()),
    onFrame: (frame) => (window.location.href = `${facts.framesUrl}${frame}/`),
    say: (text) => (find("map-status").textContent = text),
    classes: () => bar.classes,
    labelColumnUrl: find("map").dataset.labelColumnUrl,
  });
const spread = find("spread") && new Spread(find("spread"), facts, openRange);

/** A choice is shown in the sheet: now map, histogram, cards and label bar show it, too. */
function onShown(shown) {
  bar.aim(shown);
  writeChoice([]);
  if (!isArea(shown.scope)) map?.forgetArea();
  lightUp(shown.scope, []);
  for (const card of document.querySelectorAll("#gallery [data-cluster]")) {
    card.classList.toggle("is-open", Number(card.dataset.cluster) === shown.scope.cluster);
  }
}

/** Thumbnails or points were chosen one by one: they go before what the sheet shows as a whole. */
function onChoice(frames) {
  writeChoice(frames);
  bar.aim(frames.length ? chosenOf(frames) : sheet.shown);
  lightUp(sheet.shown?.scope ?? null, frames);
}

function writeChoice(frames) {
  const words = frames.length ? `${count(frames.length)} chosen` : "";
  const { shown } = sheet;
  find("choice-status").textContent = words;
  for (const id of ["clear-choice", "sheet-more"]) find(id).hidden = !frames.length;
  if (find("map-choice")) {
    find("map-choice").hidden = !frames.length && !shown;
    find("map-choice-words").textContent = words || (shown ? `${shown.title}: ${count(shown.n)} selected` : "");
  }
  find("sheet-more").hidden ||= !facts.canBeNear;
}

let lit = 0;

async function lightUp(scope, frames) {
  const mine = ++lit;
  const wanted = frames.length ? { frames } : scope;
  spread?.show(wanted);
  if (!map?.index) return;
  try {
    let members = null;
    if (frames.length) members = await map.data.membersAmong(frames);
    else if (scope && !scope.all) members = await map.data.members(scope);
    if (mine === lit) await map.highlight(members);
  } catch (error) {
    find("map-status").textContent = `The map does not show this choice: ${error.message}`;
  }
}

function onLabelled() {
  document.dispatchEvent(new CustomEvent("fringe:labelled"));
  if (find("map-colour")?.value === "label") map?.colourBy("label");
  // What is meant by its labels is another choice now.
  const { shown } = sheet;
  if (JSON.stringify(shown?.scope ?? null).includes('"label"')) sheet.open(shown.scope, shown);
}

/** What was chosen before stays, also on the map, if the server cannot tell what lies in an area. */
async function openArea(polygon) {
  const isShown = await sheet.open({ polygon });
  announce(find("sheet-status").textContent);
  if (isShown === false) await map.redraw();
}

function isArea(scope) {
  return JSON.stringify(scope ?? null).includes('"polygon"');
}

/** A range is meant of all frames, or of what is chosen already; not of an earlier range within that. */
function openRange(range, isWithin) {
  const base = isWithin ? sheet.shown?.base ?? withoutPins(sheet.shown?.scope) : null;
  const scope = base ? { both: [base, { range }] } : { range };
  return openAndGo(scope, { base });
}

function withoutPins(scope) {
  if (sheet.gallery.chosen.size) return { frames: [...sheet.gallery.chosen] };
  return scope ? Object.fromEntries(Object.entries(scope).filter(([name]) => !["clustering", "map"].includes(name))) : null;
}

function moreLike(frame) {
  return openAndGo({ all: true }, { sort: "nearest", near: frame });
}

async function openAndGo(scope, options) {
  const isShown = await sheet.open(scope, options);
  if (isShown) sheet.section.scrollIntoView({ block: "nearest" });
  announce(isShown ? `${sheet.shown.title}: ${sheet.counted()}` : find("sheet-status").textContent);
  return isShown;
}

async function openCluster(id) {
  if (facts.clusters.some((each) => each.id === id)) {
    await openAndGo({ cluster: id });
  } else {
    sheet.section.hidden = false;
    sheet.refuse("There is no such cluster here. Clusters found anew have other numbers; choose one of the list.");
  }
  sheet.section.focus({ preventScroll: true });
}

function announce(text) {
  if (find("map-announce")) find("map-announce").textContent = text;
}

for (const card of document.querySelectorAll("#gallery [data-cluster]")) {
  card.querySelectorAll(".swatch").forEach((swatch) => (swatch.style.backgroundColor = card.dataset.colour));
  card.style.borderLeftColor = card.dataset.colour;
  card.querySelectorAll("[data-open]").forEach((button) =>
    button.addEventListener("click", () => openCluster(Number(card.dataset.cluster))),
  );
}

document.addEventListener("fringe:clusters-changed", ({ detail }) => {
  facts.clusters.forEach((cluster) => Object.assign(cluster, detail.find(({ id }) => id === cluster.id)));
  if (find("map-colour")?.value === "cluster") map?.colourBy("cluster").catch(() => {});
  sheet.rename(facts.clusters);
});

/** Clusters tried with the slider of the tree are painted one after the other, those passed meanwhile left out. */
let [isPainting, isTried] = [false, false];
async function paintTried(preview) {
  if (!map?.index) return;
  map.data.preview = preview;
  if (find("map-colour")) find("map-colour").value = "cluster";
  isTried = true;
  if (isPainting) return;
  isPainting = true;
  while (isTried) {
    isTried = false;
    await map.colourBy("cluster").catch(() => {});
  }
  isPainting = false;
}
document.addEventListener("fringe:preview-clusters", ({ detail }) => paintTried(detail));
document.addEventListener("fringe:preview-end", () => paintTried(null));
document.addEventListener("fringe:open-scope", async ({ detail }) => {
  if ("cluster" in detail.scope) await openCluster(detail.scope.cluster);
  else if (await openAndGo(detail.scope)) sheet.section.focus({ preventScroll: true });
});

/** Links to a choice on this very page need not load it again. */
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-open-cluster], [data-open-scope]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.openCluster !== undefined) openCluster(Number(link.dataset.openCluster));
  else openAndGo(JSON.parse(link.dataset.openScope), { sort: link.dataset.sort }).then(() => sheet.section.focus({ preventScroll: true }));
});
paintThumbs(document, facts);
bindKeys({ m: (event) => moreLikeThumb(event.target.closest(".thumb")) }, find("sheet-frames"));

function moreLikeThumb(thumb) {
  if (thumb && facts.canBeNear) moreLike(Number(thumb.dataset.frame));
}

find("clear-choice").addEventListener("click", () => sheet.gallery.clearChoice());
find("map-clear")?.addEventListener("click", () => (sheet.gallery.chosen.size ? sheet.gallery.clearChoice() : closeSheet()));
find("map-show-choice")?.addEventListener("click", async () => {
  const frames = [...sheet.gallery.chosen];
  if (frames.length && !(await openAndGo({ frames }, { sort: "order" }))) return;
  sheet.section.scrollIntoView({ block: "start" });
  sheet.section.focus({ preventScroll: true });
});
find("sheet-close")?.addEventListener("click", closeSheet);

function closeSheet() {
  sheet.close();
  onChoice([]);
  map?.forgetArea();
  document.querySelectorAll("#gallery .is-open").forEach((card) => card.classList.remove("is-open"));
}

// Clusters that were read anew are shown at once, unless somebody is in the middle of something: there is a link.
document.body.addEventListener("clusters-ready", () => {
  const isBusy = !sheet.section.hidden || document.querySelector("dialog[open]") || document.activeElement?.matches("input, select, textarea");
  if (!isBusy) window.location.assign(window.location.pathname);
});

async function startMap() {
  try {
    await map.start();
    new MapKeys(map, {
      say: announce,
      open: async (scope) => {
        await sheet.open(scope);
        announce(sheet.shown ? `${sheet.shown.title}: ${sheet.counted()}` : find("sheet-status").textContent);
      },
      area: openArea,
      view: () => !sheet.section.hidden && sheet.section.focus(),
      moreLike: (frame) => (facts.canBeNear ? moreLike(frame) : announce("There is no network yet that could tell which frames are alike.")),
      choose: (frame) => {
        sheet.gallery.choose(frame);
        const { chosen } = sheet.gallery;
        return `Frame ${frame} ${chosen.has(frame) ? "chosen" : "no longer chosen"}, ${chosen.size} chosen`;
      },
    });
    if (sheet.shown) lightUp(sheet.shown.scope, [...sheet.gallery.chosen]);
  } catch (error) {
    find("map-status").textContent = `The map cannot be drawn: ${error.message} The clusters are listed beside it.`;
  }
}
find("map-colour")?.addEventListener("change", async ({ target }) => {
  const before = map.coloured;
  try {
    await map.colourBy(target.value);
  } catch (error) {
    find("map-status").textContent = `The colours are as before: ${error.message}`;
    target.value = before;
  }
});
if (map) startMap();

/** The address may name what is to be shown: `?scope={…}&sort=…&near=…`, or `?cluster=3`. */
async function openAddress() {
  const query = new URLSearchParams(window.location.search);
  if (query.has("cluster")) {
    await openCluster(Number(query.get("cluster")));
    return;
  }
  if (!query.has("scope")) return;
  try {
    const scope = JSON.parse(query.get("scope"));
    const near = query.has("near") ? Number(query.get("near")) : null;
    await openAndGo(scope, { sort: query.get("sort") ?? undefined, near });
  } catch {
    sheet.section.hidden = false;
    sheet.refuse("The address names no frames that can be read.");
  }
  sheet.section.focus({ preventScroll: true });
}
openAddress();
