"""Look for the files of a data set again: where they were moved to, what was added, what replaced them.

A second look is a draft of its own, whose dry run says what lies there now. What follows from it:

    the same content, elsewhere    the data set follows its files; nothing is computed again
    more frames at the end         the draft is indexed, and where its first frames are those that the data
                                   set has, it grows; all after the index is made anew
    anything else                  the draft stays: confirmed, it becomes a data set of its own, and the
                                   labels are carried over to the frames that are found again in it
"""

from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.datasets.drafts import discard_draft
from webapp.datasets.lineage import chosen_dry_run, newest
from webapp.datasets.models import Dataset, SourceFile
from webapp.datasets.services import condense_frames, index_frames, inspect_source, register_dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle

LOOKING, COMPARING = "looking", "comparing"
MEASURED = ["total", "maximum"]


class Found(Enum):
    """What a second look found."""

    SAME = "nothing has changed"
    MOVED = "the files were found at their new place"
    GROWN = "there are more frames now"
    TOUCHED = "a file was written to since, and its frames are still the same"
    OTHER = "the files hold something else than before"


@transaction.atomic
def look_again(
    *, dataset: Dataset, paths: list[Path], roots: list[Path] | None = None, user: User | None = None
) -> Dataset:
    """Open a draft that looks into `paths` as the files of `dataset`, and return it."""
    uploaded = dict(dataset.source_files.filter(is_upload=True).values_list("path", "sent_name"))
    is_upload = bool(uploaded) and {str(path) for path in paths} <= uploaded.keys()
    draft = register_dataset(
        group=dataset.group,
        name=f"{dataset.name}, looked at again",
        paths=paths,
        user=user,
        roots=roots or (dataset.roots if is_upload else settings.ALLOWED_ROOTS),
        dataset_path=dataset.dataset_path,
        is_upload=is_upload,
        sent_names=uploaded,
        relinked_from=dataset,
    )
    _say(dataset, LOOKING, draft=str(draft.pk))
    handle = inspect_source(dataset=draft, user=user)
    if handle.job is None:  # the same files, as they were: it was found without looking
        settle(product=Product.objects.get(pk=handle.id))
    return draft


def compare(old: dict[str, Any], new: dict[str, Any]) -> Found:
    """Say what a source description tells of the files of an earlier one."""
    form = ("height", "width", "dtype")
    before, now = _own_files(old), _own_files(new)
    if any(old[name] != new[name] for name in form) or len(now) < len(before):
        return Found.OTHER
    is_same = [
        _content(a) is not None and _content(a) == _content(b) for a, b in zip(before, now, strict=False)
    ]
    if all(is_same) and len(now) == len(before):
        return _compare_linked(old, new)
    # A file that is written grows at its end; the ones before it are complete.
    last = len(before) - 1
    is_longer = new["n_frames"] > old["n_frames"] or _content(before[last]) is None
    if all(is_same[:-1]) and is_longer and now[last]["size"] >= before[last]["size"]:
        return Found.GROWN
    return Found.OTHER


def _compare_linked(old: dict[str, Any], new: dict[str, Any]) -> Found:
    """Compare where the files themselves are the same: frames may lie in others that they link to."""
    pairs = _pair(old["files"], new["files"])
    lost = [before for before, now in pairs if now is None]
    if lost:
        is_longer = new["n_frames"] > old["n_frames"] or _content(lost[0]) is None
        return Found.GROWN if is_longer and lost == [pairs[-1][0]] else Found.OTHER
    if any(before["path"] != now["path"] for before, now in pairs):
        return Found.MOVED
    # Only the ends of a file are hashed: in between, whoever wrote to it may have changed anything.
    is_untouched = all(before["fingerprint"] == now["fingerprint"] for before, now in pairs)
    return Found.SAME if is_untouched else Found.TOUCHED


def _pair(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any]]:
    """Return each file of `old` with that of `new`: by its place, or by its content if it is linked to."""
    linked = {_content(item): item for item in new if item.get("linked")}
    linked.pop(None, None)
    own = iter([item for item in new if not item.get("linked")])
    return [(item, linked.get(_content(item)) if item.get("linked") else next(own)) for item in old]


