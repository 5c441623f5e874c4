// Thumbnails: tiles of sheets of 16 x 16, or single pictures where a data set has too many sheets.

const SIDE = 16;
const SHEET = SIDE * SIDE;
// Frames that are alike lie far apart: in a long data set nearly each has a sheet of its own, and a sheet
// is a hundred times as large as one picture.
const MOST_SHEETS = 40;

/** Show frame `index` as the background of `element`, at whatever size that has. */
export function paintThumb(element, index, facts) {
  if (!facts.sheetsUrl) return;
  if (facts.nFrames > MOST_SHEETS * SHEET) {
    element.style.backgroundImage = `url("${facts.framesUrl}${index}/thumb.png?of=${facts.condensation}")`;
    element.style.backgroundSize = "100% 100%";
    return;
  }
  const tile = index % SHEET;
  const [row, column] = [Math.floor(tile / SIDE), tile % SIDE];
  element.style.backgroundImage = `url("${facts.sheetsUrl}${Math.floor(index / SHEET)}.jpg")`;
  element.style.backgroundSize = `${SIDE * 100}% ${SIDE * 100}%`;
  element.style.backgroundPosition = `${(column / (SIDE - 1)) * 100}% ${(row / (SIDE - 1)) * 100}%`;
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
