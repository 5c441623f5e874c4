"""A data set of 10^6 frames through the whole line: `python -m benchmarks.million --data DIR`.

Writes the frames (a pattern repeated, turned, brightened and counted anew), then runs every step as a job
with the workers that a user's computer would have, one step after the other, and prints for each the time,
the rate and the memory of the process that needed the most. What was found is held against what the frames
are; at the end every page is asked, as by `benchmarks.pages`. Run again on the same folder, it goes on where
it was stopped; what is done already is not timed again.
"""

import argparse
import contextlib
import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

N_PATTERNS, N_FILES, LABELS_A_KIND = 3000, 8, 16
CONDENSE = {"size": 64}  # the frames' own side
SETTINGS = "webapp.settings"


class Memory:
    """Watch all processes below this one; `most` is the largest memory of one of them since `begin`.

    Own memory is what no file stands for: the pages of memory maps can be given back at any time.
    """

    def __init__(self) -> None:
        self.own, self.all, self.stopped = 0.0, 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopped.set()
        self.thread.join()

    def begin(self) -> None:
        """Forget what was seen."""
        self.own = self.all = 0.0

    def _watch(self) -> None:
        while not self.stopped.wait(0.25):
            for pid in _descendants(os.getpid()):
                with contextlib.suppress(OSError, ValueError):
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    pairs = (line.split(":", 1) for line in lines if ":" in line)
                    sizes = {name: int(value.split()[0]) / 1024 for name, value in pairs if name in _SIZES}
                    # A process that has just ended has no sizes any more.
                    self.own = max(self.own, sizes.get("RssAnon", 0) + sizes.get("RssShmem", 0))
                    self.all = max(self.all, sizes.get("VmRSS", 0))


_SIZES = ("VmRSS", "RssAnon", "RssShmem")


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


@dataclass
class Run:
    """One pass along the line; `figures` gathers what was measured."""

    dataset: Any
    n_frames: int
    tend: Any
    memory: Memory
    figures: list[dict[str, Any]]

    def step(self, name: str, handle: Any) -> Any:
        """Wait for a product, and report on the job that made it; return its row."""
        from webapp.jobs.models import Product
        from webapp.portal.follow import Follower

        self.memory.begin()
        begun, is_new = time.perf_counter(), handle.job is not None
        if is_new:
            Follower(tend=self.tend, pause_s=0.2).follow([handle])
        product = Product.objects.get(pk=handle.id)
        seconds = time.perf_counter() - begun
        row = {"step": name, "seconds": seconds, "frames_per_s": self.n_frames / seconds}
        row |= {"own_mb": self.memory.own, "rss_mb": self.memory.all, "gb": _size(product.folder)}
        if is_new:
            self.figures.append(row)
            print(_line(row), flush=True)
        else:
            print(f"{name:12} was done before")
        return product


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['step']:12}{row['seconds']:9.1f} s{row['frames_per_s']:10.0f} frames/s"
        f"{row['own_mb']:9.0f} MB own{row['rss_mb']:9.0f} MB with files{row['gb']:8.2f} GB written"
    )


def write_source(folder: Path, n_frames: int, seed: int) -> tuple[list[Path], list[str], dict[str, Any]]:
    """Write the frames once; return the files, the kinds of particle by number, and what it took."""
    from benchmarks.repeated_frames import make_patterns, write_frames

    done = folder / "kinds.json"
    if done.exists():
        return sorted(folder.glob("run_*.h5")), json.loads(done.read_text()), {}
    threads, begun = os.cpu_count() or 1, time.perf_counter()
    patterns = make_patterns(min(N_PATTERNS, n_frames), seed, threads)
    made = time.perf_counter()
    paths = write_frames(folder, n_frames, patterns, seed=seed, threads=threads, n_files=N_FILES)
    seconds = time.perf_counter() - made
    row = {"step": "write source", "seconds": seconds, "frames_per_s": n_frames / seconds}
    row |= {"own_mb": _own_mb(), "rss_mb": _own_mb(), "gb": sum(path.stat().st_size for path in paths) / 1e9}
    print(f"{len(patterns.images)} patterns simulated in {made - begun:.0f} s")
    print(_line(row), flush=True)
    done.write_text(json.dumps(patterns.names))
    return paths, patterns.names, row


def _own_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def sort_all(run: Run, truth: np.ndarray, names: list[str], seed: int) -> None:
    """Take the data set along the whole line."""
    from webapp.datasets import services as data
    from webapp.datasets.models import Dataset
    from webapp.explore import services as explore
    from webapp.jobs.services import Handle
    from webapp.manifests.services import write_manifest
    from webapp.networks import services as networks

    common = {"dataset": run.dataset}
    source = Handle.of(run.step("look into", data.inspect_source(**common)))
    Dataset.objects.filter(pk=run.dataset.pk).update(is_draft=False)
    run.dataset.refresh_from_db()
    index = Handle.of(run.step("index", data.index_frames(source=source, **common)))
    read = {"source": source, "index": index, **common}
    condensed = Handle.of(run.step("condense", data.condense_frames(recipe=CONDENSE, **read)))
    measured = Handle.of(run.step("measure", data.measure_frames(condensation=condensed, **read)))
    frames = {"condensation": condensed, **common}
    network = Handle.of(run.step("learn", networks.learn_patterns(seed=seed, **frames)))
    embedding = Handle.of(run.step("embed", networks.embed_frames(network=network, **frames)))
    latents = {"embedding": embedding, "network": network, "seed": seed, **common}
    found = run.step("cluster", explore.find_clusters(**latents))
    _judge_clusters(found, truth)
    clustering, drawn = Handle.of(found), Handle.of(run.step("map", explore.draw_map(**latents)))
    run.step("gallery", explore.write_gallery(clustering=clustering, drawn=drawn, **frames))
    made = {"embedding": embedding, "network": network, "clustering": clustering}
    run.step("nuisances", explore.report_nuisances(index=index, measures=measured, **made, **frames))
    last = _label(run.dataset, truth, names)
    trained = networks.train_classifier(labels_as_of=last, seed=seed, **frames)
    classifier = Handle.of(run.step("train", trained))
    sorting = run.step("classify", networks.classify_frames(network=classifier, **frames))
    _judge_classes(sorting, truth, names)
    manifest = write_manifest(
        source=source,
        index=index,
        clustering=clustering,
        classification=Handle.of(sorting),
        networks=[network, classifier],
        labels_as_of=last,
        **common,
    )
    run.step("manifest", manifest)


