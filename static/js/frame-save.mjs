// Save the picture: its pixels alone, or as shown, with axes, colour bar and title.

import { brief, makeStretch } from "./frame-scale.mjs";
import { table } from "./colormaps.mjs";
import { ticks } from "./svg.mjs";

const [LEFT, TOP, BOTTOM, RIGHT, BAR] = [64, 46, 52, 110, 18];
const INK = "#1a1a1a";

async function download(canvas, name) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Save one pixel for each of the frame's. */
export function savePixels(view, name) {
  return download(view.picture, name);
}

/** Save what is on the canvas, zoom and marks included, between axes in pixels. */
export function saveShown(view, name, { title, scale, colours, low, high, unit }) {
  const { width, height } = view.box;
  const ratio = Math.max(1, view.canvas.width / width);
  const sheet = document.createElement("canvas");
  sheet.width = (width + LEFT + RIGHT) * ratio;
  sheet.height = (height + TOP + BOTTOM) * ratio;
  const context = sheet.getContext("2d");
  context.scale(ratio, ratio);
  Object.assign(context, { fillStyle: "#ffffff" });
  context.fillRect(0, 0, width + LEFT + RIGHT, height + TOP + BOTTOM);
  Object.assign(context, { fillStyle: "#000000" });
  context.fillRect(LEFT, TOP, width, height);
  view.drawNow();
  context.drawImage(view.canvas, LEFT, TOP, width, height);
  Object.assign(context, { fillStyle: INK, strokeStyle: INK, lineWidth: 1, font: "13px system-ui, sans-serif" });
  context.strokeRect(LEFT, TOP, width, height);
  context.fillText(title, LEFT, 26);
  drawAxes(context, view, width, height);
  drawBar(context, width, height, { scale, colours, low, high, unit });
  return download(sheet, name);
}

function drawAxes(context, view, width, height) {
  context.textAlign = "center";
  for (const column of ticks(Math.max(0, -view.x / view.scale), Math.min(view.full.width, (width - view.x) / view.scale), 6)) {
    const x = LEFT + view.x + column * view.scale;
    context.fillRect(x, TOP + height, 1, 5);
    context.fillText(String(column), x, TOP + height + 18);
  }
  context.fillText("column in pixels", LEFT + width / 2, TOP + height + 38);
  context.textAlign = "right";
  for (const row of ticks(Math.max(0, -view.y / view.scale), Math.min(view.full.height, (height - view.y) / view.scale), 6)) {
    const y = TOP + view.y + row * view.scale;
    context.fillRect(LEFT - 5, y, 5, 1);
    context.fillText(String(row), LEFT - 8, y + 4);
  }
  context.save();
  context.translate(16, TOP + height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText("row in pixels", 0, 0);
  context.restore();
}

function drawBar(context, width, height, { scale, colours, low, high, unit }) {
  const [x, map] = [LEFT + width + 16, table(colours)];
  for (let y = 0; y < height; y += 1) {
    const level = 3 * Math.round(255 * (1 - y / height));
    context.fillStyle = `rgb(${map[level]} ${map[level + 1]} ${map[level + 2]})`;
    context.fillRect(x, TOP + y, BAR, 1.5);
  }
  Object.assign(context, { fillStyle: INK, textAlign: "left" });
  context.strokeRect(x, TOP, BAR, height);
  const { apply, undo } = makeStretch(scale, high);
  for (let step = 0; step <= 5; step += 1) {
    const counts = undo(apply(low) + (step / 5) * (apply(high) - apply(low)));
    context.fillText(brief(Number(counts.toPrecision(3))), x + BAR + 6, TOP + height * (1 - step / 5) + 4);
  }
  context.fillText(unit, x, TOP - 10);
}
