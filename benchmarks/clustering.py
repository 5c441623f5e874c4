"""Clustering at scale, beside hdbscan itself in the same run.

Run as ``python -m benchmarks.clustering --points 200000``. Each method runs in a process of its own, on the
same points; seconds are of the wall and, as the machine may be doing other things, of all cores together.
The loops of our own are compiled beforehand, as they are after the first use of an installation.
"""

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import os
import queue
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

MIN_SAMPLES = 10
KINDS = ("separated", "overlapping", "uniform")
SECOND_SAMPLES = 5
HEADINGS = ("wall s", "cpu s", "peak GB", "clusters", "noise", "tree weighs", "ARI")


def make_points(kind: str, n: int, d: int, seed: int) -> NDArray[np.float32]:
    """Draw points: 30 blobs of several widths that lie apart, 20 that overlap, or none."""
    rng = np.random.default_rng(seed)
    if kind == "uniform":
        return rng.random((n, d), dtype=np.float32)
    if kind == "separated":
        middles, spreads = rng.uniform(-10, 10, (30, d)), rng.uniform(0.5, 1.5, 30)
        which = rng.choice(30, n, p=rng.dirichlet(np.full(30, 3.0)))
    else:
        middles, spreads = rng.uniform(-2.5, 2.5, (20, d)), np.ones(20)
        which = rng.integers(20, size=n)
    return (middles[which] + spreads[which, None] * rng.normal(size=(n, d))).astype(np.float32)


def ours(points: NDArray[np.float32], size: int, threads: int) -> dict[str, Any]:
    """Cluster with the code of the project, then again from its tree."""
    from workers.science.cluster import ClusterRecipe, cluster_points, read_clusters

    def recipe(size: int, method: str = "eom", samples: int = MIN_SAMPLES) -> ClusterRecipe:
        return ClusterRecipe(reduce="none", min_cluster_size=size, min_samples=samples, method=method)

    cluster_points(points[:2000], recipe(20), threads=threads)
    phases = Phases()
    watch = Watch()
    found = cluster_points(points, recipe(size), threads=threads, on_progress=phases)
    result = watch.stop() | {"phases": phases.seconds()}
    spanning = found.density.spanning[MIN_SAMPLES]
    result |= {"labels": found.labels, "weight": float(spanning.weights.sum())}
    again = {}
    for name, other in (
        ("half the least size", recipe(size // 2)),
        ("leaf", recipe(size, "leaf")),
        (f"min_samples {SECOND_SAMPLES}", recipe(size, samples=SECOND_SAMPLES)),
    ):
        begun = time.perf_counter()
        read_clusters(found.density, other, threads=threads)
        again[name] = time.perf_counter() - begun
    return result | {"again": again}


def theirs(points: NDArray[np.float32], size: int, threads: int, **settings: Any) -> dict[str, Any]:
    """Cluster with hdbscan as it is shipped."""
    import hdbscan
    from joblib.externals.loky import get_reusable_executor

    watch = Watch()
    model = hdbscan.HDBSCAN(
        min_cluster_size=size, min_samples=MIN_SAMPLES, gen_min_span_tree=True, **settings
    ).fit(points.astype(np.float64))
    result = watch.stop()
    # Its workers would wait for more, and this process for them.
    get_reusable_executor().shutdown(wait=True, kill_workers=True)
    weight = float(model.minimum_spanning_tree_.to_numpy()[:, 2].sum())
    return result | {"labels": model.labels_, "weight": weight}


def theirs_exact(points: NDArray[np.float32], size: int, threads: int) -> dict[str, Any]:
    """Cluster with hdbscan, told not to approximate the spanning tree."""
    return theirs(points, size, threads, approx_min_span_tree=False)


def fast(points: NDArray[np.float32], size: int, threads: int) -> dict[str, Any]:
    """Cluster with fast_hdbscan, where somebody has installed it."""
    import fast_hdbscan

    fast_hdbscan.HDBSCAN(min_cluster_size=20, min_samples=MIN_SAMPLES).fit(points[:2000])
    watch = Watch()
    model = fast_hdbscan.HDBSCAN(min_cluster_size=size, min_samples=MIN_SAMPLES).fit(points)
    return watch.stop() | {"labels": model.labels_, "weight": float("nan")}


class Watch:
    """Seconds of the wall, and of the processor in this process and its children.

    `told` hears when the clock starts, so that whoever waits can count from there.
    """

    told: ClassVar[Callable[[], None]] = staticmethod(lambda: None)

    def __init__(self) -> None:
        self.told()
        self.wall, self.cpu = time.perf_counter(), _cpu_seconds(os.getpid())

    def stop(self) -> dict[str, float]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "seconds": time.perf_counter() - self.wall,
            "cpu_seconds": _cpu_seconds(os.getpid()) - self.cpu,
            "peak_bytes": peak,
        }


class Phases:
    """Listen to the progress, and note how long each phase took."""

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}

    def __call__(
        self, done: int, total: int, unit: str = "frames", *, note: str = "", point: Any = None
    ) -> None:
        self.begun.setdefault(note, time.perf_counter())

    def seconds(self) -> dict[str, float]:
        times = [*self.begun.values(), time.perf_counter()]
        return {note: times[i + 1] - times[i] for i, note in enumerate(self.begun)}


