// The queues of the labelling page: which one an address asks for, and what is said when one is at its end.

export const EMPTY = {
  disputed: "Nobody disagrees about any frame.",
  contradicted: "The network contradicts no label.",
  doubtful: "No doubtful label is left. Train again on the Sort page to judge the labels anew.",
  second: "You have read all frames that others have labelled.",
  audit: "You have audited all frames.",
  diverse: "No further frame of this sample is left. Choose the queue again for a new one.",
  other: "No frame is left in this queue. Choose another queue, or train the network on the Sort page.",
};

/** Set the fields of the page as an address asks: `mode`, `cluster`, and `class` for the two queues of a class. */
export function chooseQueue(query) {
  const set = (field, name) => {
    const choice = document.getElementById(`queue-${field}`);
    const isThere = [...choice.options].some(({ value, disabled }) => value === query.get(name) && !disabled);
    if (isThere) choice.value = query.get(name);
  };
  for (const name of ["mode", "cluster"]) set(name, name);
  for (const field of ["class", "labelled"]) set(field, "class");
}

/** Let the browser remember a switch of the page. */
export function keepSwitch(box, key) {
  try {
    const kept = localStorage.getItem(key);
    if (kept !== null) box.checked = kept === "on";
    box.addEventListener("change", () => localStorage.setItem(key, box.checked ? "on" : "off"));
  } catch {
    // A browser that keeps nothing has the usual setting on each visit.
  }
}
