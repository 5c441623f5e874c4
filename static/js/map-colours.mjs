// By what the points of the map are coloured: groups with a name and a colour each, or numbers on one scale.

const MOST_RUNS_NAMED = 60;

/**
 * Resolves with `{groups: [{id, name, colour, opacity, places}]}`, those in front last, or with
 * `{numbers: {title, values, low, high, isLog}}`, `values` in the order of `places`.
 */
export async function colouring(name, { data, places, facts, classes }) {
  if (name === "cluster") return clusters(data, places, facts);
  if (name === "label") return labels(await data.labels(), places, classes, facts);
  if (name === "predicted") return predicted(await data.column("predicted", Int32Array), places, classes, facts);
  if (name === "run") return runs(await data.column("run", Int32Array), places, facts);
  return numbers(facts.numbers.find((each) => each.name === name), await data.number(name), places);
}

async function clusters(data, places, facts) {
  if (!facts.clustering) return { groups: [{ id: 0, name: "Frames", colour: facts.cycle[0], opacity: 0.8, places }] };
  const { preview } = data; // clusters that somebody tries with the slider of the tree
  const column = preview?.labels ?? (await data.column("cluster", Int32Array));
  const known = new Map((preview?.clusters ?? facts.clusters).map((each) => [each.id, each]));
  return {
    groups: grouped(places, (place) => column[place], (id) => ({
      name: known.get(id)?.name ?? (id < 0 ? "Noise" : `Cluster ${id}`),
      colour: known.get(id)?.colour ?? facts.noiseColour,
      opacity: id < 0 ? 0.35 : 0.8,
      scope: preview ? null : { cluster: id },
    })),
  };
}

function labels(column, places, classes, facts) {
  return {
    groups: grouped(places, (place) => column[place], (id) => ({
      name: id === -1 ? "Unlabelled" : classes[id]?.name ?? "None applies",
      colour: classes[id]?.colour ?? facts.noiseColour,
      opacity: id < 0 ? 0.3 : 0.9,
      scope: id >= 0 && classes[id] ? { label: classes[id].name } : id === -1 ? { label: null } : null,
    })),
  };
}

function predicted(column, places, classes, facts) {
  const colours = new Map(classes.map((each) => [each.name, each.colour]));
  return {
    groups: grouped(places, (place) => column[place], (id) => ({
      name: facts.predicted[id] ?? "No class",
      colour: id < 0 ? facts.noiseColour : colours.get(facts.predicted[id]) ?? facts.cycle[id % facts.cycle.length],
      opacity: id < 0 ? 0.3 : 0.85,
      scope: { predicted: facts.predicted[id] ?? null },
    })),
  };
}

function runs(column, places, facts) {
  if (facts.runs.length > MOST_RUNS_NAMED) {
    return numbers({ title: `${facts.runTitle}, in order`, unit: "" }, column, places);
  }
  return {
    groups: grouped(places, (place) => column[place], (id) => ({
      name: facts.runs[id] ?? `${facts.runTitle} not known`,
      colour: id < 0 ? facts.noiseColour : facts.cycle[id % facts.cycle.length],
      opacity: id < 0 ? 0.3 : 0.8,
      scope: id < 0 ? null : { run: id },
    })),
  };
}

/** Groups by number; what has none comes first, as what is drawn first lies behind. */
function grouped(places, keyOf, describe) {
  const found = new Map();
  for (const place of places) {
    const key = keyOf(place);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(place);
  }
  return [...found.keys()].sort((a, b) => a - b).map((id) => ({ id, places: found.get(id), ...describe(id) }));
}

function numbers({ title, unit }, column, places) {
  const [least, most] = extent(places, (place) => column[place]);
  // Counts span decades; radii, centres and flags do not, and a slope is negative.
  const isLog = least >= 0 && most > 50 * Math.max(least, 1);
  const scaled = (value) => (isLog ? Math.log10(Math.max(value, 1e-3)) : value);
  const values = places.map((place) => scaled(column[place]));
  const [low, high] = extent(values, (value) => value);
  const remarks = [unit, isLog && "logarithmic"].filter(Boolean).join(", ");
  return {
    numbers: {
      title: title + (remarks && ` (${remarks})`),
      unit,
      values,
      low,
      high,
      isLog,
      valueOf: (place) => column[place],
    },
  };
}

/** The least and the largest of the values that are known. */
function extent(items, valueOf) {
  let [least, most] = [Infinity, -Infinity];
  for (const item of items) {
    const value = valueOf(item);
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : [0, 1];
}
