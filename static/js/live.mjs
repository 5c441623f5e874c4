// A page that changes by itself can be held still: "Hold still" stops the polling of one element until it is
// released. Polls rest, too, while nobody sees the page.

const held = new Set();

function goOn(id) {
  document.getElementById(id)?.dispatchEvent(new CustomEvent("fringe:go-on"));
}

function label(button, isHeld) {
  button.setAttribute("aria-pressed", String(isHeld));
  button.classList.toggle("active", isHeld);
}

function showWhilePolling(button) {
  const target = document.getElementById(button.dataset.hold);
  button.hidden = !target?.hasAttribute("hx-get");
}

document.querySelectorAll("[data-hold]").forEach((button) => {
  const id = button.dataset.hold;
  showWhilePolling(button);
  button.addEventListener("click", () => {
    const isHeld = !held.has(id);
    if (isHeld) held.add(id);
    else held.delete(id);
    label(button, isHeld);
    if (!isHeld) goOn(id);
  });
  document.addEventListener("htmx:load", () => showWhilePolling(button));
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const element = event.detail.elt;
  if (element.hasAttribute("hx-get") && (held.has(element.id) || document.hidden)) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  document.querySelectorAll("[hx-trigger*='fringe:go-on']").forEach((element) => {
    if (!held.has(element.id)) goOn(element.id);
  });
});
