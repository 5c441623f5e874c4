// The threshold of hits: a line over the histogram, a slider and a field; the frames next to it as thumbnails.

import { count, pageFacts } from "./api.mjs";
import { paintThumbs } from "./thumbs.mjs";

const facts = pageFacts("hits-facts");
const find = (id) => document.getElementById(id);
const [range, field, line, near] = [find("hits-range"), find("hits-number"), find("hits-line"), find("hits-near")];
let asked = 0;
let timer = 0;

/** Place on the axis, which is logarithmic but begins at 0. */
const placeOf = (threshold) => Math.min(1, Math.log1p(threshold) / Math.log1p(facts.largest)) * facts.width;

/** The step of the slider that is nearest to a threshold. */
function stepOf(threshold) {
  let best = 0;
  facts.edges.forEach((edge, at) => {
    if (Math.abs(edge - threshold) < Math.abs(facts.edges[best] - threshold)) best = at;
  });
  return best;
}

/** Frames with at least so many lit pixels: exact on the steps, else between the two on either side. */
function hitsAt(threshold) {
  const above = facts.edges.findIndex((edge) => edge >= threshold);
  if (above < 0) return { n: 0, isExact: threshold > facts.largest };
  const isExact = facts.edges[above] === threshold || above === 0 || facts.n_hits[above] === facts.n_hits[above - 1];
  if (isExact) return { n: facts.n_hits[above], isExact };
  const share = (threshold - facts.edges[above - 1]) / (facts.edges[above] - facts.edges[above - 1]);
  return { n: Math.round(facts.n_hits[above - 1] + share * (facts.n_hits[above] - facts.n_hits[above - 1])), isExact };
}

function show(threshold) {
  line.setAttribute("x1", placeOf(threshold));
  line.setAttribute("x2", placeOf(threshold));
  const { n, isExact } = hitsAt(threshold);
  say(n, isExact);
  range.setAttribute("aria-valuetext", `${Math.round(threshold)} lit pixels, ${count(n)} hits`);
  clearTimeout(timer);
  timer = setTimeout(() => showNear(threshold), 250);
}

function say(n, isExact) {
  const percent = ((100 * n) / facts.n_frames).toFixed(1);
  find("hits-count").textContent = `${isExact ? "" : "About "}${count(n)} of ${count(facts.n_frames)} frames are hits (${percent} %)`;
}

async function showNear(threshold) {
  const turn = (asked += 1);
  near.setAttribute("aria-busy", "true");
  let text = "";
  try {
    const response = await fetch(`${near.closest("section").dataset.nearUrl}?threshold=${threshold}`, { redirect: "manual" });
    if (!response.ok) throw new Error();
    text = await response.text();
  } catch {
    text = "";
  }
  if (turn !== asked) return; // the line has moved on meanwhile
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  if (!text) fresh.textContent = "The frames next to the threshold could not be fetched.";
  near.replaceChildren(...fresh.childNodes);
  near.setAttribute("aria-busy", "false");
  const exact = near.querySelector("[data-n-hits]");
  if (exact) say(Number(exact.dataset.nHits), true);
  paintThumbs(near, pageFacts());
}

range.max = facts.edges.length - 1;
const begin = facts.threshold ?? facts.edges[Math.floor(facts.edges.length / 2)];
range.value = stepOf(begin);
field.value = Number(begin.toFixed(2));
show(begin);
range.addEventListener("input", () => {
  const edge = facts.edges[Number(range.value)];
  field.value = Number(edge.toFixed(2));
  show(edge);
});
field.addEventListener("input", () => {
  const threshold = Number(field.value);
  if (field.value === "" || !(threshold >= 0)) return;
  range.value = stepOf(threshold);
  show(threshold);
});
find("hits-figure").addEventListener("pointerdown", (event) => {
  const box = find("hits-figure").getBoundingClientRect();
  const share = (event.clientX - box.left) / box.width;
  const threshold = Math.round(Math.expm1(share * Math.log1p(facts.largest)));
  field.value = threshold;
  field.dispatchEvent(new Event("input"));
});
