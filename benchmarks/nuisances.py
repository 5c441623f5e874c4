"""Seconds and memory of the nuisance report: `python -m benchmarks.nuisances [--frames N]`."""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workers.science.preprocess import Geometry, save_geometry
from workers.science.steps.nuisance import report

N_RUNS, N_CELLS, N_LATENTS, N_CLUSTERS, ROWS = 40, 352, 10, 25, 16_384


def write_columns(folder: Path, n: int) -> None:
    """Write what the report reads of `n` frames that have nothing to do with each other."""
    random, numbers = np.random.default_rng(0), np.arange(n)
    names = np.array([f"/data/run_{run}.cxi" for run in range(N_RUNS)])
    frames = {
        "source": names[np.sort(random.integers(0, N_RUNS, n))],
        "train_id": 10**9 + numbers // 30,
        "cell_id": numbers % N_CELLS,
        "total": random.lognormal(9, 1, n),
        "lit_pixels": random.integers(50, 5000, n),
        "saturated_pixels": random.poisson(0.1, n),
        "masked_share": 0.1 + 0.01 * random.random(n),
    }
    pq.write_table(pa.table(frames), folder / "frames.parquet", row_group_size=ROWS)
    measured = {name: random.normal(100, 5, n) for name in ("centre_row", "centre_column", "radial_q50")}
    measured["size_estimate"] = np.where(random.random(n) < 0.4, np.nan, random.normal(80, 20, n))
    pq.write_table(pa.table(measured), folder / "measures.parquet", row_group_size=ROWS)
    save_geometry(Geometry(np.ones((64, 64), bool), (100.0, 100.0), 400.0, 64, 64.0), folder, {})
    np.save(folder / "latents.npy", random.normal(size=(n, N_LATENTS)).astype(np.float32))
    shares = 1 / np.arange(1, N_CLUSTERS + 1)
    labels = random.choice(N_CLUSTERS, n, p=shares / shares.sum()) - 1
    np.save(folder / "labels.npy", labels.astype(np.int32))


def main() -> None:
    """Write columns, report on them, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    n = parser.parse_args().frames
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_columns(folder, n)
        (folder / "out").mkdir()
        places = dict.fromkeys(
            ("index_dir", "condensed_dir", "measures_dir", "latents_dir", "cluster_dir"), name
        )
        started, worked = time.perf_counter(), time.process_time()
        found = report(
            **places, size_unit="nm", active_latents=list(range(N_LATENTS)), out=str(folder / "out")
        )
        seconds, busy = time.perf_counter() - started, time.process_time() - worked
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{n} frames, {found['n_clusters']} clusters, {found['n_artefacts']} flagged")
    print(f"{seconds:.2f} s, {busy:.2f} s of them computing; {most:.0f} MB at most, with what was written")


if __name__ == "__main__":
    main()