@transaction.atomic
def settle(*, product: Product) -> None:
    """Draw the conclusion from the dry run of a draft that was opened by `look_again`."""
    draft = product.dataset
    dataset = Dataset.objects.select_for_update().get(pk=draft.relinked_from_id)
    source = chosen_dry_run(dataset)
    found = compare(_where_now(dataset, source.facts), product.facts) if source else Found.OTHER
    if found is Found.OTHER:
        _say(dataset, found.value, draft=str(draft.pk))
    elif found in (Found.SAME, Found.MOVED):
        if found is Found.MOVED:
            _follow(dataset, source.facts, product.facts)
        _end(dataset, draft, found)
    elif newest(dataset, "index") is None:
        _grow(dataset, draft)
        _end(dataset, draft, found)
    else:
        _say(dataset, COMPARING, draft=str(draft.pk))
        handle = index_frames(dataset=draft, source=Handle.of(product))
        if handle.job is None:
            settle_frames(product=Product.objects.get(pk=handle.id))


@transaction.atomic
def settle_frames(*, product: Product) -> None:
    """Draw the conclusion from the index of such a draft: labels hold by number, so the frames have to."""
    draft = product.dataset
    dataset = Dataset.objects.select_for_update().get(pk=draft.relinked_from_id)
    before = newest(dataset, "index")
    if not _begins_with(product, before):
        _say(dataset, Found.OTHER.value, draft=str(draft.pk))
        return
    is_longer = product.facts["n_frames"] > before.facts["n_frames"]
    _grow(dataset, draft)
    _end(dataset, draft, Found.GROWN if is_longer else Found.TOUCHED)


def _end(dataset: Dataset, draft: Dataset, found: Found) -> None:
    _say(dataset, found.value)
    # Not here: the job that brought the answer belongs to the draft, and has yet to end.
    transaction.on_commit(lambda: discard_draft(dataset=draft), robust=True)


def _begins_with(longer: Product, shorter: Product) -> bool:
    """Whether the frames of one index come first in another, by what was measured of each."""
    before = pyarrow.parquet.read_table(shorter.path("frames.parquet"), columns=MEASURED)
    now = pyarrow.parquet.read_table(longer.path("frames.parquet"), columns=MEASURED).slice(0, len(before))
    return len(now) == len(before) and all(
        np.array_equal(now[name].to_numpy(), before[name].to_numpy(), equal_nan=True) for name in MEASURED
    )


def _where_now(dataset: Dataset, description: dict[str, Any]) -> dict[str, Any]:
    moved = dataset.moved.get("files", {})
    return description | {"files": [item | moved.get(item["path"], {}) for item in description["files"]]}


def _own_files(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in description["files"] if not item.get("linked")]


def _content(item: dict[str, Any]) -> tuple[str, str] | None:
    """Return size and hash, what a fingerprint says of a file wherever it lies; None while it is written."""
    size, _, rest = item["fingerprint"].partition("-")
    return (size, rest.rpartition("-")[2]) if size.isdigit() else None


def _follow(dataset: Dataset, old: dict[str, Any], new: dict[str, Any]) -> None:
    pairs = _pair(old["files"], new["files"])
    files = {
        before["path"]: {"path": now["path"], "fingerprint": now["fingerprint"]} for before, now in pairs
    }
    dataset.moved = {"files": files, "roots": new["roots"]}
    dataset.save(update_fields=["moved"])
    places = {before["path"]: now["path"] for before, now in pairs}
    for file in dataset.source_files.all():
        file.registered_path = file.registered_path or file.path
        file.path = places.get(file.registered_path, file.path)
        file.save(update_fields=["path", "registered_path"])


def _grow(dataset: Dataset, draft: Dataset) -> None:
    """Take over the files of the draft, and index and condense again; what was made stays."""
    dataset.source_files.all().delete()
    SourceFile.objects.filter(dataset=draft).update(dataset=dataset)
    dataset.roots, dataset.moved = draft.roots, {}
    dataset.save(update_fields=["roots", "moved"])
    recipe = newest(dataset, "condense")
    source = inspect_source(dataset=dataset)  # found: the draft has made it
    index = index_frames(dataset=dataset, source=source)
    condense_frames(
        dataset=dataset, source=source, index=index, recipe=recipe.params.get("recipe") if recipe else None
    )


def _say(dataset: Dataset, words: str, draft: str = "") -> None:
    look = {"at": timezone.now().isoformat(), "words": words, "draft": draft}
    Dataset.objects.filter(pk=dataset.pk).update(last_look=look)
