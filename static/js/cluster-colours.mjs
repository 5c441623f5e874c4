// How clusters look: the dots beside their names, choosing a colour, mean and maximum of their frames.

const TOGETHER = 8; // clusters whose patterns come as one picture, a row each: mean, maximum

/** Paint every dot below `root` that says its colour, itself or by its card. */
export function paintSwatches(root) {
  for (const dot of root.querySelectorAll(".swatch")) {
    const colour = dot.dataset.colour ?? dot.closest(".cluster-card")?.dataset.colour;
    if (colour) dot.style.backgroundColor = colour;
  }
}

/** Fill the dialog: a button for each colour of the palette, and a field for any other. */
export function pickColour(dialog, colour, palette, clusters) {
  const field = dialog.querySelector("[name=colour]");
  const group = dialog.querySelector("[data-palette]");
  const mark = () => {
    for (const button of group.children) {
      button.setAttribute("aria-pressed", String(button.dataset.colour === field.value));
    }
  };
  group.replaceChildren(
    ...palette.map((each, place) => {
      const users = clusters.filter((cluster) => cluster.colour === each).map((cluster) => cluster.name);
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.colour = each;
      button.style.backgroundColor = each;
      const words = `Colour ${place + 1}${users.length ? `, of ${users.join(", ")}` : ", free"}`;
      button.setAttribute("aria-label", words);
      button.title = words;
      button.addEventListener("click", () => {
        field.value = each;
        mark();
      });
      return button;
    }),
  );
  field.value = colour;
  field.oninput = mark;
  mark();
}

/** Paint mean and maximum on the cards, those of eight at once as soon as one of them comes near the window. */
export function paintPatterns(gallery) {
  const cards = [...gallery.querySelectorAll(".cluster-card")].filter((card) => card.querySelector(".pattern"));
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) paintRows(gallery, cards, Math.floor(cards.indexOf(target) / TOGETHER) * TOGETHER, observer);
      }
    },
    { rootMargin: "200px" },
  );
  cards.forEach((card) => observer.observe(card));
}

function paintRows(gallery, cards, first, observer) {
  const some = cards.slice(first, first + TOGETHER);
  const url = `${gallery.dataset.patternsUrl}&clusters=${some.map((card) => card.dataset.cluster).join(",")}`;
  some.forEach((card, row) => {
    observer.unobserve(card);
    for (const picture of card.querySelectorAll(".pattern")) {
      picture.style.backgroundImage = `url("${url}")`;
      picture.style.backgroundSize = `200% ${100 * some.length}%`;
      const down = some.length > 1 ? (100 * row) / (some.length - 1) : 0;
      picture.style.backgroundPosition = `${picture.dataset.what === "max" ? 100 : 0}% ${down}%`;
    }
  });
}
