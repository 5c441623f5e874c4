"""Writes about data sets: register, look into, index, condense."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from webapp.accounts.models import Group, User
from webapp.datasets.lineage import choose_condensation
from webapp.datasets.models import Dataset, SourceFile
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, submit


@transaction.atomic
def register_dataset(
    *,
    group: Group,
    name: str,
    paths: list[Path],
    user: User | None = None,
    roots: list[Path] | None = None,
    dataset_path: str = "",
    is_upload: bool = False,
    sent_names: dict[str, str] | None = None,
    fingerprint: str = "",
    asked_for: list[str] | None = None,
    relinked_from: Dataset | None = None,
) -> Dataset:
    """Create a draft of a data set from files; nothing is opened here, the dry run is a job."""
    dataset = Dataset.objects.create(
        group=group,
        name=name[:200],
        created_by=user,
        dataset_path=dataset_path,
        fingerprint=fingerprint,
        roots=[str(root) for root in roots or settings.ALLOWED_ROOTS],
        asked_for=asked_for or [str(path) for path in paths],
        relinked_from=relinked_from,
    )
    stats = [path.stat() for path in paths]
    SourceFile.objects.bulk_create(
        SourceFile(
            dataset=dataset,
            order=order,
            path=str(path),
            size=stat.st_size,
            modified_ns=stat.st_mtime_ns,
            is_upload=is_upload,
            sent_name=(sent_names or {}).get(str(path), ""),
        )
        for order, (path, stat) in enumerate(zip(paths, stats, strict=True))
    )
    return dataset


def inspect_source(*, dataset: Dataset, user: User | None = None) -> Handle:
    """Ask a worker what the source files hold."""
    # Where a file lay at first: one that was moved is still the same.
    files = [
        [file.registered_path or file.path, file.size, file.modified_ns]
        for file in dataset.source_files.all()
    ]
    handle = submit(
        kind="inspect",
        group=dataset.group,
        dataset=dataset,
        params={"dataset_path": dataset.dataset_path, "files": files, "roots": dataset.roots},
        user=user,
    )
    if handle.job is None:
        record_source(product=Product.objects.get(pk=handle.id))
    return handle


def record_source(*, product: Product) -> None:
    """Write into the data set's row what the dry run found."""
    facts = product.facts
    Dataset.objects.filter(pk=product.dataset_id).update(
        n_frames=facts["n_frames"], height=facts["height"], width=facts["width"]
    )


def confirm_dataset(*, dataset: Dataset, dataset_path: str) -> None:
    """Make a draft a data set, with the frames at `dataset_path`."""
    Dataset.objects.filter(pk=dataset.pk).update(is_draft=False, dataset_path=dataset_path)
    dataset.refresh_from_db()


def index_frames(*, dataset: Dataset, source: Handle, user: User | None = None) -> Handle:
    """Ask for the frames' identity and physics columns."""
    return submit(kind="index", group=dataset.group, dataset=dataset, inputs={"source": source}, user=user)


def condense_frames(
    *,
    dataset: Dataset,
    source: Handle,
    index: Handle,
    recipe: dict[str, Any] | None = None,
    user: User | None = None,
) -> Handle:
    """Ask for the condensed frames."""
    return submit(
        kind="condense",
        group=dataset.group,
        dataset=dataset,
        inputs={"source": source, "index": index},
        params={"recipe": recipe or {}},
        user=user,
    )


def plan_condensation(
    *,
    dataset: Dataset,
    source: Handle,
    index: Handle,
    recipe: dict[str, Any],
    user: User | None = None,
) -> Handle:
    """Ask which pixels a recipe would mask, and where it would put the beam."""
    return submit(
        kind="plan",
        group=dataset.group,
        dataset=dataset,
        inputs={"source": source, "index": index},
        params={"recipe": recipe},
        user=user,
    )


def condense_again(
    *, dataset: Dataset, source: Handle, index: Handle, recipe: dict[str, Any], user: User | None = None
) -> Handle:
    """Condense and measure with another recipe; what is there already becomes the current condensation."""
    common = {"dataset": dataset, "source": source, "index": index, "user": user}
    handle = condense_frames(recipe=recipe, **common)
    measure_frames(condensation=handle, **common)
    if handle.job is None:
        choose_condensation(dataset=dataset, condensation=handle.id)
    return handle


def measure_frames(
    *, dataset: Dataset, source: Handle, index: Handle, condensation: Handle, user: User | None = None
) -> Handle:
    """Ask for what is measured about the centre of each frame: spread, fall-off, rings, size."""
    return submit(
        kind="measure",
        group=dataset.group,
        dataset=dataset,
        inputs={"source": source, "index": index, "condensation": condensation},
        user=user,
    )


def match_frames(*, dataset: Dataset, index: Handle, user: User | None = None) -> Handle | None:
    """Ask which frames are those of the data set whose files were replaced; its labels come with the answer.

    None where that one is gone, or was never indexed.
    """
    before = Product.objects.filter(dataset=dataset.relinked_from_id).of_kind("index").first()
    if dataset.relinked_from_id is None or before is None:
        return None
    return submit(
        kind="match",
        group=dataset.group,
        dataset=dataset,
        inputs={"old_index": Handle.of(before), "new_index": index},
        # Each data set gets its labels, also where a twin of the same files has got them.
        params={"labels_from": str(dataset.relinked_from_id), "dataset": str(dataset.pk)},
        user=user,
    )
