"""Drafts: what a dry run found, another choice of frames, and taking a draft back."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.lineage import chosen_dry_run
from webapp.datasets.mask_carry import carry_mask
from webapp.datasets.masks import masks_folder
from webapp.datasets.models import Dataset, SourceFile
from webapp.datasets.services import (
    condense_frames,
    confirm_dataset,
    index_frames,
    inspect_source,
    match_frames,
    record_source,
)
from webapp.jobs.models import Job, Product
from webapp.jobs.selectors import JobProgress, progress_of


@dataclass(frozen=True)
class DryRun:
    """The newest look into a draft's sources: under way, failed, or with what was found."""

    job: Job | None
    product: Product | None
    progress: JobProgress | None
    candidates: list[dict[str, Any]]

    @property
    def is_moving(self) -> bool:
        """Whether the answer is still to come."""
        return self.product is None and self.job is not None and self.job.is_active


def dry_run_of(dataset: Dataset) -> DryRun:
    """Return the dry run for the frames that are chosen now."""
    jobs = Job.objects.filter(dataset=dataset, kind="inspect")
    job = next((job for job in jobs if job.params.get("dataset_path", "") == dataset.dataset_path), None)
    product = chosen_dry_run(dataset)
    # What an earlier look found stays to be chosen from, so that a refusal is no dead end.
    speaking = product or Product.objects.filter(dataset=dataset).of_kind("inspect").first()
    candidates = speaking.facts["candidates"] if speaking else []
    return DryRun(job, product, progress_of(job) if job and job.is_active else None, candidates)


def choose_frames(*, dataset: Dataset, dataset_path: str, user: User) -> None:
    """Look at another HDF5 path of the same files."""
    Dataset.objects.filter(pk=dataset.pk).update(dataset_path=dataset_path)
    dataset.refresh_from_db()
    handle = inspect_source(dataset=dataset, user=user)
    if handle.job is None:  # looked at before: the row has to say again what was found then
        record_source(product=Product.objects.get(pk=handle.id))


@transaction.atomic
def confirm_draft(*, dataset: Dataset, user: User) -> None:
    """Make a draft a data set, and begin to index and condense it.

    The path stays as it was asked for, so that the dry run is found again, not repeated.
    """
    confirm_dataset(dataset=dataset, dataset_path=dataset.dataset_path)
    source = inspect_source(dataset=dataset, user=user)
    index = index_frames(dataset=dataset, source=source, user=user)
    recipe = carry_mask(dataset=dataset)
    condense_frames(dataset=dataset, source=source, index=index, recipe=recipe, user=user)
    match_frames(dataset=dataset, index=index, user=user)


def discard_draft(*, dataset: Dataset) -> None:
    """Delete a draft with what it left on the disk; source files of the facility stay untouched."""
    names = set(Product.objects.filter(dataset=dataset).values_list("folder_name", flat=True))
    folders = [job.folder for job in Job.objects.filter(dataset=dataset)]
    folders.append(masks_folder(dataset.pk))
    uploads = [Path(file.path) for file in dataset.source_files.filter(is_upload=True)]
    dataset.delete()
    # A data set that was registered twice shares its folders with the other one.
    shared = set(Product.objects.filter(folder_name__in=names).values_list("folder_name", flat=True))
    folders += [settings.DATA_DIR / name for name in names - shared]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    _remove_uploads(uploads)


def _remove_uploads(files: list[Path]) -> None:
    """Delete what was uploaded, unless another data set reads it; files of a set refer to each other."""
    kept = settings.DATA_DIR / "uploads"
    for file in files:
        if not file.is_relative_to(kept):
            continue
        in_group = file.relative_to(kept).parts[1:]
        if len(in_group) == 1:  # of before there were folders for sets
            if not SourceFile.objects.filter(path=str(file)).exists():
                file.unlink(missing_ok=True)
        elif not SourceFile.objects.filter(path__startswith=f"{file.parent}/").exists():
            shutil.rmtree(file.parent, ignore_errors=True)
