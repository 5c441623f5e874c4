// The sheet: the frames of one choice, in an order; its title, its controls, and the link to it.

import { count } from "./api.mjs";
import { Gallery } from "./gallery.mjs";

const LONGEST_LINK = 2000;
const ORDERS = {
  exemplars: "the most typical first",
  random: "shuffled",
  border: "the least sure members first",
  outlier: "the highest outlier score first",
  probability: "the most probable first",
  order: "by number",
};

export class Sheet {
  /** `onShown(shown)` hears of each choice: `{scope, sort, n, words, title}`; `onChoice(frames)` of thumbnails. */
  constructor(facts, { onShown, onChoice, onMoreLike }) {
    Object.assign(this, { facts, onShown, onMoreLike, shown: null, seed: 1 });
    this.section = document.getElementById("sheet");
    this.part = Object.fromEntries(
      ["title", "status", "sort", "near", "shuffle", "link", "address", "more"].map((name) => [
        name,
        document.getElementById(`sheet-${name}`),
      ]),
    );
    this.gallery = new Gallery(document.getElementById("sheet-frames"), facts, onChoice);
    this.part.sort.addEventListener("change", () => this.sortAgain());
    this.part.near.addEventListener("change", () => this.sortAgain());
    this.part.shuffle.addEventListener("click", () => {
      this.seed += 1;
      this.sortAgain();
    });
    this.part.link.addEventListener("click", () => this.copyLink());
    this.part.more.addEventListener("click", () => this.onMoreLike([...this.gallery.chosen].at(-1)));
  }

  /** The order that was chosen last; nearness to a frame is meant for the one choice alone. */
  get usualSort() {
    const { value } = this.part.sort;
    return value === "nearest" ? this.part.sort.options[0].value : value;
  }

  /** Open a choice of frames; resolves with whether it is shown, or null if another was asked for meanwhile.
   * What was shown stays if it is not. */
  async open(scope, { sort = this.usualSort, near = null, base = null } = {}) {
    const asked = { scope: this.pinned(scope), sort, seed: this.seed };
    if (sort === "nearest") asked.near = near ?? (this.part.near.value === "" ? null : Number(this.part.near.value));
    if (sort === "nearest" && asked.near === null) {
      this.part.sort.value = sort;
      this.writeControls();
      this.say("Give the number of the frame from which the nearest are counted, or choose a thumbnail.");
      this.part.near.focus();
      return false;
    }
    this.section.hidden = false;
    this.say("Looking …");
    let answer;
    try {
      answer = await this.gallery.show(asked);
    } catch (error) {
      this.refuse(error.message);
      return false;
    }
    if (!answer) return null;
    this.shown = { ...asked, base, n: answer.n, words: answer.words || "of this data set", title: answer.title };
    this.write();
    this.onShown(this.shown);
    return true;
  }

  /** Numbers of clusters and places on a map mean something in one clustering and on one map only. */
  pinned(scope) {
    const map = JSON.stringify(scope).includes('"polygon"') ? { map: this.facts.map } : {};
    return { clustering: this.facts.clustering ?? undefined, ...map, ...scope };
  }

  refuse(reason) {
    if (!this.shown) {
      this.part.title.textContent = "Frames";
      this.say(reason);
      return;
    }
    this.part.sort.value = this.shown.sort;
    this.writeControls();
    this.say(`${this.counted()}. Not changed: ${reason} The last choice is still here.`);
  }

  say(text) {
    this.part.status.textContent = text;
  }

  counted() {
    const { n, sort, near } = this.shown;
    if (!n) return "No frames";
    const order = sort === "nearest" ? `the nearest to frame ${near} first` : ORDERS[sort];
    return `${count(n)} ${n === 1 ? "frame" : "frames"}, ${order}`;
  }

  write() {
    const { title, sort, near } = this.shown;
    this.part.title.textContent = title;
    this.part.sort.value = sort;
    if (sort === "nearest") this.part.near.value = near;
    this.part.address.hidden = true;
    this.part.link.hidden = this.address().length > LONGEST_LINK;
    this.writeControls();
    this.say(this.counted());
  }

  /** A cluster that is shown got another name. */
  rename(clusters) {
    const cluster = clusters.find(({ id }) => id === this.shown?.scope.cluster);
    if (!cluster) return;
    this.shown.title = cluster.name;
    this.part.title.textContent = cluster.name;
  }

  writeControls() {
    const { value } = this.part.sort;
    this.part.near.closest("label").hidden = value !== "nearest";
    this.part.shuffle.hidden = value !== "random";
  }

  async sortAgain() {
    this.writeControls();
    if (!this.shown) return;
    const chosen = [...this.gallery.chosen].at(-1);
    const near = this.part.near.value === "" ? chosen ?? null : Number(this.part.near.value);
    await this.open(this.shown.scope, { sort: this.part.sort.value, near, base: this.shown.base });
  }

  close() {
    this.section.hidden = true;
    this.shown = null;
    this.gallery.wanted = null;
    this.gallery.reset();
  }

  /** Where this choice can be found again. */
  address() {
    const { scope, sort, near } = this.shown;
    const bare = { ...shortened(scope), clustering: undefined };
    const query = new URLSearchParams({ scope: JSON.stringify(bare), sort });
    if (sort === "nearest") query.set("near", near);
    if (this.facts.clustering) query.set("clustering", this.facts.clustering);
    return `${window.location.origin}${window.location.pathname}?${query}`;
  }

  /** Plain http has no clipboard: then the address stands there, to be copied by hand. */
  async copyLink() {
    const address = this.address();
    try {
      await navigator.clipboard.writeText(address);
      this.say(`${this.counted()}. The link is copied.`);
    } catch {
      this.part.address.hidden = false;
      this.part.address.value = address;
      this.part.address.select();
      this.say(`${this.counted()}. Copy the link from the field.`);
    }
  }
}

/** The same scope for an address: the corners of an area to five digits of its size, not to sixteen. */
function shortened(scope) {
  const found = { ...scope };
  if (scope.both) found.both = scope.both.map(shortened);
  if (scope.polygon) found.polygon = scope.polygon.map((corner) => corner.map((each) => Number(each.toPrecision(5))));
  return found;
}
