"""`manage.py relink`: tell a data set where its files lie now, without a browser."""

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser
from redis.exceptions import RedisError

from webapp.datasets.drafts import confirm_draft
from webapp.datasets.models import Dataset
from webapp.datasets.relink import look_again
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle
from webapp.portal.follow import Follower, JobFailedError
from webapp.portal.workforce import workforce
from webapp.supervisor.broker import NoBrokerError
from webapp.supervisor.group import prepare_database


class InputError(Exception):
    """Something that the operator gave cannot be used; the text is one line."""


class Command(BaseCommand):
    """Look for the frames of a data set in other files."""

    help = (
        "Look for the frames of DATASET (its id, or its name) in PATHS. Files with the same content are "
        "followed; others become a data set of their own, to which the labels are carried over."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", help="id or name")
        parser.add_argument("paths", type=Path, nargs="+", help="where the files lie now, in their order")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._relink(options["dataset"], options["paths"])
        except (InputError, NoBrokerError) as error:
            self._end(str(error))
        except JobFailedError as error:
            self._end(error.job.error or f"{error.job.kind_of.title} was cancelled. Run the command again.")
        except RedisError as error:
            self._end(f"{type(error).__name__}: {error}. Mend that, then run the same command again.")

    def _end(self, line: str) -> None:
        self.stderr.write(" ".join(line.split()))
        sys.exit(2)

    def _relink(self, name: str, paths: list[Path]) -> None:
        missing = next((path for path in paths if not path.is_file()), None)
        if missing:
            raise InputError(f"{missing}: the file does not exist. Check the path.")
        prepare_database()
        dataset = _find(name)
        found = [path.resolve() for path in paths]
        with workforce(self.stderr.write) as force:
            follower = Follower(tend=force.tend, stream=sys.stderr)
            draft = look_again(dataset=dataset, paths=found, roots=sorted({path.parent for path in found}))
            follower.follow(_handles(draft))
            dataset.refresh_from_db()
            follower.follow(_handles(dataset))
            if Dataset.objects.filter(pk=draft.pk, is_draft=True).exists():
                draft.refresh_from_db()
                confirm_draft(dataset=draft, user=None)
                follower.follow(_handles(draft))
                self._report_successor(draft)
                return
        self.stdout.write(f"{dataset.name}: {dataset.last_look['words']}.")

    def _report_successor(self, successor: Dataset) -> None:
        match = Product.objects.filter(dataset=successor).of_kind("match").first()
        words = f"{successor.name}: {successor.n_frames} frames, a data set of its own."
        if match and match.facts["n_matched"]:
            words += (
                f" {match.facts['n_matched']} were found again by {match.facts['by']}, with their labels."
            )
        else:
            words += " None of them could be told to be one of the earlier frames."
        self.stdout.write(words)


def _find(name: str) -> Dataset:
    datasets = Dataset.objects.filter(is_draft=False)
    try:
        found = list(datasets.filter(pk=UUID(name)))
    except ValueError:
        found = list(datasets.filter(name=name))
    if len(found) != 1:
        words = "there is no such data set" if not found else "several data sets have this name"
        raise InputError(f"{name}: {words}. Give the id that stands in the address of its page.")
    return found[0]


def _handles(dataset: Dataset) -> list[Handle]:
    jobs = Job.objects.active().filter(dataset=dataset).order_by("created_at")
    return [Handle(job.result_id, job.key, job) for job in jobs]
