// How dense all frames lie, as a picture below the points that are drawn of them.

const SIDE = 256;

/** The picture as a part of Plotly's layout: it lies in the map's own coordinates, so it moves with them. */
export function densityPicture({ left, right, bottom, top, levels }, ink) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [SIDE, SIDE];
  const picture = new ImageData(SIDE, SIDE);
  const [red, green, blue] = rgbOf(ink);
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      const level = levels[(SIDE - 1 - row) * SIDE + column]; // theirs begin at the bottom
      const alpha = level ? 24 + level * 0.5 : 0;
      picture.data.set([red, green, blue, alpha], 4 * (row * SIDE + column));
    }
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return {
    source: canvas.toDataURL(),
    xref: "x",
    yref: "y",
    x: left,
    y: top,
    sizex: right - left,
    sizey: top - bottom,
    sizing: "stretch",
    layer: "below",
  };
}

function rgbOf(colour) {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour.trim())?.[1] ?? "93a0ad";
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
}
