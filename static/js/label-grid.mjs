// A page full of frames that are all asked about one class: mark those that are not, take the rest at once.

import { count, getJson, newId } from "./api.mjs";
import { paintThumb } from "./thumbs.mjs";

const KEY = "fringe-grid-size";

export class LabelGrid {
  /** `send(acts, words)` takes over acts for the outbox; `query()` names the queue; `say(text)` tells. */
  constructor(facts, { send, query, say }) {
    Object.assign(this, { facts, send, query, say });
    this.host = document.getElementById("label-grid");
    this.frames = document.getElementById("grid-frames");
    this.ahead = document.getElementById("grid-ahead");
    this.size = document.getElementById("grid-size");
    this.no = document.getElementById("grid-no");
    this.words = document.getElementById("grid-words");
    this.button = document.getElementById("grid-apply");
    this.asked = null;
    this.isOn = false;
    this.button.addEventListener("click", () => this.apply());
    document.getElementById("grid-skip").addEventListener("click", () => this.next());
    this.no.addEventListener("change", () => this.write());
    this.size.addEventListener("change", () => {
      try {
        localStorage.setItem(KEY, this.size.value);
      } catch {
        // A browser that keeps nothing begins with the usual size.
      }
      this.restart();
    });
    try {
      this.size.value = localStorage.getItem(KEY) ?? "24";
    } catch {
      this.size.value = "24";
    }
    this.frames.addEventListener("keydown", (event) => this.onKey(event));
  }

  get tiles() {
    return [...this.frames.children];
  }

  /** Begin with the first page of the queue. */
  async restart() {
    Object.assign(this, { place: 0, round: (this.round ?? 0) + 1, coming: null, isChecking: this.query().mode === "labelled" });
    this.no.value = this.isChecking ? "remove" : "leave";
    this.no.disabled = this.isChecking;
    this.frames.classList.toggle("is-large", this.size.value === "24");
    this.frames.replaceChildren();
    this.ahead.replaceChildren();
    await this.next();
  }

  ask(name) {
    this.asked = name;
    this.write();
  }

  async next() {
    const round = this.round;
    this.coming ??= this.fetchPage();
    let page;
    try {
      page = await this.coming;
    } catch (error) {
      this.coming = null;
      if (round === this.round) this.say(error.message);
      return;
    }
    if (round !== this.round) return;
    this.coming = null;
    this.frames.replaceChildren(...page);
    page[0]?.setAttribute("tabindex", "0");
    if (this.isOn) page[0]?.focus();
    this.write();
    if (!page.length) {
      this.say("No frame is left in this queue.");
      return;
    }
    this.coming = this.fetchPage();
    this.coming.then((tiles) => round === this.round && this.ahead.replaceChildren(...tiles)).catch(() => {});
  }

  async fetchPage() {
    const round = this.round;
    const query = new URLSearchParams({ ...this.query(), place: this.place, count: this.size.value });
    const { ok, data } = await getJson(`${this.facts.queueUrl}?${query}`);
    if (!ok) throw new Error(data.error);
    if (round === this.round) this.place = data.place;
    return data.frames.map((entry) => this.tile(entry));
  }

  tile(entry) {
    const tile = document.createElement("button");
    tile.type = "button";
    tile.className = "grid-frame";
    tile.dataset.frame = entry.index;
    tile.setAttribute("aria-pressed", "false");
    tile.setAttribute("tabindex", "-1");
    tile.setAttribute("aria-label", `Frame ${entry.index} is not of the class`);
    paintThumb(tile, entry.index, this.facts);
    tile.addEventListener("click", () => this.mark(tile));
    return tile;
  }

  mark(tile) {
    const isMarked = tile.getAttribute("aria-pressed") === "true";
    tile.setAttribute("aria-pressed", String(!isMarked));
    this.rove(tile);
    this.write();
  }

  rove(tile) {
    this.tiles.forEach((each) => each.setAttribute("tabindex", each === tile ? "0" : "-1"));
    tile.focus();
  }

  get current() {
    return this.tiles.find((tile) => tile.getAttribute("tabindex") === "0") ?? this.tiles[0];
  }

  /** Move by tiles (`dx`) or by rows (`dy`). */
  move(dx, dy = 0) {
    const tiles = this.tiles;
    if (!tiles.length) return;
    const columns = tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length;
    const to = tiles.indexOf(this.current) + dx + dy * columns;
    if (tiles[to]) this.rove(tiles[to]);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key !== "Enter" && !rows) return;
    event.preventDefault(); // a button would take Enter for a click, and mark the frame
    if (rows) this.move(0, rows);
    else if (!event.repeat) this.apply();
  }

  get split() {
    const [yes, no] = [[], []];
    for (const tile of this.tiles) (tile.getAttribute("aria-pressed") === "true" ? no : yes).push(Number(tile.dataset.frame));
    return { yes, no };
  }

  write() {
    const { yes, no } = this.split;
    const name = this.asked;
    document.getElementById("grid-title").textContent = name ? `Which of these are not ${name}?` : "Choose a class, then mark what is not of it";
    this.no.options[1].textContent = name ? `are not ${name}` : "are not of the class";
    this.button.disabled = !name || !this.tiles.length || !this.facts.mayWrite;
    this.words.textContent = this.sentence(name, yes.length, no.length);
  }

  sentence(name, yes, no) {
    if (!this.facts.mayWrite) return "Viewers cannot label";
    if (!name) return "Choose a class";
    if (!this.tiles.length) return "No frame is left";
    if (this.isChecking) return `${name}: ${count(yes)} stay, ${count(no)} taken away`;
    return `${name}: ${count(yes)} yes, ${count(no)} ${no && this.no.value === "remove" ? `not ${name}` : "no"}`;
  }

  apply() {
    if (this.button.disabled || this.isTurning) return;
    const { yes, no } = this.split;
    const operation = this.facts.singleLabel ? "set" : "add";
    const acts = [];
    if (yes.length && !this.isChecking) acts.push(act(yes, operation, this.asked));
    if (no.length && this.no.value === "remove") acts.push(act(no, "remove", this.asked));
    this.send(acts, this.sentence(this.asked, yes.length, no.length));
    this.isTurning = true;
    this.next().finally(() => (this.isTurning = false));
  }
}

function act(frames, operation, name) {
  return { scope: { frames }, operation, classes: [name], client_id: newId() };
}
