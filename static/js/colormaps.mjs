// Grey (both ways), viridis, magma and inferno as tables of 256 colours, from a few even steps
// (S. van der Walt, N. Smith and E. Firing's maps for matplotlib, CC0).

const STEPS = {
  grey: "000000 ffffff",
  "grey-reversed": "ffffff 000000",
  viridis: "440154 481a6c 472f7d 414487 39568c 31688e 2a788e 23888e 1f988b 22a884 35b779 54c568 7ad151 a5db36 d2e21b fde725",
  magma: "000004 0c0926 221150 3b0f70 56147d 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf",
  inferno: "000004 0c0826 240c4f 420a68 5d126e 781c6d 932667 ae305c c73e4c dd513a ed6925 f8850f fca50a fac62d f2e661 fcffa4",
};

/** The blue-green of masked pixels: no brightness has it in any of the maps above but near viridis' middle. */
export const MASKED = [38, 70, 83];
// On viridis, blue-green would be mistaken for low counts; there masked pixels are pink.
const MASKED_ON_VIRIDIS = [190, 100, 150];
export const NAMES = Object.keys(STEPS);

/** The colour of masked pixels, which the map `name` cannot take. */
export function maskedColour(name) {
  return name === "viridis" ? MASKED_ON_VIRIDIS : MASKED;
}

/** 256 colours as one Uint8Array (r, g, b, r, g, b, …). */
export function table(name) {
  const steps = STEPS[name].split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const colours = new Uint8Array(256 * 3);
  for (let level = 0; level < 256; level += 1) {
    const place = (level / 255) * (steps.length - 1);
    const low = Math.min(Math.floor(place), steps.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      const [from, to] = [steps[low][channel], steps[low + 1][channel]];
      colours[3 * level + channel] = Math.round(from + (to - from) * (place - low));
    }
  }
  return colours;
}
