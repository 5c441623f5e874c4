// Fill shapes into a mask of one byte a pixel of the detector; row and column count from 0 at pixel centres.

export class Mask {
  constructor(height, width) {
    Object.assign(this, { height, width, pixels: new Uint8Array(height * width), past: [] });
  }

  /** Remember the mask as it is, packed, so that the next change can be taken back. */
  remember() {
    this.past.push(this.pack());
    if (this.past.length > 50) this.past.shift();
  }

  undo() {
    const last = this.past.pop();
    if (last) this.unpack(last);
    return Boolean(last);
  }

  /** Set every pixel of rows [top, bottom] for which `inside(row, column)` holds. */
  fill(top, left, bottom, right, value, inside = () => true) {
    const [firstRow, firstColumn] = [Math.max(0, Math.ceil(top)), Math.max(0, Math.ceil(left))];
    const [lastRow, lastColumn] = [Math.min(this.height - 1, Math.floor(bottom)), Math.min(this.width - 1, Math.floor(right))];
    for (let row = firstRow; row <= lastRow; row += 1) {
      for (let column = firstColumn; column <= lastColumn; column += 1) {
        if (inside(row, column)) this.pixels[row * this.width + column] = value;
      }
    }
  }

  circle(row, column, radius, value) {
    const inside = (r, c) => (r - row) ** 2 + (c - column) ** 2 <= radius ** 2;
    this.fill(row - radius, column - radius, row + radius, column + radius, value, inside);
  }

  /** A line as wide as the brush, with round ends. */
  stroke([row, column], [toRow, toColumn], width, value) {
    const steps = Math.max(1, Math.ceil(Math.hypot(toRow - row, toColumn - column) / Math.max(1, width / 4)));
    for (let step = 0; step <= steps; step += 1) {
      const share = step / steps;
      this.circle(row + share * (toRow - row), column + share * (toColumn - column), width / 2, value);
    }
  }

  polygon(corners, value) {
    if (corners.length < 3) return;
    const [rows, columns] = [corners.map(([row]) => row), corners.map(([, column]) => column)];
    const inside = (r, c) => {
      let isIn = false;
      for (let at = 0, before = corners.length - 1; at < corners.length; before = at, at += 1) {
        const crosses = rows[at] > r !== rows[before] > r;
        if (crosses && c < ((columns[before] - columns[at]) * (r - rows[at])) / (rows[before] - rows[at]) + columns[at]) isIn = !isIn;
      }
      return isIn;
    };
    this.fill(Math.min(...rows), Math.min(...columns), Math.max(...rows), Math.max(...columns), value, inside);
  }

  invert() {
    for (let at = 0; at < this.pixels.length; at += 1) this.pixels[at] ^= 1;
  }

  clear() {
    this.pixels.fill(0);
  }

  count() {
    let n = 0;
    for (const pixel of this.pixels) n += pixel;
    return n;
  }

  /** One bit a pixel, the highest first, as the server keeps it. */
  pack() {
    const bits = new Uint8Array(Math.ceil(this.pixels.length / 8));
    this.pixels.forEach((pixel, at) => {
      if (pixel) bits[at >> 3] |= 128 >> (at & 7);
    });
    return bits;
  }

  unpack(bits) {
    for (let at = 0; at < this.pixels.length; at += 1) this.pixels[at] = (bits[at >> 3] >> (7 - (at & 7))) & 1;
  }
}
