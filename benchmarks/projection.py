"""The map at scale: seconds, memory, and how well neighbours are kept.

Run as ``python -m benchmarks.projection --points 1000000``. The step `project` runs on drawn points, twice
with the same seed, each time in a process of its own, and the maps are compared. Trustworthiness (Venna and
Kaski, 2001; 1 is perfect) is that of the 15 nearest within a sample of all points, and stands beside that of
the first two principal components.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.manifold import trustworthiness

from benchmarks.clustering import KINDS, make_points

N_JUDGED = 5000
N_NEIGHBOURS = 15


def prepare(folder: Path, given: argparse.Namespace) -> None:
    """Write points as latents that are all active and count the same, and the card of their network."""
    points = make_points(given.kind, given.points, given.dimensions, given.seed)
    np.save(folder / "latents.npy", points)
    figures = {
        "active_latents": list(range(given.dimensions)),
        "kl_per_latent": [2.0] * given.dimensions,
    }
    card = {"kind": "factorvae", "recipe": {}, "figures": figures}
    (folder / "card.json").write_text(json.dumps(card))


def draw(folder: Path, method: str, seed: int, threads: int) -> None:
    """Draw the map in this process, and print seconds and memory as JSON."""
    from workers.science.steps.project import project

    with tempfile.TemporaryDirectory() as out:
        begun, cpu = time.perf_counter(), time.process_time()
        told = project(
            latents_dir=str(folder),
            network_dir=str(folder),
            recipe={"method": method},
            seed=seed,
            threads=threads,
            out=out,
        )
        result = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu, **told}
        plane = np.load(f"{out}/map.npy")
    result["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result["sha256"] = hashlib.sha256(plane.tobytes()).hexdigest()
    np.save(folder / f"{method}.npy", plane)
    print(json.dumps(result))


def measure(folder: Path, method: str, given: argparse.Namespace) -> dict:
    """Draw a map in a fresh process, and judge it."""
    asked = ["--draw", str(folder), "--method", method]
    asked += ["--seed", str(given.seed), "--threads", str(given.threads)]
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.projection", *asked], check=True, stdout=subprocess.PIPE, text=True
    )
    result = json.loads(told.stdout)
    rng = np.random.default_rng(given.seed)
    rows = rng.choice(given.points, min(N_JUDGED, given.points), replace=False)
    latents, plane = np.load(folder / "latents.npy", mmap_mode="r"), np.load(folder / f"{method}.npy")
    kept = trustworthiness(latents[rows], plane[rows], n_neighbors=N_NEIGHBOURS)
    return result | {"trustworthiness": float(kept), "load": os.getloadavg()[0]}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=10)
    parser.add_argument("--kind", choices=KINDS, default="separated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--method", default="umap", help=argparse.SUPPRESS)
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.draw:
        draw(given.draw, given.method, given.seed, given.threads)
        return
    print(f"{given.points} x {given.dimensions}, {given.kind}, {given.threads} threads")
    print("method", "wall s", "cpu s", "peak GB", "laid out", "trustworthiness", "load", sep="\t")
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), given)
        seen = set()
        for method in ("umap", "umap", "pca"):
            result = measure(Path(folder), method, given)
            if method == "umap":
                seen.add(result["sha256"])
            figures = (
                f"{result['seconds']:.1f}\t{result['cpu_seconds']:.1f}\t{result['peak_bytes'] / 1e9:.2f}"
            )
            kept = f"{result['trustworthiness']:.4f}\t{result['load']:.1f}"
            print(method, figures, result["n_fitted"], kept, sep="\t", flush=True)
    print("the same seed gave", "the same map" if len(seen) == 1 else "different maps")


if __name__ == "__main__":
    main()
