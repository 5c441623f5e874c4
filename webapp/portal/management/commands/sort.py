"""`manage.py sort`: the whole line for files, without a browser."""

import hashlib
import os
import stat
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, transaction
from redis.exceptions import RedisError

from webapp.accounts.models import Group
from webapp.accounts.services import operators_group
from webapp.datasets.browse import PathRefused
from webapp.datasets.expand import check_sources, is_pattern
from webapp.datasets.models import Dataset
from webapp.datasets.services import inspect_source, register_dataset
from webapp.jobs.models import Job, Product
from webapp.labels.services import LabelError, import_labels_csv
from webapp.manifests.files import DEFAULT, NAMES
from webapp.portal.files import copy_whole
from webapp.portal.follow import Follower, JobFailedError
from webapp.portal.services import Line, Recipe, sort_dataset
from webapp.portal.sources import in_order, roots_of
from webapp.portal.workforce import workforce
from webapp.supervisor.broker import NoBrokerError
from webapp.supervisor.group import Stopped, prepare_database


class InputError(Exception):
    """Something that the operator gave cannot be used; the text is one line."""


class Command(BaseCommand):
    """Sort the frames of files and write their manifest."""

    help = (
        "Sort the frames of SOURCE and write DIR/manifest.csv, .parquet, .json, DIR/gallery.html, and "
        "DIR/report.json: how much of each cluster is run, cell, brightness and the like."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "sources", nargs="+", metavar="SOURCE", help="a file, a folder, or a pattern in quotes"
        )
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the manifest goes")
        parser.add_argument("--path", default="", metavar="HDF5_PATH", help="the frames inside the file")
        parser.add_argument(
            "--labels", type=Path, metavar="CSV", help="columns index,classes; classes joined by ;"
        )
        parser.add_argument("--single-label", action="store_true", help="each frame has exactly one class")
        parser.add_argument(
            "--formats",
            default=",".join(DEFAULT),
            metavar="NAMES",
            help=f"files of the manifest, separated by commas: {', '.join(NAMES)} (default: %(default)s)",
        )
        parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        try:
            self._sort(given)
        except (InputError, LabelError, NoBrokerError) as error:
            self._end(2, str(error))
        except JobFailedError as error:
            # A sentence for the user means bad input; a detail means a fault of ours.
            self._end(1 if error.job.error_detail else 2, _one_line(error.job))
        except (OSError, DatabaseError, RedisError) as error:
            self._end(2, f"{type(error).__name__}: {error}. Mend that, then run the same command again.")
        except (Stopped, KeyboardInterrupt):
            self._end(130, "Stopped. Run the same command again: it goes on where this one ended.")

    def _end(self, code: int, line: str) -> None:
        self.stderr.write(" ".join(line.split()))
        sys.exit(code)

    def _sort(self, given: Namespace) -> None:
        sources = in_order(given.sources)
        files = list(dict.fromkeys(file for source in sources for file in _files_of(source)))
        labels = _readable_file(given.labels, "the labels") if given.labels else None
        if given.single_label and not labels:
            raise InputError("--single-label: it says something of labels. Give --labels CSV with it.")
        formats = _formats_of(given.formats)
        _make_folder(given.out)
        prepare_database()
        with workforce(self.stderr.write) as force:
            follower = Follower(tend=force.tend, stream=sys.stderr)
            dataset = find_or_register(files, sources, given.path, labels, given.single_label)
            follower.follow([inspect_source(dataset=dataset)])
            dataset.refresh_from_db()
            if labels:
                import_labels_csv(dataset=dataset, file=labels, single_label=given.single_label)
            line = sort_dataset(dataset=dataset, recipe=Recipe(seed=given.seed), formats=formats)
            follower.follow(line.handles)
        self._hand_over(line, given.out)

    def _hand_over(self, line: Line, out: Path) -> None:
        product = Product.objects.get(pk=line.manifest.id)
        gallery = Product.objects.get(pk=line.gallery.id)
        report = Product.objects.get(pk=line.report.id)
        beside = [gallery.path("gallery.html"), report.path("report.json")]
        for path in [*beside, *(product.path(name) for name in product.files)]:
            copy_whole(path, out / path.name)
        if report.facts["n_artefacts"]:
            found = f"{report.facts['n_artefacts']} of {report.facts['n_clusters']} clusters"
            self.stdout.write(f"{found} look like an artefact: {out / 'report.json'} says why")
        self.stdout.write(f"{product.facts['n_frames']} frames sorted: {out / _first_of(product)}")


def _formats_of(text: str) -> list[str]:
    """Return the formats that were asked for."""
    formats = [name.strip() for name in text.split(",") if name.strip()]
    unknown = next((name for name in formats if name not in NAMES), None)
    if unknown:
        raise InputError(f"--formats: there is no format “{unknown}”. Choose of {', '.join(NAMES)}.")
    if not formats:
        raise InputError(f"--formats: no format is named. Choose of {', '.join(NAMES)}.")
    return formats


def _first_of(product: Product) -> str:
    """Return the file that an operator looks at first."""
    told = product.facts.get("files") or {}
    return next(iter(told), "manifest.json")


def _one_line(job: Job) -> str:
    return job.error or f"{job.kind_of.title} was cancelled. Run the command again."


def _readable_file(path: Path, what: str) -> Path:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        cause = (
            "does not exist"
            if isinstance(error, FileNotFoundError)
            else f"cannot be reached ({error.strerror})"
        )
        raise InputError(f"{path}: {what} {cause}. Check the path.") from error
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: {what} is not a file. Give the path of a file.")
    if not os.access(path, os.R_OK):
        raise InputError(
            f"{path}: {what} may not be read by this user. Ask its owner for the right to read it."
        )
    return path.resolve()


def _files_of(source: str) -> list[Path]:
    """Return the files that a source stands for, each of which this user may read."""
    found = [Path(source)]
    if found[0].is_dir() or (is_pattern(source) and not os.path.lexists(source)):
        try:
            found = check_sources([source], [Path(root) for root in roots_of([source])])
        except PathRefused as error:
            raise InputError(str(error)) from error
    return [_readable_file(path, "the source") for path in found]


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: the folder cannot be made ({error.strerror}). Give another --out."
        ) from error
    if not os.access(path, os.W_OK):
        raise InputError(f"{path}: nothing may be written there. Give another --out.")


@transaction.atomic
def find_or_register(
    files: list[Path], sources: list[str], dataset_path: str, labels: Path | None, single_label: bool
) -> Dataset:
    """Return the data set of these very files and labels, registered now if it is not there yet."""
    now = [(file, file.stat()) for file in files]
    parts = [part for file, stat in now for part in (str(file), str(stat.st_size), str(stat.st_mtime_ns))]
    parts += [dataset_path, str(single_label)]
    parts.append(hashlib.sha256(labels.read_bytes()).hexdigest() if labels else "")
    fingerprint = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    group = Group.objects.select_for_update().get(pk=operators_group().pk)
    found = Dataset.objects.filter(group=group, fingerprint=fingerprint).first()
    return found or register_dataset(
        group=group,
        name=files[0].stem if len(files) == 1 else files[0].parent.name,
        paths=files,
        roots=list(dict.fromkeys(file.parent for file in files)),
        dataset_path=dataset_path,
        fingerprint=fingerprint,
        asked_for=sources,
    )
