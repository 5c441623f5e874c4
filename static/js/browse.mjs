// Browses the allowed folders; what is chosen goes into the field of paths, one in each line.

const box = document.querySelector("[data-browse]");
const field = document.getElementById("id_paths");

async function show(path) {
  const listing = box.querySelector("#listing");
  const url = new URL(box.dataset.browse, location.href);
  if (path) url.searchParams.set("path", path);
  listing.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { headers: { "X-Requested-With": "fetch" } });
    if (response.redirected) return location.reload();
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    // The server escaped every name in this fragment.
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    listing.replaceChildren(...page.body.childNodes);
    listing.scrollTop = 0;
    listing.querySelector("button")?.focus();
  } catch (error) {
    const words = document.createElement("p");
    words.className = "bad p-2";
    words.textContent = `The folder could not be listed: ${error.message}`;
    listing.prepend(words);
  } finally {
    listing.removeAttribute("aria-busy");
  }
}

function choose(path) {
  const lines = field.value.split("\n").filter((line) => line.trim());
  if (!lines.includes(path)) lines.push(path);
  field.value = lines.join("\n");
  field.scrollTop = field.scrollHeight;
}

box?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("folder" in button.dataset) show(button.dataset.folder);
  if ("choose" in button.dataset) choose(button.dataset.choose);
});
