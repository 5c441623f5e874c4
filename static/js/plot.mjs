// The one door to Plotly: loaded when needed, both themes, no button that sends data anywhere.

const SCRIPT = new URL("../vendor/plotly/plotly-strict.min.js", import.meta.url).href;
const SHEET = new URL("../css/plot.css", import.meta.url).href;
const CONFIG = {
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  responsive: true,
  modeBarButtonsToRemove: ["autoScale2d", "toImage"],
};
// Plotly 4.1, and the map library inside of it, write no style element where they find these ids: our policy
// forbids inline style, and plot.css says the same.
const STYLE_IDS = [
  "plotly.js-style-global",
  "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53",
];
const drawn = new Set();
let loading = null;

function load() {
  loading ??= new Promise((resolve, reject) => {
    for (const id of STYLE_IDS) {
      const marker = document.createElement("div");
      marker.id = id;
      marker.className = "no-inline-styles";
      marker.hidden = true;
      document.body.append(marker);
    }
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = SHEET;
    document.head.append(sheet);
    const script = document.createElement("script");
    script.src = SCRIPT;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("The plots could not be loaded."));
    document.head.append(script);
  });
  return loading;
}

function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    ground: read("--surface", "#13181e"),
    ink: read("--ink", "#d3d9df"),
    muted: read("--ink-muted", "#93a0ad"),
    edge: read("--edge", "#29323c"),
  };
}

function themed(layout) {
  const { ground, ink, muted, edge } = themeColours();
  const axis = { gridcolor: edge, zerolinecolor: edge, linecolor: edge, tickfont: { color: muted } };
  return {
    paper_bgcolor: ground,
    plot_bgcolor: ground,
    font: { color: ink, family: "system-ui, sans-serif", size: 12 },
    margin: { l: 48, r: 12, t: 12, b: 40 },
    hoverlabel: { bgcolor: ground, bordercolor: muted, font: { color: ink } },
    ...layout,
    legend: { font: { color: ink }, ...layout.legend },
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
}

/** Draw (or redraw) a figure into `element`; resolves with Plotly's graph, which has `on`. */
export async function draw(element, traces, layout = {}, config = {}) {
  const Plotly = await load();
  element.fringeLayout = layout;
  drawn.add(element);
  return Plotly.react(element, traces, themed(layout), { ...CONFIG, ...config });
}

/** Forget what is drawn in `element`, with its listeners and selections. */
export function clear(element) {
  drawn.delete(element);
  if (element.data) window.Plotly.purge(element);
}

/** Change the layout of a drawn figure. */
export async function relayout(element, changes) {
  return (await load()).relayout(element, changes);
}

/** Change traces of a drawn figure. */
export async function restyle(element, changes, traces) {
  return (await load()).restyle(element, changes, traces);
}

/** Whether this browser can draw with WebGL. */
export function hasWebGL() {
  try {
    const context = document.createElement("canvas").getContext("webgl");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch {
    return false;
  }
}

document.addEventListener("fringe:theme", () => {
  for (const element of drawn) {
    if (element.isConnected) draw(element, element.data, element.fringeLayout);
    else drawn.delete(element);
  }
});
window.addEventListener("pagehide", (event) => {
  if (!event.persisted && window.Plotly) drawn.forEach((element) => window.Plotly.purge(element));
});
