// Colours of clusters: the dots beside their names, and choosing one.

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
