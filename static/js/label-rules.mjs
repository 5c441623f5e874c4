// Which classes go together: what a key makes of a frame's classes, as the server will see it.

/** Rules of a data set: `classes` in their order, and for each the names of those that it drives out. */
export class ClassRules {
  constructor({ classes, excluded }) {
    this.order = classes.map(({ name }) => name);
    this.excluded = excluded;
  }

  /** Return `{classes, driven}`: what holds after one class was toggled, and what it has driven out. */
  toggled(classes, name) {
    const now = new Set(classes ?? []);
    if (now.delete(name)) return { classes: now.size ? this.sorted(now) : null, driven: [] };
    const driven = this.excluded[name].filter((other) => now.delete(other));
    now.add(name);
    return { classes: this.sorted(now), driven };
  }

  sorted(names) {
    const chosen = new Set(names);
    return this.order.filter((name) => chosen.has(name));
  }
}

/** What a frame is called, in words. */
export function describe(classes) {
  if (classes === null) return "unlabelled";
  return classes.length ? classes.join(", ") : "none applies";
}
