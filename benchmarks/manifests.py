"""What is downloaded, at scale: seconds, memory and size of each format.

Run as ``python -m benchmarks.manifests --frames 1000000``. A made-up index with clusters, eight classes,
measures and a thousand labels is written in each format by the step, in a process of its own that is confined
as the worker confines it. Beside it stands what plain pyarrow needs in the same run to write the very rows as
CSV and Parquet, once they are all in memory.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from workers.science.io import describe_source
from workers.science.labels_file import write_labels_npz

CLASSES = ["Round", "Elliptical", "Prolate", "Streak", "Bent", "Double rings", "Layered", "Empty"]
N_FILES, SIDE, N_LABELS = 10, 16, 1000
TABLES = ["csv", "jsonl", "parquet"]
RUNS = {
    "CSV, JSON Lines, Parquet": TABLES,
    "CSV": ["csv"],
    "JSON Lines": ["jsonl"],
    "Parquet": ["parquet"],
    "CXI, all frames": ["cxi"],
    "CXI by class": ["cxi-classes"],
    "CrystFEL lists": ["crystfel"],
    "Dragonfly lists": ["dragonfly"],
    "trains and pulses": ["trains"],
}


def prepare(folder: Path, n: int, seed: int) -> dict:
    """Write the products that a manifest is made from; return the arguments of the step."""
    rng = np.random.default_rng(seed)
    share = -(-n // N_FILES)
    (folder / "raw").mkdir()
    paths = [folder / f"raw/run_{number:03}.h5" for number in range(-(-n // share))]
    for number, path in enumerate(paths):
        with h5py.File(path, "w") as file:
            length = min(share, n - number * share)
            file.create_dataset("entry/data", (length, SIDE, SIDE), "u1", chunks=(256, SIDE, SIDE))
    source = describe_source(sources=[str(path) for path in paths], roots=[str(folder / "raw")])
    for name in ("index", "cluster", "classification", "measures"):
        (folder / name).mkdir()
    number = np.arange(n)
    total = rng.gamma(2.0, 1e5, n)
    columns = {
        "index": number,
        "source": pa.DictionaryArray.from_arrays(number // share, [str(path) for path in paths]).cast(
            pa.string()
        ),
        "path": pa.array(["/entry/data"]).take(pa.array(np.zeros(n, int))),
        "source_index": number % share,
        "train_id": 1_000_000_000 + number // 64,
        "pulse_id": 8 * (number % 64),
        "cell_id": number % 64,
        "state": np.zeros(n, np.int8),
        "total": total,
        "photons": total / 12,
        "maximum": rng.gamma(2.0, 100, n),
        "lit_pixels": rng.integers(0, 5000, n),
        "hit_score": rng.gamma(2.0, 1, n),
        "is_hit": rng.random(n) < 0.4,
        "masked_share": np.full(n, 0.031),
        "source_photon_energy": rng.normal(120, 0.2, n),
    }
    pq.write_table(pa.table(columns), folder / "index/frames.parquet", row_group_size=16_384)
    np.save(folder / "cluster/labels.npy", rng.integers(-1, 24, n).astype(np.int32))
    for name in ("probabilities", "outlier_scores"):
        np.save(folder / f"cluster/{name}.npy", rng.random(n, np.float32))
    np.save(folder / "classification/probabilities.npy", rng.beta(0.3, 0.9, (n, 8)).astype(np.float32))
    measures = {name: rng.gamma(2.0, 10, n) for name in ("radial_q50", "radial_q90", "size_estimate")}
    pq.write_table(pa.table(measures), folder / "measures/measures.parquet")
    labelled = np.sort(rng.choice(n, min(n, N_LABELS), replace=False))
    matrix = np.eye(8, dtype=bool)[rng.integers(0, 8, len(labelled))]
    write_labels_npz(folder / "labels.npz", labelled, matrix, np.array(["ada"] * len(labelled)))
    return {
        "index_dir": str(folder / "index"),
        "cluster_dir": str(folder / "cluster"),
        "classification_dir": str(folder / "classification"),
        "measures_dir": str(folder / "measures"),
        "labels": str(folder / "labels.npz"),
        "classes": CLASSES,
        "single_label": False,
        "card": {"dataset": {"name": "benchmark"}, "sources": source["files"]},
        "source": source,
    }


def write_once(arguments: dict) -> None:
    """Write in this process, confined as a worker's child is, and print the figures as JSON."""
    from workers import child
    from workers.science.steps.manifest import write_manifest

    out = arguments["out"]
    confined = child.confine("manifest.write_manifest", arguments, out)
    begun, cpu = time.perf_counter(), time.process_time()
    write_manifest(**arguments)
    result = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    result["bytes"] = sum(path.stat().st_size for path in Path(out).iterdir())
    status = Path("/proc/self/status").read_text()  # getrusage would count what its parent had
    result["peak"] = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    print(json.dumps(result | {"landlock": confined}))


def write_plainly(folder: Path, arguments: dict) -> dict:
    """Write the rows as plain pyarrow does it, from memory."""
    from workers.science.steps.manifest import write_manifest

    (folder / "rows").mkdir()
    write_manifest(**arguments, formats=["parquet"], out=str(folder / "rows"))
    table = pq.read_table(folder / "rows/manifest.parquet")
    begun, cpu = time.perf_counter(), time.process_time()
    pyarrow.csv.write_csv(table, folder / "plain.csv")
    pq.write_table(table, folder / "plain.parquet")
    result = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    return result | {"bytes": sum((folder / f"plain.{end}").stat().st_size for end in ("csv", "parquet"))}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        write_once(json.loads(given.once.read_text()))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        arguments = prepare(folder, given.frames, given.seed)
        plain = write_plainly(folder, arguments)
        print(f"{given.frames} frames; seconds of the step, and of its processor")
        _print("pyarrow alone, CSV and Parquet, from memory", plain)
        for name, formats in RUNS.items():
            out = folder / "out"
            out.mkdir()
            call = arguments | {"formats": formats, "out": str(out)}
            (folder / "call.json").write_text(json.dumps(call))
            asked = [sys.executable, "-m", "benchmarks.manifests", "--once", str(folder / "call.json")]
            environment = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # as a worker has it
            done = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            shutil.rmtree(out)
            result = json.loads(done.stdout)
            _print(name, result, f"{result['seconds'] / plain['seconds']:5.2f} of pyarrow alone")


def _print(name: str, result: dict, more: str = "") -> None:
    peak = f"{result['peak'] / 2**20:6.0f} MiB at most" if "peak" in result else ""
    size = f"{result['bytes'] / 1e6:8.1f} MB"
    print(f"{name:45} {result['seconds']:7.2f} s {result['cpu']:7.2f} s {size} {peak} {more}", flush=True)


if __name__ == "__main__":
    main()