def _cpu_seconds(top: int) -> float:
    """Return what a process and all below it have computed; children that still run count, too."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it may have ended
            stats[int(path.parent.name)] = [int(n) for n in path.read_text().rpartition(")")[2].split()[1:15]]
    ticks, below = 0, {top}
    for process, stat in sorted(stats.items()):
        if process in below or stat[0] in below:
            below.add(process)
            ticks += stat[10] + stat[11]
    return ticks / os.sysconf("SC_CLK_TCK")


def _in_process(answers: Any, method: str, given: argparse.Namespace) -> None:
    os.setpgid(0, 0)  # so that it ends with all that it has started
    Watch.told = staticmethod(lambda: answers.put("begun"))
    points = make_points(given.kind, given.points, given.dimensions, given.seed)
    answers.put(METHODS[method](points, max(2, given.points // 1000), given.threads))


def measure(method: str, given: argparse.Namespace, limit_s: float | None = None) -> dict[str, Any]:
    """Run one method in a fresh process, and end it when it has computed for longer than `limit_s`."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_in_process, args=(answers, method, given))
    process.start()
    answers.get()
    begun, cpu = time.perf_counter(), _cpu_seconds(process.pid)
    try:
        result = answers.get(timeout=limit_s)
    except queue.Empty:
        result = {"seconds": time.perf_counter() - begun, "cpu_seconds": _cpu_seconds(process.pid) - cpu}
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return result


METHODS = {"ours": ours, "hdbscan": theirs, "hdbscan exact": theirs_exact, "fast_hdbscan": fast}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--dimensions", type=int, default=10)
    parser.add_argument("--kind", choices=KINDS, default="separated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--methods", default="ours,hdbscan", help=f"of {', '.join(METHODS)}, by commas")
    parser.add_argument("--give-up", type=float, help="end what takes so many times as long as ours")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    given = parser.parse_args()
    chosen = given.methods.split(",")
    if importlib.util.find_spec("fast_hdbscan") and "fast_hdbscan" not in chosen:
        chosen.append("fast_hdbscan")
    load = os.getloadavg()[0]
    print(f"{given.points} x {given.dimensions}, {given.kind}, {given.threads} threads, load {load:.1f}")
    print("method", *HEADINGS, sep="\t")
    first, figures = None, {}
    for method in chosen:
        limit = given.give_up * figures["ours"]["seconds"] if given.give_up and "ours" in figures else None
        result = figures[method] = measure(method, given, limit)
        result["load"] = os.getloadavg()
        labels = result.pop("labels", None)
        if labels is not None:
            first = labels if first is None else first
            result["agreement"] = adjusted_rand_score(first, labels)
            print(method, *_row(result, labels), sep="\t", flush=True)
    _print_ratios(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


def _row(result: dict[str, Any], labels: NDArray[np.int32]) -> list[str]:
    """Write what stands below `HEADINGS`."""
    return [
        f"{result['seconds']:.1f}",
        f"{result['cpu_seconds']:.1f}",
        f"{result['peak_bytes'] / 1e9:.2f}",
        f"{labels.max() + 1}",
        f"{np.mean(labels < 0):.1%}",
        f"{result['weight']:.2f}",
        f"{result['agreement']:.4f}",
    ]


def _print_ratios(figures: dict[str, dict[str, Any]]) -> None:
    mine = figures.get("ours")
    if mine is None:
        return
    for phase, seconds in [*mine["phases"].items(), *mine["again"].items()]:
        print(f"  {phase}: {seconds:.2f} s")
    for method, other in figures.items():
        if method == "ours":
            continue
        wall, cpu = (other[name] / mine[name] for name in ("seconds", "cpu_seconds"))
        if "weight" in other:
            heavier = other["weight"] / mine["weight"] - 1
            print(f"  {wall:.1f} times faster than {method} (wall), {cpu:.1f} (all cores)")
            print(f"  the tree of {method} weighs {heavier:+.5%}")
        else:
            print(
                f"  {method} had not finished after {other['seconds']:.0f} s, {other['cpu_seconds']:.0f} s "
                f"of all cores: more than {wall:.1f} times (wall), {cpu:.1f} (all cores)"
            )
    for method, result in figures.items():
        print(f"  load after {method}: {result['load'][0]:.1f}")


if __name__ == "__main__":
    main()
