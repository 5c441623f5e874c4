"""Which products of a data set belong together: those made from the condensation that people chose."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from webapp.datasets.models import Dataset
from webapp.jobs.models import Product


def order_by_choice(rows: Sequence[Any], current: UUID | None) -> list[Any]:
    """Put what came of another condensation than the current one behind the rest; else the order stays.

    `rows` are products of one data set, or their values as dicts, the newest first. Without a choice, or
    where the chosen one is not there (yet), the newest condensation is the current one.
    """
    condensations = [str(_of(row, "id")) for row in rows if _of(row, "kind") == "condense"]
    if len(condensations) < 2:
        return list(rows)
    chosen = str(current) if str(current) in condensations else condensations[0]
    inputs = {str(_of(row, "id")): [str(value) for value in _of(row, "inputs").values()] for row in rows}
    comes_of_another = {pk: pk != chosen for pk in condensations}

    def is_elsewhere(pk: str) -> bool:
        if pk not in comes_of_another:
            comes_of_another[pk] = False  # nothing comes of itself
            comes_of_another[pk] = any(is_elsewhere(parent) for parent in inputs.get(pk, ()))
        return comes_of_another[pk]

    return sorted(rows, key=lambda row: is_elsewhere(str(_of(row, "id"))))


def newest(dataset: Dataset, kind: str) -> Product | None:
    """Return the newest product of a kind that came of the current condensation, else the newest of all."""
    rows = Product.objects.filter(dataset=dataset).order_by("-created_at").values("id", "kind", "inputs")
    ordered = order_by_choice(rows, dataset.current_condensation)
    pk = next((row["id"] for row in ordered if row["kind"] == kind), None)
    return Product.objects.filter(pk=pk).first() if pk else None


def chosen_dry_run(dataset: Dataset) -> Product | None:
    """Return the newest dry run of the frames that the data set consists of."""
    products = Product.objects.filter(dataset=dataset).of_kind("inspect")
    chosen = (item for item in products if item.params.get("dataset_path", "") == dataset.dataset_path)
    return next(chosen, None)


@transaction.atomic
def choose_condensation(*, dataset: Dataset, condensation: UUID | None) -> None:
    """Let all that follows go on from one condensation; None: from the newest."""
    Dataset.objects.filter(pk=dataset.pk).update(current_condensation=condensation)
    dataset.current_condensation = condensation


def _of(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)
