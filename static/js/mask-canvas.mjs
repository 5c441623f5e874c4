// Masks and centre drawn over the picture of a pattern.

// Okabe and Ito's colours, the same as in data.css; "drawn" is what is being drawn now.
const COLOURS = {
  empty: [153, 153, 153],
  file: [86, 180, 233],
  dead: [0, 114, 178],
  hot: [213, 94, 0],
  noisy: [204, 121, 167],
  drawn: [0, 158, 115],
  hole: [240, 228, 66],
  unknown: [232, 232, 232],
};
const ALPHA = 190;
const FINE = 1024;

export class MaskCanvas {
  /** `facts` has height, width and step (detector pixels to a pixel of the picture) and bits by reason. */
  constructor(canvas, mask, facts) {
    Object.assign(this, { canvas, mask, facts, reasons: null, centre: facts.centre, draft: null });
    this.shown = { found: true, drawn: true, centre: true };
    this.height = Math.ceil(facts.height / facts.step);
    this.width = Math.ceil(facts.width / facts.step);
    // Small frames get more pixels on the screen, so that lines are thin.
    this.factor = Math.max(1, Math.floor(FINE / Math.max(this.height, this.width)));
    [canvas.height, canvas.width] = [this.height * this.factor, this.width * this.factor];
    this.pixels = document.createElement("canvas");
    [this.pixels.height, this.pixels.width] = [this.height, this.width];
    this.waiting = false;
  }

  /** Draw with the next picture of the screen, once for any number of changes. */
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const { canvas, facts, mask, shown } = this;
    const image = new ImageData(this.width, this.height);
    const byBit = Object.entries(facts.bits).sort(([, a], [, b]) => b - a);
    const put = (at, [red, green, blue]) => image.data.set([red, green, blue, ALPHA], 4 * at);
    if (shown.found && this.reasons?.length === this.width * this.height) {
      this.reasons.forEach((bits, at) => {
        if (!bits) return;
        const [name] = byBit.find(([, bit]) => bits & bit) ?? ["unknown"];
        // the saved mask shows as the drawn one does, unless another is being drawn in its place
        if (name !== "drawn" || !shown.drawn) put(at, COLOURS[name]);
      });
    }
    if (shown.drawn) {
      for (let at = 0; at < mask.pixels.length; at += 1) {
        if (!mask.pixels[at]) continue;
        const [row, column] = [Math.floor(at / mask.width), at % mask.width];
        put(Math.floor(row / facts.step) * this.width + Math.floor(column / facts.step), COLOURS.drawn);
      }
    }
    this.pixels.getContext("2d").putImageData(image, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.pixels, 0, 0, canvas.width, canvas.height);
    if (this.draft) this.paintDraft(context);
    if (shown.centre && this.centre) this.paintCentre(context);
  }

  /** The place of a detector pixel's centre on the canvas. */
  place([row, column]) {
    return [column, row].map((position) => ((position + 0.5) / this.facts.step) * this.factor);
  }

  paintDraft(context) {
    context.strokeStyle = "#ffffff";
    context.lineWidth = Math.max(1, this.canvas.width / 500);
    context.beginPath();
    const { kind, corners } = this.draft;
    if (kind === "circle") {
      const radius = Math.hypot(corners[1][0] - corners[0][0], corners[1][1] - corners[0][1]) / this.facts.step * this.factor;
      context.arc(...this.place(corners[0]), radius, 0, 2 * Math.PI);
    } else if (kind === "rectangle") {
      const [[x, y], [toX, toY]] = corners.map((corner) => this.place(corner));
      context.rect(x, y, toX - x, toY - y);
    } else {
      corners.forEach((corner, at) => context[at ? "lineTo" : "moveTo"](...this.place(corner)));
    }
    context.stroke();
  }

  /** A cross, and rings about it: where the pattern is round they follow it, if the centre is right. */
  paintCentre(context) {
    const [x, y] = this.place(this.centre);
    const unit = Math.min(this.canvas.width, this.canvas.height);
    context.strokeStyle = "#ffffff";
    context.lineWidth = Math.max(1, unit / 600);
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      context.moveTo(x - dx * unit * 0.03, y - dy * unit * 0.03);
      context.lineTo(x + dx * unit * 0.03, y + dy * unit * 0.03);
    }
    for (const share of [0.1, 0.2, 0.3, 0.4]) {
      context.moveTo(x + share * unit, y);
      context.arc(x, y, share * unit, 0, 2 * Math.PI);
    }
    context.globalAlpha = 0.75;
    context.stroke();
    context.globalAlpha = 1;
  }

  /** The detector position, [row, column], under the pointer. */
  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = ((event.clientY - box.top) / box.height) * this.height * this.facts.step - 0.5;
    const column = ((event.clientX - box.left) / box.width) * this.width * this.facts.step - 0.5;
    return [row, column];
  }
}
