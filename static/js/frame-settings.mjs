// How frames are shown: kept by the browser, the same on each visit; limits that hold for all frames are kept
// for each data set.

const KEY = "fringe-frame-display";
const USUAL = {
  colours: "inferno", scale: "log", limits: "percent", low: 0, high: 99.9, same: false,
  fileMask: true, condensingMask: true, rings: false, profileLog: true,
};
const OF_DATASET = ["limits", "low", "high", "same"];

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

export class Settings {
  /** `onChange(name)` hears which control a person has changed. */
  constructor(dataset, onChange) {
    this.keys = [KEY, `${KEY}-${dataset}`];
    this.controls = new Map([...document.querySelectorAll("[data-view]")].map((control) => [control.dataset.view, control]));
    this.values = { ...USUAL, ...read(this.keys[0]), ...read(this.keys[1]) };
    for (const [name, control] of this.controls) {
      control.addEventListener("change", () => {
        this.set({ [name]: this.readControl(control) });
        onChange(name);
      });
    }
    this.write();
  }

  get(name) {
    return this.values[name];
  }

  set(changes) {
    Object.assign(this.values, changes);
    this.write();
    const common = Object.fromEntries(Object.entries(this.values).filter(([name]) => !OF_DATASET.includes(name)));
    const own = Object.fromEntries(OF_DATASET.map((name) => [name, this.values[name]]));
    try {
      localStorage.setItem(this.keys[0], JSON.stringify(common));
      if (this.values.same || this.values.limits === "percent") localStorage.setItem(this.keys[1], JSON.stringify(own));
    } catch {
      // A browser that keeps nothing shows the next visit in the usual way.
    }
  }

  write() {
    for (const [name, control] of this.controls) {
      if (control.type === "checkbox") control.checked = this.values[name];
      else if (control.type === "number") control.value = Number(Number(this.values[name]).toPrecision(6));
      else control.value = this.values[name];
    }
  }

  readControl(control) {
    if (control.type === "checkbox") return control.checked;
    if (control.type !== "number") return control.value;
    const value = Number(control.value);
    const kept = this.values[control.dataset.view];
    if (control.value === "" || !Number.isFinite(value)) return kept;
    return this.values.limits === "percent" ? Math.min(100, Math.max(0, value)) : value;
  }
}
