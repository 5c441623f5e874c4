// What is shown of a frame: its counts with masks, stretched, coloured, measured and described.

import { brief, Distribution, makeStretch, paint } from "./frame-scale.mjs";
import { FrameView } from "./frame-view.mjs";
import { HistogramPlot } from "./histogram.mjs";
import { ProfilePlot, radialProfile, ringsOf } from "./profile.mjs";
import { ticks } from "./svg.mjs";

const FIGURES_AFTER_MS = 60;
const find = (id) => document.getElementById(id);

export class FramePicture {
  constructor(facts, store, settings) {
    Object.assign(this, { facts, store, settings, frame: null });
    this.view = new FrameView(find("frame-canvas"), {
      onCursor: (pixel, isByKey) => this.tell(pixel, isByKey),
      textOf: (row, column) => this.textOf(row * this.frame.width + column),
    });
    this.histogram = new HistogramPlot(find("histogram"), (low, high) => {
      settings.set({ limits: "counts", low, high });
      this.paint();
    });
    this.profile = new ProfilePlot(find("profile"), (radius) => this.showRing(radius));
    find("ring").addEventListener("input", (event) => this.showRing(Number(event.target.value)));
  }

  /** Show counts; a later call wins. Masks may come after the picture. */
  show(frame) {
    this.frame = frame;
    const names = this.maskNames();
    const masks = this.store.masksNow(names);
    if (masks) this.use(masks);
    else {
      this.use([]);
      this.applyMasks();
    }
  }

  maskNames() {
    const { settings } = this;
    if (this.frame.kind === "condensed") return settings.get("condensingMask") && this.facts.maskUrl ? ["condensed"] : [];
    const { source, problem, condensingMaskUrl } = this.facts;
    const hasFile = settings.get("fileMask") && source && !problem;
    return [hasFile && "file", settings.get("condensingMask") && condensingMaskUrl && "condensing"].filter(Boolean);
  }

  /** Take the masks that are switched on, once they are there. */
  async applyMasks() {
    const { frame } = this;
    if (!frame) return;
    const masks = await Promise.all(this.maskNames().map((name) => this.store.mask(name)));
    if (this.frame === frame) this.use(masks);
  }

  /** Show the frame under these masks; what they hide counts for nothing. */
  use(masks) {
    const fitting = masks.filter((mask) => mask?.length === this.frame.values.length);
    this.masked = fitting.length > 1 ? this.join(fitting) : (fitting[0] ?? null);
    this.distribution = new Distribution(this.frame.values, this.masked);
    this.paint();
  }

  /** Two masks as one, made once for all frames. */
  join([one, other]) {
    if (this.joined?.one !== one || this.joined.other !== other) this.joined = { one, other, mask: one.map((bad, at) => bad | other[at]) };
    return this.joined.mask;
  }

  /** The limits in counts. */
  limits() {
    const { low, high, limits } = this.settings.values;
    const found = limits === "counts" ? [low, high] : [this.distribution.percentile(low), this.distribution.percentile(high)];
    return found[1] > found[0] ? found : [found[0], found[0] + Math.max(1e-6, Math.abs(found[0]) * 1e-3)];
  }

  paint() {
    if (!this.frame) return;
    const { frame, settings } = this;
    const [low, high] = this.limits();
    const full = { height: frame.fullHeight ?? frame.height, width: frame.fullWidth ?? frame.width };
    const view = { colours: settings.get("colours"), scale: settings.get("scale"), low, high };
    this.view.show(frame, full, (image) => paint(image, frame.values, this.masked, view));
    this.drawMarks();
    this.drawFiguresSoon(makeStretch(view.scale, high), [low, high]);
  }

  /** Figures follow the picture, so that who turns pages fast does not wait for them. */
  drawFiguresSoon(stretch, limits) {
    clearTimeout(this.figures);
    this.figures = setTimeout(() => {
      this.histogram.draw(this.distribution.histogram(stretch), stretch, limits);
      this.drawProfile();
    }, FIGURES_AFTER_MS);
  }

  /** The beam centre (row, column) in the pixels that are shown, and how many detector pixels one is. */
  geometry() {
    const { centre, crop, size } = this.facts;
    const { kind, bin, height, width } = this.frame;
    if (kind === "condensed") return { centre: [(height - 1) / 2, (width - 1) / 2], step: crop && size ? crop / size : 1, isKnown: true };
    const middle = centre ?? [(this.facts.height - 1) / 2, (this.facts.width - 1) / 2];
    return { centre: middle.map((value) => (value + 0.5) / bin - 0.5), step: bin, isKnown: Boolean(centre) };
  }

  /** The same on the picture, whose pixels a preview does not change. */
  placeOnView() {
    const { centre, step, isKnown } = this.geometry();
    if (this.frame.kind === "condensed") return { centre, step, isKnown };
    return { centre: centre.map((value) => (value + 0.5) * this.frame.bin - 0.5), step: 1, isKnown };
  }

  drawMarks() {
    const { centre, step } = this.placeOnView();
    const reach = (step * Math.max(this.view.full.height, this.view.full.width)) / 2;
    const rings = this.settings.get("rings")
      ? ticks(0, reach, 5).filter((radius) => radius > 0).map((radius) => ({ radius: radius / step, text: `${radius} px` }))
      : [];
    this.view.setMarks({ centre, rings });
  }

  drawProfile() {
    const { centre, step, isKnown } = this.geometry();
    const { height, width, values, kind } = this.frame;
    const key = `${height} ${width} ${centre}`;
    if (this.ringsKey !== key) [this.rings, this.ringsKey] = [ringsOf(height, width, centre), key];
    this.curve = radialProfile(values, this.masked, this.rings);
    const unit = `${kind === "condensed" ? "condensed " : step > 1 ? "binned " : ""}pixels${isKnown ? "" : " from the middle, as no centre is known yet"}`;
    this.profile.draw(this.curve, this.settings.get("profileLog"), unit);
    find("ring").max = this.curve.length - 1;
    this.showRing(null);
  }

  showRing(radius) {
    if (!this.curve) return;
    const scale = this.frame.kind === "condensed" ? 1 : this.geometry().step;
    this.view.setMarks({ ring: radius ? radius * scale : null });
    this.profile.mark(radius);
    if (radius !== null) find("ring").value = radius;
    find("ring-value").textContent = radius === null ? "" : `${radius} px: ${brief(this.curve[radius])} counts`;
  }

  textOf(at) {
    if (this.masked?.[at]) return "×";
    const value = this.frame.values[at];
    return Number.isFinite(value) ? brief(Number(value.toPrecision(4))) : "×";
  }

  /** Write where the cursor is: row, column, counts, distance from the beam. */
  tell(pixel, isByKey) {
    find("frame-value").ariaLive = isByKey ? "polite" : "off"; // a pointer would never stop talking
    if (!pixel || !this.frame) {
      find("frame-value").textContent = "";
      return;
    }
    const { bin, width } = this.frame;
    const { centre, step, isKnown } = this.placeOnView();
    const at = Math.floor(pixel.row / bin) * width + Math.floor(pixel.column / bin);
    const radius = step * Math.hypot(pixel.row - centre[0], pixel.column - centre[1]);
    const value = this.frame.values[at];
    const counts = Number.isFinite(value) ? `${brief(value)} counts` : "no value";
    const from = isKnown ? "from the beam centre" : "from the middle";
    const mask = this.masked?.[at] ? " (masked)" : "";
    find("frame-value").textContent = `row ${pixel.row}, column ${pixel.column}: ${counts}${mask}, ${radius.toFixed(1)} px ${from}`;
  }
}
