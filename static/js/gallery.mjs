// A grid of thumbnails of any length: only the rows in sight are in the page, and pages are fetched as needed.

import { postJson } from "./api.mjs";
import { makeThumb } from "./thumbs.mjs";

const TILE = 72;
const PAGE = 120;
const AGAIN_MS = 3000;

export class Gallery {
  /** `viewport` scrolls; `onChoice(frames)` hears of each change of the selection. */
  constructor(viewport, facts, onChoice) {
    Object.assign(this, { viewport, facts, onChoice });
    this.space = document.createElement("div");
    this.space.className = "gallery-space";
    viewport.replaceChildren(this.space);
    viewport.addEventListener("scroll", () => this.render(), { passive: true });
    new ResizeObserver(() => this.render(true)).observe(viewport);
    viewport.addEventListener("click", (event) => this.onClick(event));
    viewport.addEventListener("keydown", (event) => this.onKey(event));
    this.reset();
  }

  reset() {
    this.total = 0;
    this.pages = new Map();
    this.tiles = new Map();
    this.chosen = new Set();
    this.focused = 0;
    this.anchor = null;
    this.space.replaceChildren();
  }

  /** Show the frames of `asked.scope` in an order; resolves with the server's answer. Until then, and if it
   * cannot be had, what was shown stays. Null: something else was asked for meanwhile. */
  async show(asked) {
    this.wanted = asked;
    const { ok, data } = await postJson(this.facts.listUrl, { ...asked, offset: 0, limit: PAGE });
    if (this.wanted !== asked) return null;
    if (!ok) throw new Error(data.error);
    this.reset();
    this.asked = asked;
    this.pages.set(0, data.frames);
    this.total = data.n;
    this.viewport.scrollTop = 0;
    this.render(true);
    return data;
  }

  async fetchPage(number) {
    const asked = this.asked;
    this.pages.set(number, null);
    const answer = await postJson(this.facts.listUrl, { ...asked, offset: number * PAGE, limit: PAGE });
    if (asked !== this.asked) return;
    if (answer.ok) this.pages.set(number, answer.data.frames);
    else setTimeout(() => asked === this.asked && this.forget(number), AGAIN_MS);
  }

  /** Ask for a page that did not come once more, if it is still in sight. */
  forget(number) {
    this.pages.delete(number);
    this.render();
  }

  get columns() {
    return Math.max(1, Math.floor(this.viewport.clientWidth / TILE));
  }

  render(again = false) {
    if (again) {
      this.tiles.forEach((tile) => tile.remove());
      this.tiles.clear();
    }
    const columns = this.columns;
    this.space.style.height = `${Math.ceil(this.total / columns) * TILE}px`;
    const first = Math.max(0, Math.floor(this.viewport.scrollTop / TILE) - 2) * columns;
    const rows = Math.ceil(this.viewport.clientHeight / TILE) + 4;
    const last = Math.min(this.total, first + rows * columns);
    for (const [place, tile] of this.tiles) {
      if (place < first || place >= last) {
        tile.remove();
        this.tiles.delete(place);
      }
    }
    const wanted = new Set();
    for (let place = first; place < last; place += 1) {
      const page = Math.floor(place / PAGE);
      const entry = this.pages.get(page)?.[place % PAGE];
      if (entry) this.place(place, entry, columns);
      else if (!this.pages.has(page)) wanted.add(page);
    }
    wanted.forEach((page) => this.fetchPage(page).then(() => this.render()));
  }

  place(place, entry, columns) {
    if (this.tiles.has(place)) return;
    const tile = makeThumb(entry.index, this.facts);
    tile.dataset.place = place;
    tile.tabIndex = place === this.focused ? 0 : -1;
    tile.title = describe(entry, this.facts.clusters ?? []);
    tile.style.left = `${(place % columns) * TILE}px`;
    tile.style.top = `${Math.floor(place / columns) * TILE}px`;
    this.mark(tile, entry.index);
    this.tiles.set(place, tile);
    this.space.append(tile);
    if (this.isFocusing && place === this.focused) {
      this.isFocusing = false;
      tile.focus({ preventScroll: true });
    }
  }

  mark(tile, index) {
    const isChosen = this.chosen.has(index);
    tile.classList.toggle("is-chosen", isChosen);
    tile.setAttribute("aria-label", `Frame ${index}${isChosen ? ", chosen" : ""}`);
  }

  entryAt(place) {
    return this.pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  onClick(event) {
    const tile = event.target.closest(".thumb");
    if (!tile || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const place = Number(tile.dataset.place);
    if (event.shiftKey && this.anchor !== null) {
      const [from, to] = [Math.min(place, this.anchor), Math.max(place, this.anchor)];
      for (let each = from; each <= to; each += 1) {
        const entry = this.entryAt(each);
        if (entry) this.chosen.add(entry.index);
      }
    } else {
      this.toggle(place);
    }
    this.anchor = place;
    this.tell();
  }

  toggle(place) {
    const entry = this.entryAt(place);
    if (entry && !this.chosen.delete(entry.index)) this.chosen.add(entry.index);
  }

  /** Choose a frame, or no longer, whether it is in sight or not. */
  choose(index) {
    if (!this.chosen.delete(index)) this.chosen.add(index);
    this.tell();
  }

  clearChoice() {
    this.chosen.clear();
    this.tell();
  }

  tell() {
    this.tiles.forEach((tile) => this.mark(tile, Number(tile.dataset.frame)));
    this.onChoice?.([...this.chosen]);
  }

  onKey(event) {
    if (!event.target.closest(".thumb")) return;
    if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      this.focusOn(event.key === "Home" ? 0 : this.total - 1);
    }
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    if (event.key === " ") {
      event.preventDefault();
      const place = Number(event.target.dataset.place);
      this.toggle(place);
      this.anchor = place;
      this.tell();
    } else if (event.key in steps) {
      event.preventDefault();
      this.focusOn(Number(event.target.dataset.place) + steps[event.key]);
    }
  }

  focusOn(place) {
    if (place < 0 || place >= this.total) return;
    const old = this.tiles.get(this.focused);
    if (old) old.tabIndex = -1;
    this.focused = place;
    const top = Math.floor(place / this.columns) * TILE;
    const { scrollTop, clientHeight } = this.viewport;
    if (top < scrollTop) this.viewport.scrollTop = top;
    if (top + TILE > scrollTop + clientHeight) this.viewport.scrollTop = top + TILE - clientHeight;
    this.render();
    const tile = this.tiles.get(place);
    this.isFocusing = !tile; // its page is on the way
    if (tile) {
      tile.tabIndex = 0;
      tile.focus({ preventScroll: true });
    }
  }
}

function describe(entry, clusters) {
  const parts = [`Frame ${entry.index}`];
  if (entry.cluster !== undefined) {
    const name = clusters.find(({ id }) => id === entry.cluster)?.name ?? `Cluster ${entry.cluster}`;
    parts.push(entry.cluster < 0 ? "noise" : `${name}, probability ${entry.probability}`);
    if (entry.outlier !== null) parts.push(`outlier score ${entry.outlier}`);
  }
  return parts.join(" · ");
}
