// Explanations in place: a `?` shows its text on hover, focus and click; Esc closes it. One bubble for the
// page, and listeners on the document, so that parts of a page that come later need nothing.

const GAP = 6;
const LINGER = 200; // ms in which the pointer may cross over to the bubble
const bubble = document.createElement("div");
bubble.className = "tip-bubble";
bubble.popover = "manual"; // above everything, also above an open dialog
bubble.setAttribute("aria-hidden", "true"); // it is read as the button's description
document.body.append(bubble);

let shown = null;
let isPinned = false;
let timer = 0;

function tipOf(event) {
  return event.target instanceof Element ? event.target.closest("[data-tip]") : null;
}

function show(button, pin = false) {
  clearTimeout(timer);
  isPinned = pin || (isPinned && shown === button);
  if (shown === button) return;
  hide();
  isPinned = pin;
  shown = button;
  button.setAttribute("aria-expanded", "true");
  bubble.textContent = button.getAttribute("aria-description");
  bubble.showPopover();
  place(button);
}

function place(button) {
  const at = button.getBoundingClientRect();
  const { width, height } = bubble.getBoundingClientRect();
  const left = Math.max(GAP, Math.min(at.left, document.documentElement.clientWidth - width - GAP));
  const isBelow = at.bottom + GAP + height <= window.innerHeight;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${isBelow ? at.bottom + GAP : Math.max(GAP, at.top - GAP - height)}px`;
}

function hide() {
  clearTimeout(timer);
  if (!shown) return;
  shown.setAttribute("aria-expanded", "false");
  shown = null;
  isPinned = false;
  bubble.hidePopover();
}

function hideSoon() {
  clearTimeout(timer);
  if (shown && !isPinned && document.activeElement !== shown) timer = setTimeout(hide, LINGER);
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  const button = tipOf(event);
  if (button) show(button);
  else if (bubble.contains(event.target)) clearTimeout(timer);
  else hideSoon();
});
document.addEventListener("focusin", (event) => {
  const button = tipOf(event);
  if (button?.matches(":focus-visible")) show(button);
});
document.addEventListener("focusout", (event) => {
  if (tipOf(event) === shown) hide();
});
document.addEventListener("click", (event) => {
  const button = tipOf(event);
  if (!button) {
    if (!bubble.contains(event.target)) hide();
    return;
  }
  event.preventDefault(); // beside a link or a summary it only explains
  if (shown === button && isPinned) hide();
  else show(button, true);
});
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || !shown) return;
    event.preventDefault();
    event.stopPropagation(); // Esc closes one thing at a time
    hide();
  },
  true,
);
document.addEventListener("scroll", () => shown && place(shown), { capture: true, passive: true });
document.addEventListener("htmx:afterSettle", () => {
  if (!shown || shown.isConnected) return;
  const again = document.getElementById(shown.id); // drawn anew by a poll
  const wasPinned = isPinned;
  hide();
  if (again) show(again, wasPinned);
});
