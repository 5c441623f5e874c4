// Commands of one key. They never act in fields, and can be switched off (help.mjs keeps the switch).

import { isTyping, keysAreOn } from "./help.mjs";

/**
 * Bind keys to actions: `{"ArrowLeft": fn, "1": fn, "Ctrl+z": fn, "Ctrl+Shift+z": fn}`.
 * Enter and Space stay with a focused button or link. With `within`, they act only while the focus is there.
 */
export function bindKeys(actions, within = document) {
  within.addEventListener("keydown", (event) => {
    if (isTyping(event) || event.altKey || document.querySelector("dialog[open]")) return;
    const isModified = event.ctrlKey || event.metaKey;
    const name = isModified ? `Ctrl+${event.shiftKey ? "Shift+" : ""}${event.key.toLowerCase()}` : event.key;
    const action = actions[name] ?? (isModified ? undefined : actions[event.key.toLowerCase()]);
    if (!action) return;
    const isPress = event.key === "Enter" || event.key === " ";
    if (isPress && event.target.closest?.("button, a[href], summary, input, label")) return;
    if (event.key.length === 1 && !isModified && !keysAreOn()) return;
    event.preventDefault();
    action(event);
  });
}
