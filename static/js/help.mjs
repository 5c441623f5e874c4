// `?` opens the keys of this page. Single-key commands can be switched off (WCAG 2.1.4).

const KEY = "fringe-keys";

/** Whether single-key commands are on. */
export function keysAreOn() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

/** Whether a key event belongs to a field in which a person writes. */
export function isTyping(event) {
  const element = event.target;
  if (!(element instanceof Element)) return false;
  return element.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") !== null;
}

function listPageKeys(dialog) {
  const list = dialog.querySelector("[data-page-keys]");
  const found = document.querySelectorAll("[data-keys] > *");
  if (!found.length) return;
  list.replaceChildren(...[...found].map((node) => node.cloneNode(true)));
}

function prepare(dialog) {
  const toggle = dialog.querySelector("[data-keys-switch]");
  toggle.checked = keysAreOn();
  toggle.addEventListener("change", () => {
    try {
      localStorage.setItem(KEY, toggle.checked ? "on" : "off");
    } catch {
      // A browser that keeps nothing leaves the keys on.
    }
    document.dispatchEvent(new CustomEvent("fringe:keys", { detail: toggle.checked }));
  });
  const open = () => {
    if (dialog.open) return;
    listPageKeys(dialog);
    dialog.showModal();
  };
  document.querySelectorAll("[data-open-keys]").forEach((button) => button.addEventListener("click", open));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || isTyping(event) || !keysAreOn()) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    open();
  });
}

const dialog = document.getElementById("keys");
if (dialog) prepare(dialog);
