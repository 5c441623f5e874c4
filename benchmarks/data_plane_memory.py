"""Peak memory of index and condense as the number of frames grows: `python -m benchmarks.data_plane_memory`.

One file of small frames stands again and again in the source description, as segments, so that a million
frames need no disk. The largest shard that the portal makes is indexed and condensed, and its results are
merged as often as it takes to reach the number of frames. Each step runs in a process of its own; its peak is
what the kernel says at its end.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIDE, FILE_FRAMES, SHARD = 32, 10_000, 64 * 256
LIMIT_MB = 2000
CALL = """
import json, resource, sys
from workers.science.steps import condense, index
step, arguments = json.load(sys.stdin)
{"index": index.index_range, "merge_index": index.merge_index, "condense": condense.condense_range,
 "merge_condense": condense.merge_condense}[step](**arguments)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[100_000, 1_000_000])
    given = parser.parse_args(arguments)
    print(f"Peak memory of each step, frames of {SIDE} x {SIDE}, limit {LIMIT_MB} MB")
    for n_frames in given.frames:
        with tempfile.TemporaryDirectory() as folder:
            peaks = _measure(Path(folder), n_frames)
        words = ", ".join(f"{step} {peak:.0f} MB" for step, peak in peaks.items())
        print(f"  {n_frames:>9} frames: {words}", flush=True)


def _measure(folder: Path, n_frames: int) -> dict[str, float]:
    from workers.science.steps import condense, index

    def out(name: str) -> str:
        (folder / name).mkdir()
        return str(folder / name)

    path = _write_frames(folder)
    source = index.inspect_source(sources=[str(path)], roots=[str(folder)], out=out("inspect"))
    source["segments"] *= -(-n_frames // FILE_FRAMES)
    source["n_frames"] = len(source["segments"]) * FILE_FRAMES
    peaks = dict.fromkeys(("index", "merge_index", "condense", "merge_condense"), 0.0)
    n_parts = -(-n_frames // SHARD)

    def run(step: str, **arguments: Any) -> None:
        peaks[step] = max(peaks[step], _peak_mb(step, arguments))

    run("index", source=source, start=0, stop=SHARD, out=out("part"))
    run("merge_index", parts=[str(folder / "part")] * n_parts, source=source, out=out("index"))
    _time_rows(folder / "index" / "frames.parquet", n_frames)
    recipe = {"size": SIDE}
    condense.plan_condense(source=source, index_dir=str(folder / "index"), recipe=recipe, out=out("plan"))
    where = {"source": source, "geometry_dir": str(folder / "plan"), "recipe": recipe}
    run("condense", **where, start=0, stop=SHARD, out=out("small"))
    run(
        "merge_condense",
        parts=[str(folder / "small")] * n_parts,
        geometry_dir=where["geometry_dir"],
        out=out("condense"),
    )
    return peaks


def _write_frames(folder: Path) -> Path:
    import h5py
    import numpy as np

    random = np.random.default_rng(0)
    frames = random.poisson(2, (FILE_FRAMES, SIDE, SIDE)).astype(np.uint16)
    frames[::2, 8:24, 8:24] *= 4
    with h5py.File(folder / "frames.h5", "w") as file:
        file.create_dataset("entry/data", data=frames, chunks=(16, SIDE, SIDE), compression="gzip")
    return folder / "frames.h5"


def _peak_mb(step: str, arguments: dict[str, Any]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        input=json.dumps([step, arguments]),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout) / 1024


def _time_rows(path: Path, n_frames: int) -> None:
    import pyarrow.parquet as pq

    times = []
    for row in range(0, n_frames, max(1, n_frames // 20)):
        started = time.perf_counter()
        file = pq.ParquetFile(path, memory_map=True)
        group = row // file.metadata.row_group(0).num_rows
        first = group * file.metadata.row_group(0).num_rows
        file.read_row_group(group).slice(row - first, 1).to_pylist()
        times.append(time.perf_counter() - started)
    print(f"  {n_frames:>9} frames: one row is looked up in {1000 * sorted(times)[len(times) // 2]:.0f} ms")


if __name__ == "__main__":
    main()
