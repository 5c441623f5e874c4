"""How fast frames are indexed and condensed, beside h5py alone: `python -m benchmarks.data_plane`.

Two processes each read their own half of a file, in chunks of one frame: once with h5py alone into one
buffer, once as the step `index_range`, once as `condense_range`. Each repetition does all three in turn; what
is printed are medians over the repetitions of ratios within one.
"""

import argparse
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

PROCESSES = 2
FILTERS: dict[str, dict[str, Any]] = {
    "gzip 4": {"compression": "gzip", "compression_opts": 4},
    "bitshuffle-LZ4": dict(hdf5plugin.Bitshuffle(cname="lz4")),
}
DIFFERENT_FRAMES = 64
BUFFER_BYTES = 4 * 2**20
GOAL = 0.8
WAIT_S = 1800
SHEET = 256  # a part of a condensation begins at a multiple of this


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--small", type=int, default=8192, help="frames of 128 x 128")
    parser.add_argument("--large", type=int, default=512, help="frames of 1024 x 1024")
    given = parser.parse_args(arguments)
    print(f"Index and condense as a share of what h5py alone reads, {PROCESSES} processes, goal {GOAL}")
    print(f"{'frames':>12} {'filter':>15} {'h5py':>10} {'index':>7} {'condense':>9} {'both':>6}")
    for side, n_frames in ((128, given.small), (1024, given.large)):
        for name, filters in FILTERS.items():
            with tempfile.TemporaryDirectory() as folder:
                _measure(Path(folder), side, n_frames, name, filters, given.repetitions)


def _measure(
    folder: Path, side: int, n_frames: int, name: str, filters: dict[str, Any], repetitions: int
) -> None:
    path = _write_frames(folder, side, n_frames, filters)
    _prepare(folder, path)
    share = n_frames // PROCESSES // SHEET * SHEET
    bounds = [(number * share, (number + 1) * share) for number in range(PROCESSES)]
    context = multiprocessing.get_context("spawn")
    queues = [context.Queue() for _ in range(PROCESSES)]
    barrier = context.Barrier(PROCESSES)
    processes = [
        context.Process(target=_work, args=(folder, *bound, repetitions, barrier, queue))
        for bound, queue in zip(bounds, queues, strict=True)
    ]
    for process in processes:
        process.start()
    times = [queue.get(timeout=WAIT_S) for queue in queues]
    for process in processes:
        process.join()
    # the slower of the two processes says when a repetition is done
    slowest = [[max(pair) for pair in zip(*rounds, strict=True)] for rounds in zip(*times, strict=True)]
    read, index, condense = zip(*slowest, strict=True)
    ratios = [
        statistics.median(alone / other for alone, other in zip(read, others, strict=True))
        for others in (index, condense, [a + b for a, b in zip(index, condense, strict=True)])
    ]
    rate = PROCESSES * share / statistics.median(read)
    print(
        f"{side:>5} x {side:<4} {name:>15} {rate:8.0f}/s {ratios[0]:7.2f} {ratios[1]:9.2f} {ratios[2]:6.2f}",
        flush=True,
    )


def _write_frames(folder: Path, side: int, n_frames: int, filters: dict[str, Any]) -> Path:
    """Write patterns of spheres with shot noise; a few dozen, again and again, as they take long to make."""
    random = np.random.default_rng(0)
    axis = np.arange(side) - (side - 1) / 2
    radius = np.hypot(axis[:, None], axis) + 1
    with h5py.File(folder / "frames.h5", "w") as file:
        data = file.create_dataset(
            "entry/data", (n_frames, side, side), "u2", chunks=(1, side, side), **filters
        )
        for number in range(n_frames):
            if number >= DIFFERENT_FRAMES:
                stored = data.id.read_direct_chunk((number % DIFFERENT_FRAMES, 0, 0))[1]
                data.id.write_direct_chunk((number, 0, 0), bytes(stored))
                continue
            rings = 1 + np.cos(radius * random.uniform(0.2, 0.4) * 128 / side)
            bright = np.minimum(3000 * (radius / (side / 20)) ** -3.0, 20_000)
            data[number] = random.poisson(random.choice([0.01, 1, 3]) * bright * rings + 0.05).clip(0, 65_535)
    return folder / "frames.h5"


def _prepare(folder: Path, path: Path) -> None:
    """Do what comes before the frames are read: look at the file, index a part, plan."""
    from workers.science.steps import condense, index

    for name in ("inspect", "part", "index", "plan"):
        (folder / name).mkdir()
    found = index.inspect_source(sources=[str(path)], roots=[str(folder)], out=str(folder / "inspect"))
    index.index_range(source=found, start=0, stop=DIFFERENT_FRAMES, out=str(folder / "part"))
    index.merge_index(parts=[str(folder / "part")], source=found, out=str(folder / "index"))
    condense.plan_condense(source=found, index_dir=str(folder / "index"), recipe={}, out=str(folder / "plan"))


def _work(folder: Path, start: int, stop: int, repetitions: int, barrier: Barrier, queue: Any) -> None:
    """Be one process: do each of the three, together with the others, as often as asked."""
    from workers.science.steps import condense, index

    path = str(folder / "frames.h5")
    (folder / f"first{start}").mkdir()
    source = index.inspect_source(sources=[path], roots=[str(folder)], out=str(folder / f"first{start}"))
    where = {"source": source, "start": start, "stop": stop}
    plan = {"geometry_dir": str(folder / "plan"), "recipe": {}}
    todo: list[Callable[[str], Any]] = [
        lambda out: _read_alone(path, start, stop),
        lambda out: index.index_range(**where, out=out),
        lambda out: condense.condense_range(**where, **plan, out=out),
    ]
    rounds = []
    for number in range(repetitions + 1):
        seconds = []
        for do in todo:
            out = folder / f"out{start}"
            out.mkdir()
            barrier.wait()
            started = time.perf_counter()
            do(str(out))
            seconds.append(time.perf_counter() - started)
            shutil.rmtree(out)
        if number:  # the first round loads what was compiled
            rounds.append(seconds)
    queue.put(rounds)


def _read_alone(path: str, start: int, stop: int) -> None:
    """Read as fast as h5py can: into one buffer that is used again."""
    with h5py.File(path) as file:
        data = file["entry/data"]
        n = max(1, BUFFER_BYTES // (data.shape[1] * data.shape[2] * 2))
        buffer = np.empty((n, *data.shape[1:]), data.dtype)
        for first in range(start, stop, n):
            last = min(stop, first + n)
            data.read_direct(buffer, np.s_[first:last], np.s_[: last - first])


if __name__ == "__main__":
    main()