def _judge_clusters(product: Any, truth: np.ndarray) -> None:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    labels, kinds = np.load(product.folder / "labels.npy"), np.asarray(truth["kind"])
    facts = product.facts
    print(
        f"  {facts['n_clusters']} clusters found on {facts['n_fitted']} frames, {facts['n_noise']} of "
        f"{len(labels)} noise; ARI {adjusted_rand_score(kinds, labels):.3f}, "
        f"NMI {normalized_mutual_info_score(kinds, labels):.3f} against the kinds"
    )
    fitted = product.folder / "sample.npy"
    if fitted.exists():
        rest = np.ones(len(labels), bool)
        rest[np.load(fitted)] = False
        figures = [adjusted_rand_score(kinds[part], labels[part]) for part in (~rest, rest)]
        print(f"  ARI {figures[0]:.3f} of the frames that were fitted, {figures[1]:.3f} of the others")


def _judge_classes(product: Any, truth: np.ndarray, names: list[str]) -> None:
    from sklearn.metrics import f1_score

    found = np.load(product.folder / "probabilities.npy", mmap_mode="r").argmax(axis=1)
    kinds = np.asarray(truth["kind"])
    f1 = f1_score(kinds, found, average="macro", labels=range(len(names)))
    print(f"  macro F1 {f1:.3f} over {len(names)} kinds and {len(kinds)} frames")


def _label(dataset: Any, truth: np.ndarray, names: list[str]) -> int:
    """Label some frames of each kind, once; return the number of the last act."""
    from webapp.labels.selectors import last_event_id
    from webapp.labels.services import create_scheme, label_frames

    if last := last_event_id(dataset):
        return last
    create_scheme(dataset=dataset, names=names, exclusive=(), single_label=True)
    random, kinds = np.random.default_rng(0), np.asarray(truth["kind"])
    for number, name in enumerate(names):
        frames = random.permutation(np.flatnonzero(kinds == number))[:LABELS_A_KIND]
        label_frames(dataset=dataset, frames=np.sort(frames), operation="set", classes=[name])
    return last_event_id(dataset)


def main() -> int:
    """Run all, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True, help="data folder; is kept")
    parser.add_argument("--repeat", type=int, default=60, help="how often each page is asked; 0: not at all")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    given = parser.parse_args()
    data = given.data.resolve()
    os.environ |= {"FRINGE_DATA": str(data), "DJANGO_SETTINGS_MODULE": SETTINGS}
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    from django.conf import settings

    folder = settings.DATA_DIR / "sources" / "million"
    folder.mkdir(exist_ok=True)
    paths, names, written = write_source(folder, given.frames, given.seed)
    truth, figures = np.load(folder / "truth.npy", mmap_mode="r"), [written] if written else []
    if len(truth) != given.frames:
        raise SystemExit(
            f"{folder} holds {len(truth)} frames. Choose another folder, or --frames {len(truth)}."
        )
    _run_line(figures, paths, truth, names, given.seed)
    pages = _ask_pages(data, given.frames, given.repeat) if given.repeat else []
    if given.json:
        given.json.write_text(json.dumps({"steps": figures, "pages": pages}, indent=1))
    return 0


def _run_line(
    figures: list[dict[str, Any]], paths: list[Path], truth: np.ndarray, names: list[str], seed: int
) -> None:
    from webapp.accounts.models import User
    from webapp.accounts.services import create_user, operators_group
    from webapp.datasets.models import Dataset
    from webapp.datasets.services import register_dataset
    from webapp.supervisor.group import ProcessGroup

    begun = time.perf_counter()
    with ProcessGroup() as group, Memory() as memory:
        owners = operators_group()
        if not User.objects.filter(username="ada").exists():
            create_user(username="ada", password=os.urandom(12).hex(), group_name=owners.name)
        dataset = Dataset.objects.first() or register_dataset(
            group=owners, name=f"run of {len(truth)} frames", paths=paths
        )
        sort_all(Run(dataset, len(truth), group.tend, memory, figures), truth, names, seed)
    print(f"the whole line: {time.perf_counter() - begun:.0f} s; load {os.getloadavg()[0]:.1f}")


def _ask_pages(data: Path, n_frames: int, repeat: int) -> list[dict[str, Any]]:
    from benchmarks.pages import run

    return run(data, n_frames, repeat, "")


if __name__ == "__main__":
    sys.exit(main())
