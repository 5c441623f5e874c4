// The tour: a small window that points at one thing after another, over all pages of a data set. It is kept in
// this browser, so that it goes on where it was. Arrows go to and fro, Esc leaves.

import { STEPS } from "./tour-steps.mjs";

const GAP = 12;
const user = document.querySelector("[data-notices]")?.dataset.user ?? "";
const key = `fringe-tour-${user}`;
let shown = null; // { box, ring, target }

function read() {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(state) {
  try {
    if (state) localStorage.setItem(key, JSON.stringify(state));
    else localStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing shows the first page of the tour alone.
  }
}

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function button(text, action, kind = "btn-outline-secondary", keys = "") {
  const made = make("button", { type: "button", class: `btn btn-sm ${kind}` }, text);
  if (keys) made.setAttribute("aria-keyshortcuts", keys);
  made.addEventListener("click", action);
  return made;
}

function hide() {
  shown?.box.remove();
  shown?.ring.remove();
  shown = null;
}

function leave() {
  write(null);
  hide();
  document.getElementById("tour-start")?.focus();
}

/** Go to a step: on this page at once, else by way of its page. */
function go(number) {
  const state = read();
  const step = STEPS[number];
  if (!state || !step) {
    leave();
    return;
  }
  write({ ...state, step: number });
  const url = state.urls[step.page];
  if (url === location.pathname) show(number);
  else location.assign(url);
}

function place() {
  if (!shown) return;
  const { box, ring, target } = shown;
  ring.hidden = !target;
  const size = box.getBoundingClientRect();
  let left = (window.innerWidth - size.width) / 2;
  let top = (window.innerHeight - size.height) / 2;
  if (target) {
    const at = target.getBoundingClientRect();
    ring.style.left = `${at.left - 6}px`;
    ring.style.top = `${at.top - 6}px`;
    ring.style.width = `${at.width + 12}px`;
    ring.style.height = `${at.height + 12}px`;
    left = at.left;
    const below = at.bottom + GAP;
    const above = at.top - GAP - size.height;
    top = below + size.height < window.innerHeight ? below : above > 0 ? above : window.innerHeight - size.height - GAP;
  }
  box.style.left = `${Math.max(GAP, Math.min(left, window.innerWidth - size.width - GAP))}px`;
  box.style.top = `${Math.max(GAP, top)}px`;
}

function show(number) {
  hide();
  const step = STEPS[number];
  const target = document.querySelector(step.target);
  const isLast = number === STEPS.length - 1;
  const next = button(isLast ? "Done" : "Next", () => (isLast ? leave() : go(number + 1)), "btn-primary", "ArrowRight");
  const back = button("Back", () => go(number - 1), "btn-outline-secondary", "ArrowLeft");
  back.hidden = number === 0;
  const box = make(
    "div",
    { class: "tour-box", role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-text" },
    make("p", { class: "muted tour-count" }, `Tour, ${number + 1} of ${STEPS.length}`),
    make("h2", { id: "tour-title" }, step.title),
    make("p", { id: "tour-text" }, step.text),
    make("div", { class: "tour-buttons" }, next, back, button("Skip the tour", leave)),
  );
  box.dataset.found = String(Boolean(target));
  box.dataset.step = String(number);
  const ring = make("div", { class: "tour-ring", "aria-hidden": "true" });
  document.body.append(ring, box);
  shown = { box, ring, target };
  target?.scrollIntoView({ block: "center" });
  place();
  next.focus({ preventScroll: true });
}

/** On another page than that of its step the tour only says where it goes on. */
function offer(state) {
  const step = STEPS[state.step];
  const box = make(
    "div",
    { class: "tour-box tour-offer", role: "region", "aria-label": "The tour" },
    make("p", {}, `The tour goes on at “${step.title}”.`),
    make("div", { class: "tour-buttons" }, button("Go on with the tour", () => go(state.step), "btn-primary"), button("Leave it", leave)),
  );
  document.body.append(box);
  shown = { box, ring: make("div", {}), target: null };
}

function keepFocus(event) {
  const buttons = [...shown.box.querySelectorAll("button:not([hidden])")];
  const at = buttons.indexOf(document.activeElement);
  const step = event.shiftKey ? -1 : 1;
  event.preventDefault();
  buttons[at < 0 ? 0 : (at + step + buttons.length) % buttons.length].focus();
}

document.addEventListener(
  "keydown",
  (event) => {
    if (!shown || shown.box.getAttribute("role") !== "dialog" || event.ctrlKey || event.metaKey || event.altKey) return;
    const number = Number(shown.box.dataset.step);
    if (event.key === "Escape") leave();
    else if (event.key === "ArrowRight" && number + 1 < STEPS.length) go(number + 1);
    else if (event.key === "ArrowLeft" && number > 0) go(number - 1);
    else if (event.key === "Tab") {
      keepFocus(event);
      return;
    } else if (event.key === "Enter" || event.key === " ") {
      event.stopPropagation(); // the button's own; the page's commands rest meanwhile
      return;
    }
    event.stopPropagation();
    event.preventDefault();
  },
  true,
);
window.addEventListener("resize", place);
document.addEventListener("scroll", place, { capture: true, passive: true });
document.addEventListener("htmx:afterSettle", place);

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || !event.target.closest("[data-tour-start]")) return;
  write({ step: 0, urls: JSON.parse(document.getElementById("tour-urls").textContent) });
  go(0);
});

const state = user ? read() : null;
if (state?.urls && STEPS[state.step]) {
  if (state.urls[STEPS[state.step].page] === location.pathname) show(state.step);
  else offer(state);
}
