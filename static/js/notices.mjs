// Tells on whichever page one is that a job has ended: a number in the header, and a small notice in the corner.
// One light poll, which rests while nobody sees the page.

import { csrfToken, getJson } from "./api.mjs";

const FIRST = 3_000; // what the page itself needs comes before
const EVERY = 20_000;
const STAYS = 15_000;
const MOST_TOASTS = 2;
const link = document.querySelector("[data-notices]");
let timer = 0;

function seenKey() {
  return `fringe-notices-${link.dataset.user}`;
}

function lastSeen() {
  try {
    return Number(localStorage.getItem(seenKey())) || 0;
  } catch {
    return Infinity; // a browser that keeps nothing would show the same notice on every page
  }
}

function remember(id) {
  try {
    localStorage.setItem(seenKey(), String(Math.max(id, lastSeen())));
  } catch {
    // Nothing is kept, and nothing is shown twice.
  }
}

function showCount(n) {
  const badge = link.querySelector("[data-notice-count]");
  badge.hidden = n === 0;
  badge.firstChild.data = n > 99 ? "99+" : String(n);
}

async function markRead(id) {
  const body = new URLSearchParams({ notice: id });
  const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
  try {
    const answer = await fetch(link.dataset.read, { method: "POST", body, headers, keepalive: true });
    if (answer.ok) showCount((await answer.json()).n);
  } catch {
    // It stays unread, which the next look shows.
  }
}

function toast({ id, words, url, state }) {
  const box = document.createElement("div");
  box.className = `toast-note state-${state}`;
  const to = document.createElement("a");
  to.href = url;
  to.textContent = words;
  to.dataset.notice = id;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "tool-button";
  close.textContent = "Mark as read";
  close.addEventListener("click", () => {
    markRead(id);
    box.remove();
  });
  box.append(to, close);
  document.getElementById("toasts").append(box);
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, STAYS) : box.remove());
  setTimeout(leave, STAYS);
}

/** Show each of a few notices, and one for many: they must not cover the page. */
function tell(notices) {
  if (notices.length <= MOST_TOASTS) {
    notices.forEach(toast);
    return;
  }
  const failed = notices.filter(({ state }) => state === "failed").length;
  const words = `${notices.length} jobs have ended${failed ? `, ${failed} of them failed` : ""}`;
  toast({ id: notices.at(-1).id, words, url: link.href, state: failed ? "failed" : "succeeded" });
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  const answer = await getJson(link.dataset.state);
  if (answer.status === 401) return; // signed out
  if (answer.ok) {
    const { n, newest } = answer.data;
    showCount(n);
    const since = lastSeen();
    tell(newest.filter(({ id }) => id > since).reverse());
    if (newest.length) remember(newest[0].id);
  }
  if (!document.hidden) timer = setTimeout(look, EVERY);
}

if (link) {
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
  document.addEventListener("click", (event) => {
    const to = event.target instanceof Element && event.target.closest("a[data-notice]");
    if (to) markRead(to.dataset.notice);
  });
  timer = setTimeout(look, FIRST);
}
