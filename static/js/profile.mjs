// A small curve as SVG: the radial profile, on a logarithmic axis.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [480, 176, 44, 30, 8, 8];

function element(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Draw mean counts against the radius in pixels into an `<svg class="profile">`. */
export function drawProfile(svg, profile) {
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  const values = profile.filter((value) => Number.isFinite(value) && value > 0);
  const top = Math.max(...values, 1e-6);
  const low = Math.max(Math.min(...values, top), top * 1e-4);
  const [from, to] = [Math.floor(Math.log10(low)), Math.max(Math.ceil(Math.log10(top)), Math.floor(Math.log10(low)) + 1)];
  const x = (radius) => LEFT + (radius / Math.max(1, profile.length - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((Math.log10(Math.max(value, 10 ** from)) - from) / (to - from)) * (HEIGHT - BOTTOM - TOP);
  const parts = [element("path", { class: "axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` })];
  for (let power = from; power <= to; power += Math.ceil((to - from) / 5)) {
    parts.push(element("text", { x: LEFT - 6, y: y(10 ** power) + 4, "text-anchor": "end" }, Number((10 ** power).toPrecision(3)).toString()));
  }
  const step = Math.max(1, Math.round(profile.length / 6 / 5) * 5);
  for (let radius = 0; radius < profile.length; radius += step) {
    parts.push(element("text", { x: x(radius), y: HEIGHT - BOTTOM + 13, "text-anchor": "middle" }, String(radius)));
  }
  parts.push(element("text", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, "radius in condensed pixels"));
  let pen = "M";
  let line = "";
  profile.forEach((value, radius) => {
    if (!Number.isFinite(value)) {
      pen = "M";
      return;
    }
    line += `${pen}${x(radius).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  parts.push(element("path", { class: "curve", d: line || `M${LEFT} ${TOP}` }));
  svg.replaceChildren(...parts);
}
