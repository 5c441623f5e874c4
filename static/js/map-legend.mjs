// The legend of the map: a button a group. A click shows or hides it, a double click shows it alone.

export class MapLegend {
  /** `onShown(ids)` hears of the set of groups that are shown, or null for all. */
  constructor(element, onShown) {
    Object.assign(this, { element, onShown });
    this.hidden = new Set();
    element.addEventListener("click", (event) => this.onClick(event));
    element.addEventListener("dblclick", (event) => this.isolate(this.idAt(event)));
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  write(groups) {
    this.groups = groups;
    this.hidden.clear();
    this.element.hidden = groups.length < 2;
    this.element.replaceChildren(...groups.map((group) => this.button(group)), this.allButton());
    this.mark();
  }

  button({ id, name, colour }) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "legend-entry";
    button.dataset.group = id;
    button.tabIndex = -1;
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.backgroundColor = colour;
    button.append(swatch, name);
    return button;
  }

  allButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm btn-outline-secondary";
    button.dataset.all = "";
    button.textContent = "Show all";
    return button;
  }

  get entries() {
    return [...this.element.querySelectorAll("[data-group]")];
  }

  idAt(event) {
    const entry = event.target.closest("[data-group]");
    return entry ? Number(entry.dataset.group) : null;
  }

  onClick(event) {
    if (event.target.closest("[data-all]")) {
      this.hidden.clear();
      this.tell();
      this.entries[0]?.focus();
      return;
    }
    const id = this.idAt(event);
    if (id === null) return;
    if (event.shiftKey) {
      this.isolate(id);
      return;
    }
    if (!this.hidden.delete(id)) this.hidden.add(id);
    this.tell();
  }

  /** Show one group alone; if it is alone already, show all. */
  isolate(id) {
    if (id === null) return;
    const others = this.groups.map((group) => group.id).filter((each) => each !== id);
    const isAlone = !this.hidden.has(id) && others.every((each) => this.hidden.has(each));
    this.hidden = new Set(isAlone ? [] : others);
    this.tell();
  }

  /** One stop of the Tab key, arrows within: there may be hundreds of clusters. */
  onKey(event) {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const at = this.entries.indexOf(event.target);
    if (at < 0) return;
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.isolate(this.idAt(event));
    } else if (step || event.key === "Home" || event.key === "End") {
      event.preventDefault();
      const last = this.entries.length - 1;
      const next = event.key === "Home" ? 0 : event.key === "End" ? last : Math.min(last, Math.max(0, at + step));
      this.entries.forEach((entry, place) => (entry.tabIndex = place === next ? 0 : -1));
      this.entries[next].focus();
    }
  }

  tell() {
    this.mark();
    this.onShown(this.hidden.size ? new Set(this.groups.map(({ id }) => id).filter((id) => !this.hidden.has(id))) : null);
  }

  mark() {
    const { entries } = this;
    for (const entry of entries) entry.setAttribute("aria-pressed", String(!this.hidden.has(Number(entry.dataset.group))));
    if (!entries.some((entry) => entry.tabIndex === 0) && entries[0]) entries[0].tabIndex = 0;
    const all = this.element.querySelector("[data-all]");
    if (all) all.hidden = !this.hidden.size;
  }
}
