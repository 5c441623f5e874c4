// What the server knows of the drawn points, column by column; each is fetched once.

import { csrfToken, fetchArray } from "./api.mjs";

export class MapData {
  constructor(facts, labelColumnUrl) {
    Object.assign(this, { facts, labelColumnUrl });
    this.columns = new Map();
  }

  get of() {
    return `clustering=${this.facts.clustering ?? ""}&map=${this.facts.map}`;
  }

  column(name, ArrayType) {
    return this.keep(name, () => fetchArray(`${this.facts.pointsUrl}${name}.bin?${this.of}`, ArrayType));
  }

  /** A column of numbers by the name under which the server lists it. */
  number(name) {
    const url = `${this.facts.pointsUrl}number.bin?column=${encodeURIComponent(name)}&${this.of}`;
    return this.keep(`number ${name}`, () => fetchArray(url, Float32Array));
  }

  /** The class of each point, by place among the classes: asked for anew each time. */
  async labels() {
    return fetchArray(this.labelColumnUrl, Int8Array, { method: "POST", body: await this.column("index", Int32Array) });
  }

  async keep(name, fetchIt) {
    if (!this.columns.has(name)) this.columns.set(name, await fetchIt());
    return this.columns.get(name);
  }

  /** Where the corners of the density lie, and its levels; the bytes begin with four doubles. */
  async density() {
    const bytes = await this.keep("density", () => fetchArray(`${this.facts.densityUrl}?${this.of}`, Uint8Array));
    const [left, right, bottom, top] = new Float64Array(bytes.buffer, 0, 4);
    return { left, right, bottom, top, levels: bytes.subarray(32) };
  }

  /** Which drawn points a scope holds: a function of their place. */
  async members(scope) {
    const bits = await fetchArray(this.facts.membersUrl, Uint8Array, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify({ scope }),
    });
    return (place) => (bits[place >> 3] >> (place & 7)) & 1;
  }

  /** The same for frames that are known by their numbers. */
  async membersAmong(frames) {
    const [index, wanted] = [await this.column("index", Int32Array), new Set(frames)];
    return (place) => wanted.has(index[place]);
  }
}
