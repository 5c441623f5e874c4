"""`manage.py embed`: the latents of the frames of files, by a network that is there already."""

import json
import os
import shutil
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from webapp.datasets.ask import StepRefused, ask_step, run_step
from webapp.jobs.models import Product
from webapp.portal.files import copy_whole
from webapp.portal.sources import in_order, roots_of
from webapp.portal.step_command import StepCommand
from webapp.supervisor.group import prepare_database

CARD, GEOMETRY = "card.json", "geometry.npz"


class Command(StepCommand):
    """Condense frames as the network's were, embed them, and write one row a frame."""

    help = "Embed the frames of SOURCE by a FactorVAE and write latents, float32 of shape (frames, latents)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "sources", nargs="+", metavar="SOURCE", help="a file, a folder, or a pattern in quotes"
        )
        parser.add_argument(
            "--network", required=True, metavar="ID", help="id of a registered network, or a network's folder"
        )
        parser.add_argument("--out", type=Path, required=True, metavar="latents.npy", help="where they go")
        parser.add_argument("--path", default="", metavar="DATASET_PATH", help="the frames inside the file")
        parser.add_argument(
            "--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: all cores"
        )

    def run(self, given: Namespace) -> None:
        if given.out.is_dir() or not os.access(given.out.absolute().parent, os.W_OK):
            raise StepRefused(f"{given.out}: no file can be written there. Give another --out.")
        network, sources = find_network(given.network), in_order(given.sources)
        asked = {"sources": sources, "roots": roots_of(sources), "dataset_path": given.path or None}
        source = ask_step("index.inspect_source", asked)
        with tempfile.TemporaryDirectory(prefix="fringe-") as folder:
            n_unreadable = _condense(source, network, Path(folder, "condensed"))
            latents = _new(Path(folder, "latents"))
            frames = {"condensed_dir": f"{folder}/condensed", "start": 0, "stop": source["n_frames"]}
            arguments = {**frames, "network_dir": str(network), "threads": given.threads}
            run_step("embed.embed_range", arguments, latents, timeout_s=None, threads=given.threads)
            copy_whole(Path(latents, "latents.npy"), given.out)
        words = f", {n_unreadable} of them unreadable and embedded as empty" if n_unreadable else ""
        self.stdout.write(f"{source['n_frames']} frames{words}: {given.out}")


def find_network(name: str) -> Path:
    """Return the folder of a FactorVAE: one that is named, or that of a registered network."""
    folder = Path(name).absolute()
    if not (folder / CARD).is_file():
        folder = _registered(name)
    try:
        kind = json.loads((folder / CARD).read_text())["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StepRefused(f"{name}: its card cannot be read. Choose another network.") from error
    if kind != "factorvae":
        raise StepRefused(f"{name}: this is a {kind}, which has no latents. Choose a FactorVAE.")
    return folder


def _registered(name: str) -> Path:
    try:
        key = UUID(name)
    except ValueError:
        raise StepRefused(
            f"{name}: neither a network's folder nor an id. The page of a network has its id in its address."
        ) from None
    prepare_database()
    product = Product.objects.filter(pk=key, kind__in=("learn", "train")).first()
    if product is None:
        raise StepRefused(f"{name}: no network is registered under this id. Look at the list of networks.")
    return product.folder


def _condense(source: dict[str, Any], network: Path, place: Path) -> int:
    """Condense all frames with the geometry of the network; return how many could not be read."""
    whole = {"start": 0, "stop": source["n_frames"], "recipe": {}}
    arguments = {"source": source, "geometry_dir": str(network), **whole}
    run_step("condense.condense_range", arguments, _new(place), timeout_s=None)
    shutil.copyfile(network / GEOMETRY, place / GEOMETRY)
    failed = json.loads((place / "unreadable.json").read_text())
    if failed["n_frames"] == source["n_frames"]:
        first = " ".join(failed["causes"][:1])
        raise StepRefused(f"None of the {source['n_frames']} frames can be read; the first: {first}")
    return failed["n_frames"]


def _new(folder: Path) -> str:
    folder.mkdir()
    return str(folder)
