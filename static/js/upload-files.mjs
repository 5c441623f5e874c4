// What was chosen or dropped, folders included, as a flat list of { file, path }.

/** Return the files of a file chooser. */
export function chosenFiles(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** Return the files of a drop; its entries have to be taken before the event ends. */
export function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length) return Promise.all(entries.map(filesOf)).then((found) => found.flat());
  return Promise.resolve([...transfer.files].map((file) => ({ file, path: file.name })));
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return (await Promise.all(found.map(filesOf))).flat();
    found.push(...some); // a browser gives at most a hundred at a time
  }
}

/** Part what can be sent from what is left out, which is an empty file, one too large or of another kind. */
export function sortOut(items, { suffixes, limit }) {
  const isFrames = ({ file, path }) =>
    suffixes.some((suffix) => path.toLowerCase().endsWith(suffix)) && file.size > 0 && file.size <= limit;
  const seen = items.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  return { taken: seen.filter(isFrames), left: seen.filter((item) => !isFrames(item)) };
}
