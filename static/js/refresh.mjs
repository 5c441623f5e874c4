// A part of a page that asks for itself again (`data-refresh="URL"`) for as long as the server says so. What is
// new is written into what is there: the focus, open details and scrolled places stay where they are.

const EVERY = 2_000;
const SLOWEST = 30_000;

/** Make `old` equal to `fresh` with as few changes as can be; elements are told by their ids. */
export function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName || (old.id ?? "") !== (fresh.id ?? "")) {
    old.replaceWith(fresh);
  } else if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else if (!old.isEqualNode(fresh)) {
    morphAttributes(old, fresh);
    morphChildren(old, fresh);
  }
}

function isOwn(element, name) {
  // Of these the browser has the say: what is open, and what a person has entered.
  return (name === "open" && element.nodeName === "DETAILS") || (name === "aria-expanded" && "tip" in element.dataset);
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isOwn(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !isOwn(old, name)) old.setAttribute(name, value);
  }
}

function morphChildren(old, fresh) {
  const wanted = new Set([...fresh.children].map(({ id }) => id));
  for (const child of [...old.children]) {
    if (child.id && !wanted.has(child.id)) child.remove();
  }
  const known = new Map([...old.children].filter(({ id }) => id).map((child) => [child.id, child]));
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const same = next.id ? known.get(next.id) : at && !at.id && at.nodeName === next.nodeName ? at : null;
    if (!same) {
      old.insertBefore(next, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    morph(same, next);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function write(box, fresh) {
  const focused = document.activeElement;
  morph(box, fresh);
  if (focused?.id && document.activeElement !== focused) document.getElementById(focused.id)?.focus();
  document.dispatchEvent(new CustomEvent("fringe:refreshed", { detail: box.id }));
}

async function ask(box) {
  const options = { headers: { "HX-Request": "true" }, redirect: "manual" };
  const answer = await fetch(box.dataset.refresh, options);
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
}

async function refresh(box, delay) {
  if (!box.isConnected || !box.dataset.refresh) return;
  if (document.hidden) {
    document.addEventListener("visibilitychange", () => refresh(box, EVERY), { once: true });
    return;
  }
  try {
    const fresh = await ask(box);
    if (fresh?.id === box.id) write(box, fresh);
    setTimeout(refresh, EVERY, box, EVERY);
  } catch {
    const slower = Math.min(2 * delay, SLOWEST); // the server is away, or the person signed out elsewhere
    setTimeout(refresh, slower, box, slower);
  }
}

document.querySelectorAll("[data-refresh]").forEach((box) => setTimeout(refresh, EVERY, box, EVERY));
