"""`make bench`: all figures of docs/benchmarks.md, one process after another."""

import subprocess
import sys

PARTS = (
    ("simulation",),
    ("engine",),
    ("data_plane",),
    ("data_plane_memory",),
    ("frame_viewer",),
    ("pages", "--frames", "1000000"),
    ("page_budget", "--frames", "1000000"),
    ("labelling", "--seconds", "60"),
    *(("unsupervised", "--frames", "1600", "--seed", seed) for seed in "012"),
    *(("unsupervised", "--set", "real", "--frames", "3000", "--seed", seed) for seed in "012"),
    *(("unsupervised", "--set", "posed", "--frames", "2100", "--seed", seed) for seed in "01"),
    ("clustering", "--points", "200000"),
    ("clustering", "--points", "1000000", "--give-up", "11"),
    ("projection",),
    ("manifests", "--frames", "1000000"),
    *(
        ("supervised", "--labels", "4", "8", "16", "32", "64", "--set", of)
        for of in ("narrow", "posed", "wide", "balanced")
    ),
    *(
        ("supervised", "--labels", "8", "64", "--set", "narrow", "--light", light, "--correlation")
        for light in ("0.3", "0.1", "0.03")
    ),
    ("coach",),
    ("coach", "--set", "posed", "--light", "0.1"),
    ("several_classes",),
    ("coach",),
    ("promise", "--repeats", "200", "--ways", "random"),
    (
        "promise",
        "--repeats",
        "200",
        "--ways",
        "balanced",
        "clusters",
        "--labels",
        "350",
        "--levels",
        "0.8",
        "0.9",
    ),
    ("applicability",),
    ("learning",),
    ("disentanglement", "--steps", "3000"),
)


def main() -> int:
    """Run each part in a process of its own, so that one does not warm another."""
    codes = []
    for name, *arguments in PARTS:
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False))
    return max(code.returncode for code in codes)


if __name__ == "__main__":
    sys.exit(main())
