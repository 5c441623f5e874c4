"""What the job engine costs: `python -m benchmarks.engine`.

Condenses the same frames once by calling the steps in this process, once as jobs with workers, and
prints both times and their ratio.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        source = _write_source(Path(folder), given.frames)
        bare = _bare(source, Path(folder))
        os.environ["FRINGE_DATA"] = str(Path(folder) / "data")
        os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
        jobs = _as_jobs(source)
    print(f"Index and condense {given.frames} frames of 64 x 64")
    print(f"  bare steps, one process: {bare:6.1f} s")
    print(f"  as jobs with workers:    {jobs:6.1f} s   ratio bare/jobs {bare / jobs:.2f}")


def _write_source(folder: Path, n_frames: int) -> Path:
    import h5py
    import numpy as np

    rng = np.random.default_rng(0)
    path = folder / "frames.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("frames", (n_frames, 64, 64), "u2", chunks=(16, 64, 64))
        for start in range(0, n_frames, 1000):
            stop = min(start + 1000, n_frames)
            data[start:stop] = rng.poisson(3.0, (stop - start, 64, 64))
    return path


def _bare(source: Path, folder: Path) -> float:
    from workers.science.steps import condense, index

    def out(name: str) -> str:
        (folder / name).mkdir()
        return str(folder / name)

    started = time.perf_counter()
    found: dict[str, Any] = index.inspect_source(
        sources=[str(source)], roots=[str(source.parent)], dataset_path=None, out=out("inspect")
    )
    whole = {"start": 0, "stop": found["n_frames"]}
    index.index_range(source=found, out=out("index-0"), **whole)
    index.merge_index(parts=[str(folder / "index-0")], source=found, out=out("index"))
    geometry = {"geometry_dir": str(folder / "plan")}
    condense.plan_condense(source=found, index_dir=str(folder / "index"), recipe={}, out=out("plan"))
    condense.condense_range(source=found, recipe={}, out=out("condense-0"), **geometry, **whole)
    condense.merge_condense(parts=[str(folder / "condense-0")], out=out("condense"), **geometry)
    return time.perf_counter() - started


def _as_jobs(source: Path) -> float:
    import django

    django.setup()
    from webapp.accounts.services import operators_group
    from webapp.datasets.services import condense_frames, index_frames, inspect_source, register_dataset
    from webapp.portal.follow import Follower
    from webapp.supervisor.group import ProcessGroup

    with ProcessGroup() as group:
        dataset = register_dataset(
            group=operators_group(), name="benchmark", paths=[source], roots=[source.parent]
        )
        started = time.perf_counter()
        found = inspect_source(dataset=dataset)
        index = index_frames(dataset=dataset, source=found)
        condensed = condense_frames(dataset=dataset, source=found, index=index)
        Follower(tend=group.tend).follow([found, index, condensed])
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
