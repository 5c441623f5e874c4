// The list of what was labelled last, by whomever and on whatever day; each act in it can be taken back.

import { getJson } from "./api.mjs";

export class ActList {
  /** `onUndo(act)` and `onRedo(act)` get an act as the server tells it. */
  constructor(facts, { onUndo, onRedo }) {
    Object.assign(this, { facts, onUndo, onRedo });
    this.panel = document.getElementById("acts");
    this.list = document.getElementById("acts-list");
    this.whose = document.getElementById("acts-whose");
    this.empty = document.getElementById("acts-empty");
    this.panel.addEventListener("toggle", () => this.refresh());
    this.whose.addEventListener("change", () => this.refresh());
  }

  /** Read the list anew, if it is open; what follows quickly is read once. */
  refresh() {
    clearTimeout(this.timer);
    if (this.panel.open) this.timer = setTimeout(() => this.read(), 150);
  }

  async read() {
    const { ok, data } = await getJson(`${this.facts.actsUrl}?mine=${this.whose.value}`);
    const acts = ok ? data.acts : [];
    this.list.replaceChildren(...acts.map((act) => this.row(act)));
    this.empty.textContent = ok ? (acts.length ? "" : "Nothing was labelled yet.") : data.error;
  }

  row(act) {
    const item = document.createElement("li");
    item.classList.toggle("is-undone", act.undone);
    const words = document.createElement("strong");
    words.textContent = act.words;
    const rest = document.createElement("span");
    rest.className = "muted";
    const at = new Date(act.at);
    rest.textContent = `${act.scope} · ${act.by}, ${at.toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" })}`;
    item.append(words, rest);
    if (this.facts.mayWrite) item.append(this.button(act));
    return item;
  }

  button(act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm btn-outline-secondary";
    button.textContent = act.undone ? "Redo" : "Undo";
    button.setAttribute("aria-label", `${button.textContent} ${act.words}, ${act.scope}`);
    button.addEventListener("click", () => {
      button.disabled = true;
      if (act.undone) this.onRedo(act);
      else this.onUndo(act);
    });
    return button;
  }
}

/** Return the newest of the person's own acts that stands and is not among `taken`; null where there is none. */
export async function lastOwnAct(facts, taken) {
  const { ok, data } = await getJson(`${facts.actsUrl}?mine=1&standing=1&count=${20 + Math.min(80, taken.size)}`);
  if (!ok) throw new Error(data.error);
  return data.acts.find((act) => !taken.has(act.id)) ?? null;
}
