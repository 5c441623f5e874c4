// Frames, masks and patterns as typed arrays, fetched once and kept while there is room.

import { csrfToken } from "./api.mjs";

const KEPT_BYTES = 256 * 2 ** 20;
const PREVIEW_BEYOND = 6 * 2 ** 20; // pixels from which a coarse picture comes first
const ARRAYS = {
  "|u1": Uint8Array, "|i1": Int8Array, "<u2": Uint16Array, "<i2": Int16Array, "<u4": Uint32Array,
  "<i4": Int32Array, "<f4": Float32Array, "<f8": Float64Array,
};

/** A 2-D array of counts: `{values, height, width, kind}`; `bin` is the side of a preview's pixels. */
async function fetchNumbers(url, signal) {
  const response = await fetch(url, { redirect: "manual", signal, headers: { "X-CSRFToken": csrfToken() } });
  if (response.type === "opaqueredirect") throw new Error("You are signed out. Sign in again in another tab.");
  if (!response.ok) {
    const isLine = response.headers.get("Content-Type")?.startsWith("text/plain");
    throw new Error(isLine ? await response.text() : `The server answered ${response.status}.`);
  }
  const read = (name) => response.headers.get(`X-Frame-${name}`);
  const ArrayType = ARRAYS[read("Numbers")] ?? Uint8Array;
  const values = new ArrayType(await response.arrayBuffer());
  return { values, height: Number(read("Height")), width: Number(read("Width")), type: read("Type"), headers: response.headers };
}

export class FrameStore {
  constructor(facts) {
    this.facts = facts;
    this.kept = new Map();
    this.masks = new Map();
  }

  get isLarge() {
    return this.facts.height * this.facts.width > PREVIEW_BEYOND;
  }

  /** The side of a preview's pixels, so that it has about a thousand of them on its longer side. */
  get previewBin() {
    return Math.min(64, Math.ceil(Math.max(this.facts.height, this.facts.width) / 1024));
  }

  urlOf(index, kind, bin = 1) {
    const { framesUrl, source, condensation } = this.facts;
    if (kind === "condensed") return `${framesUrl}${index}/raw.bin?of=${condensation}`;
    return `${framesUrl}${index}/full.bin?of=${source}${bin > 1 ? `&bin=${bin}` : ""}`;
  }

  /** Fetch a frame, or find it fetched; a failure is not kept. */
  frame(index, kind, bin = 1) {
    const key = `${kind} ${bin} ${index}`;
    if (this.kept.has(key)) {
      const found = this.kept.get(key);
      this.kept.delete(key);
      this.kept.set(key, found);
      return found.answer;
    }
    const entry = { bytes: 0, isThere: false };
    entry.answer = this.load(index, kind, bin).then(
      (frame) => {
        entry.bytes = frame.values.byteLength;
        entry.isThere = true;
        this.makeRoom();
        return frame;
      },
      (error) => {
        this.kept.delete(key);
        throw error;
      },
    );
    this.kept.set(key, entry);
    return entry.answer;
  }

  async load(index, kind, bin) {
    if (kind === "condensed") return this.loadCondensed(index);
    const frame = await fetchNumbers(this.urlOf(index, kind, bin));
    return { ...frame, kind, bin };
  }

  async loadCondensed(index) {
    const response = await fetch(this.urlOf(index, "condensed"), { redirect: "manual" });
    if (!response.ok) throw new Error(`The condensed frame could not be fetched (${response.status || "signed out"}).`);
    const levels = new Uint8Array(await response.arrayBuffer());
    const side = Math.round(Math.sqrt(levels.length));
    const counts = Float32Array.from({ length: 256 }, (_, level) => this.countsOf(level));
    return { values: Float32Array.from(levels, (level) => counts[level]), height: side, width: side, kind: "condensed", bin: 1, type: "uint8" };
  }

  /** The counts that a level of a condensed frame stands for. */
  countsOf(level) {
    const { scale, scaleMax: top } = this.facts;
    if (!top) return level;
    if (scale === "sqrt") return (level / 255) ** 2 * top;
    if (scale === "none") return (level / 255) * top;
    return Math.expm1((level / 255) * Math.log1p(top));
  }

  /** Whether a frame is there, so that showing it will not wait. */
  has(index, kind, bin = 1) {
    return this.kept.get(`${kind} ${bin} ${index}`)?.isThere ?? false;
  }

  makeRoom() {
    let total = 0;
    for (const { bytes } of this.kept.values()) total += bytes;
    for (const [key, entry] of this.kept) {
      if (total <= KEPT_BYTES) return;
      if (!entry.isThere) continue;
      total -= entry.bytes;
      this.kept.delete(key);
    }
  }

  /** Sum, mean or maximum of a choice of frames; `query` is a URLSearchParams. */
  async pattern(query, signal) {
    const pattern = await fetchNumbers(`${this.facts.patternUrl}?${query}`, signal);
    return {
      ...pattern, kind: "pattern", bin: 1,
      used: Number(pattern.headers.get("X-Frames-Used")), chosen: Number(pattern.headers.get("X-Frames-Chosen")),
    };
  }

  /** A mask as bytes, 1 = masked, null where there is none: `file`, `condensing` or `condensed`. */
  mask(name) {
    const { detectorMaskUrl, condensingMaskUrl, maskUrl, source, problem } = this.facts;
    const urls = { file: source && !problem && `${detectorMaskUrl}?of=${source}`, condensing: condensingMaskUrl, condensed: maskUrl };
    if (!urls[name]) return Promise.resolve(null);
    if (!this.masks.has(name)) {
      const entry = { isThere: false, mask: null };
      entry.answer = fetchNumbers(urls[name]).then(
        ({ values }) => {
          Object.assign(entry, { isThere: true, mask: values.length ? values : null });
          return entry.mask;
        },
        () => {
          this.masks.delete(name);
          return null; // the picture is shown without
        },
      );
      this.masks.set(name, entry);
    }
    return this.masks.get(name).answer;
  }

  /** Masks that are there already, or null where one is still on its way. */
  masksNow(names) {
    const found = names.map((name) => this.masks.get(name));
    return found.every((entry) => entry?.isThere) ? found.map(({ mask }) => mask) : null;
  }
}
