// Reads a value off a curve that the server drew: a line under the pointer, and the point next to it in words.

const SVG = "http://www.w3.org/2000/svg";

function pointsOf(svg) {
  return [...svg.querySelector(".curve-line").points].map(({ x, y }) => ({ x, y }));
}

function nearest(points, x) {
  return points.reduce((best, point) => (Math.abs(point.x - x) < Math.abs(best.x - x) ? point : best));
}

function follow(event) {
  const svg = event.target.closest?.(".curve svg");
  if (!svg) return;
  const matrix = svg.getScreenCTM();
  if (!matrix) return;
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  const point = nearest(pointsOf(svg), at.x);
  const index = pointsOf(svg).findIndex((other) => other.x === point.x && other.y === point.y);
  const { steps, values } = svg.dataset;
  const step = steps.split(" ")[index];
  const value = values.split(" ")[index];
  mark(svg, point);
  svg.closest(".curve").querySelector(".curve-last").textContent = `${value} at step ${step}`;
}

function mark(svg, point) {
  let line = svg.querySelector(".curve-marker");
  if (!line) {
    line = document.createElementNS(SVG, "line");
    line.setAttribute("class", "curve-marker");
    line.setAttribute("y1", "8");
    line.setAttribute("y2", "78");
    svg.append(line);
  }
  line.setAttribute("x1", point.x);
  line.setAttribute("x2", point.x);
}

function leave(event) {
  const svg = event.target;
  if (!(svg instanceof Element) || !svg.matches(".curve svg")) return;
  svg.querySelector(".curve-marker")?.remove();
  svg.closest(".curve").querySelector(".curve-last").textContent = svg.dataset.last;
}

document.addEventListener("pointermove", follow);
document.addEventListener("pointerleave", leave, true);
