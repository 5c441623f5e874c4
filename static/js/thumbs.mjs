// Thumbnails: tiles of sheets of 16 x 16, or of sheets picked for the page where a data set has too many.

const SIDE = 16;
const SHEET = SIDE * SIDE;
// Frames that are alike lie far apart: in a long data set nearly each has a sheet of its own, and a sheet is
// a hundred times as large as one picture. So what is asked for at the same moment is put on one sheet.
const MOST_SHEETS = 40;
const MOST_PICKED = 48;
const PICKED_A_ROW = 8;

const places = new Map(); // of frames on picked sheets: {url, at, columns, rows} by sheets and frame
let waiting = new Map(); // frames that are asked for next, by sheets: Map(frame -> elements)

/** Show frame `index` as the background of `element`, at whatever size that has. */
export function paintThumb(element, index, facts) {
  if (!facts.sheetsUrl) return;
  element.dataset.painted = index; // who is painted anew meanwhile does not get the old frame
  if (facts.nFrames <= MOST_SHEETS * SHEET) {
    const url = `${facts.sheetsUrl}${Math.floor(index / SHEET)}.jpg`;
    showTile(element, { url, at: index % SHEET, columns: SIDE, rows: SIDE });
    return;
  }
  const place = places.get(`${facts.sheetsUrl}${index}`);
  if (place) showTile(element, place);
  else ask(element, index, facts.sheetsUrl);
}

function showTile(element, { url, at, columns, rows }) {
  const [row, column] = [Math.floor(at / columns), at % columns];
  const share = (place, n) => (n > 1 ? `${(place / (n - 1)) * 100}%` : "0%");
  element.style.backgroundImage = `url("${url}")`;
  element.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
  element.style.backgroundPosition = `${share(column, columns)} ${share(row, rows)}`;
}

function ask(element, index, sheetsUrl) {
  if (!waiting.size) setTimeout(askForAll);
  if (!waiting.has(sheetsUrl)) waiting.set(sheetsUrl, new Map());
  const frames = waiting.get(sheetsUrl);
  if (!frames.has(index)) frames.set(index, []);
  frames.get(index).push(element);
}

function askForAll() {
  const asked = waiting;
  waiting = new Map();
  for (const [sheetsUrl, frames] of asked) {
    const numbers = [...frames.keys()];
    for (let start = 0; start < numbers.length; start += MOST_PICKED) {
      pick(sheetsUrl, numbers.slice(start, start + MOST_PICKED), frames);
    }
  }
}

function pick(sheetsUrl, numbers, frames) {
  const url = `${sheetsUrl}picked.jpg?frames=${numbers.join(",")}`;
  const columns = Math.min(numbers.length, PICKED_A_ROW);
  const rows = Math.ceil(numbers.length / columns);
  numbers.forEach((index, at) => {
    const place = { url, at, columns, rows };
    places.set(`${sheetsUrl}${index}`, place);
    for (const element of frames.get(index)) {
      if (element.dataset.painted === String(index)) showTile(element, place);
    }
  });
}

/** Paint all `[data-frame]` below `root`, each when it comes near the window. */
export function paintThumbs(root, facts) {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        paintThumb(target, Number(target.dataset.frame), facts);
      }
    },
    { rootMargin: "300px" },
  );
  root.querySelectorAll("[data-frame]").forEach((element) => observer.observe(element));
}

/** Make a link that shows a frame and leads to its page. */
export function makeThumb(index, facts) {
  const link = document.createElement("a");
  link.className = "thumb";
  link.href = `${facts.framesUrl}${index}/`;
  link.dataset.frame = index;
  link.setAttribute("aria-label", `Frame ${index}`);
  paintThumb(link, index, facts);
  return link;
}
