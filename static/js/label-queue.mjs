// The frames that a person goes through: those seen, the one in sight, and the ones that come next.

import { getJson } from "./api.mjs";

const AHEAD = 12;
const FETCH_BELOW = 8;

export class LabelQueue {
  constructor(facts) {
    this.facts = facts;
    this.restart({ mode: "order" });
  }

  /** Begin a queue; frames seen before stay behind, so that one can go back to them. */
  restart(query) {
    this.query = query;
    this.place = 0;
    this.isAtEnd = false;
    this.trail = (this.trail ?? []).slice(0, (this.at ?? -1) + 1);
    this.at = this.trail.length - 1;
    this.begin = this.trail.length; // a frame comes once in a queue, and may come again in another one
    this.round = (this.round ?? 0) + 1;
    this.fetching = null;
  }

  get current() {
    return this.trail[this.at] ?? null;
  }

  get upcoming() {
    return this.trail.slice(this.at + 1);
  }

  /** Put one frame in sight, wherever it stands in a queue. */
  put(entry) {
    this.trail.splice(this.at + 1, 0, entry);
    this.at += 1;
  }

  /** The entry of a frame, the last one where it came more than once. */
  entry(index) {
    return this.trail.findLast((entry) => entry.index === index);
  }

  /** Go to a frame that was seen. */
  returnTo(index) {
    const found = this.trail.findLastIndex((entry) => entry.index === index);
    if (found >= 0) this.at = found;
    return found >= 0;
  }

  back() {
    if (this.at > 0) this.at -= 1;
  }

  /** Go on; false where nothing is left. Who began another queue meanwhile goes on in that one, by itself. */
  async forward() {
    const round = this.round;
    if (this.at + 1 >= this.trail.length) await this.fill();
    if (round !== this.round) return true;
    if (this.at + 1 >= this.trail.length) return false;
    this.at += 1;
    return true;
  }

  /** See to it that enough frames are known ahead; throws with a sentence. */
  async fill() {
    if (this.isAtEnd || this.upcoming.length >= FETCH_BELOW) return;
    if (!this.fetching) {
      const mine = this.fetchMore().finally(() => {
        if (this.fetching === mine) this.fetching = null; // else another queue has begun to fetch
      });
      this.fetching = mine;
    }
    await this.fetching;
  }

  async fetchMore() {
    const round = this.round;
    const query = new URLSearchParams({ ...this.query, place: this.place, count: AHEAD });
    const { ok, data } = await getJson(`${this.facts.queueUrl}?${query}`);
    if (round !== this.round) return;
    if (!ok) throw new Error(data.error);
    const known = new Set(this.trail.slice(this.begin).map((entry) => entry.index));
    for (const frame of data.frames) {
      // What is checked comes with its label, which stays to be read when another one is tried.
      const label = "classes" in frame ? { label: frame.classes } : {};
      if (!known.has(frame.index)) this.trail.push({ classes: null, ...frame, ...label });
    }
    this.isAtEnd = data.frames.length === 0;
    this.place = data.place;
  }
}
