// Thumbnails: each is one tile of a sheet of 16 x 16.

const SIDE = 16;
const SHEET = SIDE * SIDE;

/** Show frame `index` as the background of `element`, at whatever size that has. */
export function paintThumb(element, index, sheetsUrl) {
  const tile = index % SHEET;
  const [row, column] = [Math.floor(tile / SIDE), tile % SIDE];
  element.style.backgroundImage = `url("${sheetsUrl}${Math.floor(index / SHEET)}.webp")`;
  element.style.backgroundSize = `${SIDE * 100}% ${SIDE * 100}%`;
  element.style.backgroundPosition = `${(column / (SIDE - 1)) * 100}% ${(row / (SIDE - 1)) * 100}%`;
}

/** Paint all `[data-frame]` below `root`. */
export function paintThumbs(root, sheetsUrl) {
  if (!sheetsUrl) return;
  for (const element of root.querySelectorAll("[data-frame]")) {
    paintThumb(element, Number(element.dataset.frame), sheetsUrl);
  }
}

/** Make a link that shows a frame and leads to its page. */
export function makeThumb(index, facts) {
  const link = document.createElement("a");
  link.className = "thumb";
  link.href = `${facts.framesUrl}${index}/`;
  link.dataset.frame = index;
  link.setAttribute("aria-label", `Frame ${index}`);
  paintThumb(link, index, facts.sheetsUrl);
  return link;
}
