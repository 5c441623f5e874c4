// Buttons that put the text of an element on the clipboard; they live as long as the page, through its polls.

const SHOWN_MS = 2000;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const element = document.getElementById(button.dataset.copy);
  button.textContent = (await put(element)) ? "Copied" : "Selected: press Ctrl+C";
  setTimeout(() => (button.textContent = "Copy"), SHOWN_MS);
});

async function put(element) {
  try {
    await navigator.clipboard.writeText(element.textContent.trim());
    return true;
  } catch {
    // without a clipboard, as on a plain http address, the text is at least selected
    getSelection().selectAllChildren(element);
    return false;
  }
}
