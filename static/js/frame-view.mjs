// A picture on a canvas that can be zoomed and moved, with marks drawn over it in its own coordinates.
//
// Pixel (row, column) reaches from column to column + 1; `scale` is the size of one on the screen, in CSS pixels.

const LARGEST_SCALE = 64;
const NUMBERS_FROM = 34; // pixels of this size hold their counts as text
const STEP = 1.25;

export class FrameView {
  /** `onCursor({row, column} or null, whether by keys)`; `textOf(row, column)` for pixels that are large enough. */
  constructor(canvas, { onCursor, textOf }) {
    Object.assign(this, { canvas, onCursor, textOf });
    this.picture = document.createElement("canvas");
    this.full = { height: 0, width: 0 };
    this.marks = { centre: null, rings: [], ring: null };
    this.scale = this.x = this.y = 0;
    this.isFitted = true;
    this.cursor = null;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  /** Show an image of `height` x `width`, which stands for `full`; `paintInto(imageData)` fills it. */
  show({ height, width }, full, paintInto) {
    const isOther = this.full.width !== full.width || this.full.height !== full.height;
    this.full = full;
    const context = this.picture.getContext("2d", { willReadFrequently: true });
    if (this.image?.width !== width || this.image.height !== height) {
      Object.assign(this.picture, { width, height });
      this.image = context.createImageData(width, height);
    }
    paintInto(this.image);
    context.putImageData(this.image, 0, 0);
    if (isOther) {
      this.cursor = null;
      this.isFitted = true;
    }
    if (this.isFitted) this.fit();
    else this.draw();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    if (this.isFitted) this.fit();
    else this.draw();
  }

  get box() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  fit() {
    const { width, height } = this.box;
    if (!this.full.width || !width) return;
    this.isFitted = true;
    this.scale = Math.min(width / this.full.width, height / this.full.height);
    this.x = (width - this.full.width * this.scale) / 2;
    this.y = (height - this.full.height * this.scale) / 2;
    this.draw();
  }

  /** Change the scale so that the point (x, y) of the canvas stays where it is. */
  zoomTo(scale, x = this.box.width / 2, y = this.box.height / 2) {
    const least = Math.min(this.box.width / this.full.width, this.box.height / this.full.height, 1) / 2;
    const next = Math.min(LARGEST_SCALE, Math.max(least, scale));
    this.x = x - ((x - this.x) * next) / this.scale;
    this.y = y - ((y - this.y) * next) / this.scale;
    this.scale = next;
    this.isFitted = false;
    this.draw();
  }

  zoom(direction) {
    this.zoomTo(this.scale * (direction === "in" ? STEP : 1 / STEP));
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomTo(this.scale * STEP ** (-Math.sign(event.deltaY)), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.drag = { x: event.clientX - this.x, y: event.clientY - this.y };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.drag) {
        [this.x, this.y] = [event.clientX - this.drag.x, event.clientY - this.drag.y];
        this.isFitted = false;
        this.draw();
      }
      this.setCursor(this.pixelAt(event.offsetX, event.offsetY), false);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.drag = null));
    canvas.addEventListener("pointerleave", () => this.setCursor(null, false));
    canvas.addEventListener("dblclick", () => this.fit());
    canvas.addEventListener("keydown", (event) => this.moveCursor(event));
  }

  pixelAt(x, y) {
    const [row, column] = [Math.floor((y - this.y) / this.scale), Math.floor((x - this.x) / this.scale)];
    const isInside = row >= 0 && column >= 0 && row < this.full.height && column < this.full.width;
    return isInside ? { row, column } : null;
  }

  /** Shift and an arrow move a cursor by a pixel, with Alt by ten, and the picture follows. */
  moveCursor(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const move = moves[event.key];
    if (!move || !event.shiftKey || !this.full.width) return;
    event.preventDefault();
    event.stopPropagation();
    const step = event.altKey ? 10 : 1;
    const middle = { row: Math.floor(this.full.height / 2), column: Math.floor(this.full.width / 2) };
    const { row, column } = this.cursor ?? middle;
    const within = (value, size) => Math.min(size - 1, Math.max(0, value));
    const next = { row: within(row + step * move[0], this.full.height), column: within(column + step * move[1], this.full.width) };
    this.reveal(next);
    this.setCursor(next, true);
  }

  reveal({ row, column }) {
    const margin = 20;
    const [x, y] = [this.x + (column + 0.5) * this.scale, this.y + (row + 0.5) * this.scale];
    this.x += Math.max(0, margin - x) - Math.max(0, x - this.box.width + margin);
    this.y += Math.max(0, margin - y) - Math.max(0, y - this.box.height + margin);
  }

  setCursor(pixel, isMarked) {
    this.cursor = pixel;
    this.isMarked = isMarked;
    this.onCursor(pixel, isMarked);
    this.draw();
  }

  setMarks(changes) {
    Object.assign(this.marks, changes);
    this.draw();
  }

  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = null;
      this.drawNow();
    });
  }

  drawNow() {
    const { canvas, picture, full } = this;
    const context = canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.box.width, this.box.height);
    if (!full.width || !this.scale) return;
    context.imageSmoothingEnabled = this.scale * (full.width / picture.width) < 1;
    context.drawImage(picture, this.x, this.y, full.width * this.scale, full.height * this.scale);
    if (this.scale >= NUMBERS_FROM && picture.width === full.width) this.drawNumbers(context);
    this.drawMarks(context);
  }

  drawNumbers(context) {
    const first = { row: Math.max(0, Math.floor(-this.y / this.scale)), column: Math.max(0, Math.floor(-this.x / this.scale)) };
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3;
    for (let row = first.row; row < this.full.height && this.y + row * this.scale < this.box.height; row += 1) {
      for (let column = first.column; column < this.full.width && this.x + column * this.scale < this.box.width; column += 1) {
        const [x, y] = [this.x + (column + 0.5) * this.scale, this.y + (row + 0.5) * this.scale];
        write(context, this.textOf(row, column), x, y);
      }
    }
  }

  drawMarks(context) {
    const { centre, rings, ring } = this.marks;
    const place = ([row, column]) => [this.x + (column + 0.5) * this.scale, this.y + (row + 0.5) * this.scale];
    if (centre) {
      const [x, y] = place(centre);
      context.font = "11px system-ui, sans-serif";
      context.textAlign = "left";
      context.textBaseline = "middle";
      for (const { radius, text } of rings) {
        stroke(context, (path) => path.arc(x, y, radius * this.scale, 0, 2 * Math.PI), [3, 5]);
        write(context, text, x + radius * this.scale + 3, y);
      }
      if (rings.length) {
        stroke(context, (path) => {
          path.moveTo(x - 9, y);
          path.lineTo(x + 9, y);
          path.moveTo(x, y - 9);
          path.lineTo(x, y + 9);
        });
      }
      if (ring) stroke(context, (path) => path.arc(x, y, ring * this.scale, 0, 2 * Math.PI));
    }
    if (this.cursor && this.isMarked) {
      const [x, y] = place([this.cursor.row, this.cursor.column]);
      const half = Math.max(this.scale / 2, 4);
      stroke(context, (path) => path.rect(x - half, y - half, 2 * half, 2 * half));
    }
  }
}

/** Draw a line light on dark, so that it is seen on every colour. */
function stroke(context, trace, dash = []) {
  for (const [width, colour] of [[3, "rgb(0 0 0 / 60%)"], [1.2, "#ffffff"]]) {
    context.beginPath();
    trace(context);
    Object.assign(context, { lineWidth: width, strokeStyle: colour });
    context.setLineDash(width > 2 ? [] : dash);
    context.stroke();
  }
  context.setLineDash([]);
}

function write(context, text, x, y) {
  Object.assign(context, { lineWidth: 3, strokeStyle: "rgb(0 0 0 / 70%)", fillStyle: "#ffffff" });
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
