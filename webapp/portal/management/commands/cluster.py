"""`manage.py cluster`: the clustering alone, on an array of latents."""

import os
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import DatabaseError

from webapp.datasets.ask import StepRefused, run_step
from webapp.portal.files import copy_whole
from webapp.portal.step_command import StepCommand


class Command(StepCommand):
    """Cluster the rows of an array by density, in a child process, and write a label for each."""

    help = "Cluster an (n, d) array of LATENTS and write the labels, -1 for noise."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("latents", type=Path, metavar="LATENTS.npy", help="an array of n rows, float32")
        parser.add_argument("--out", type=Path, required=True, metavar="labels.npy", help="where labels go")
        parser.add_argument(
            "--min-cluster-size", type=int, metavar="N", help="points of a cluster (default: tries several)"
        )
        parser.add_argument(
            "--min-samples",
            type=int,
            metavar="N",
            help="neighbours of a dense point (default: tries several)",
        )
        parser.add_argument(
            "--selection",
            choices=("eom", "leaf", "auto"),
            default="auto",
            help="stable clusters, the finest ones, or what separates better (default)",
        )
        parser.add_argument(
            "--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: all cores"
        )

    def words_of(self, error: OSError | DatabaseError, given: Namespace) -> str:
        if isinstance(error, OSError):
            return f"{given.out}: cannot be written ({error.strerror}). Give another --out."
        return super().words_of(error, given)

    def run(self, given: Namespace) -> None:
        _require_place(given.out)
        recipe = {
            "min_cluster_size": given.min_cluster_size,
            "min_samples": given.min_samples,
            "method": given.selection,
        }
        arguments = {"points": str(given.latents.absolute()), "recipe": recipe, "threads": given.threads}
        with tempfile.TemporaryDirectory(prefix="fringe-") as folder:
            begun = time.monotonic()
            found = run_step(
                "cluster_array.cluster_array", arguments, folder, timeout_s=None, threads=given.threads
            )
            seconds = time.monotonic() - begun
            copy_whole(Path(folder) / "labels.npy", given.out)
        self.stdout.write(_in_words(found, seconds, given.out))


def _require_place(out: Path) -> None:
    """Refuse a place that cannot be written before anything is computed."""
    if out.is_dir():
        raise StepRefused(f"{out}: this is a folder. Give the name of a file.")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise StepRefused(f"{out}: its folder is not there or may not be written to. Give another --out.")


def _in_words(found: dict[str, Any], seconds: float, out: Path) -> str:
    n, noise = found["n_points"], found["n_noise"] / found["n_points"]
    lines = [f"{n} points in {seconds:.1f} s: {found['n_clusters']} clusters, {noise:.1%} noise: {out}"]
    choice = found["choice"]
    if "method" in choice:
        lines.append(
            f"min_cluster_size {choice['min_cluster_size']}, min_samples {choice['min_samples']}, "
            f"{choice['method']}; relative validity {choice['relative_validity']:.2f}"
        )
    if "reason" in choice:
        lines.append(choice["reason"])
    return "\n".join(lines)
