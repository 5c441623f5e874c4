"""Which products of a data set belong together: those made from the condensation that people chose."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from webapp.datasets.models import Dataset
from webapp.jobs.models import Product


def order_by_choice(
    rows: Sequence[Any],
    condensation: UUID | None,
    clustering: UUID | None = None,
    classification: UUID | None = None,
) -> list[Any]:
    """Put what came of another condensation, clustering or classification than the current one last.

    `rows` are products of one data set, or their values as dicts, the newest first; else their order stays.
    Without a choice, or where the chosen one is not there (yet), the newest is the current one. The
    classifier of a classification that was chosen is the current one, too.
    """
    elsewhere = _came_of_another(rows, condensation)
    ordered = sorted(rows, key=lambda row: str(_of(row, "id")) in elsewhere)
    for kind, choice in (("cluster", clustering), ("classify", classification)):
        ordered = _chosen_first(ordered, kind, choice, elsewhere)
    return ordered


def _chosen_first(rows: list[Any], kind: str, choice: UUID | None, elsewhere: set[str]) -> list[Any]:
    of_kind = [str(_of(row, "id")) for row in rows if _of(row, "kind") == kind]
    if len(of_kind) < 2:
        return rows
    is_there = str(choice) in of_kind and str(choice) not in elsewhere
    chosen = str(choice) if is_there else of_kind[0]
    network = _network_of(rows, chosen) if kind == "classify" and is_there else None

    def is_of_another(row: Any) -> bool:
        if _of(row, "kind") == kind:
            return str(_of(row, "id")) != chosen
        if _of(row, "kind") == "train":
            return network is not None and str(_of(row, "id")) != network
        used = {str(value) for value in _of(row, "inputs").values()}
        return chosen not in used and not used.isdisjoint(of_kind)

    return sorted(rows, key=is_of_another)


def _network_of(rows: list[Any], classification: str) -> str | None:
    """Return the classifier of a classification, if it is one of the data set's own."""
    inputs = next(_of(row, "inputs") for row in rows if str(_of(row, "id")) == classification)
    own = {str(_of(row, "id")) for row in rows if _of(row, "kind") == "train"}
    network = str(inputs.get("network"))
    return network if network in own else None


def _came_of_another(rows: Sequence[Any], current: UUID | None) -> set[str]:
    """Return the ids of what came of another condensation than the current one."""
    condensations = [str(_of(row, "id")) for row in rows if _of(row, "kind") == "condense"]
    if len(condensations) < 2:
        return set()
    chosen = str(current) if str(current) in condensations else condensations[0]
    inputs = {str(_of(row, "id")): [str(value) for value in _of(row, "inputs").values()] for row in rows}
    comes_of_another = {pk: pk != chosen for pk in condensations}

    def is_elsewhere(pk: str) -> bool:
        if pk not in comes_of_another:
            comes_of_another[pk] = False  # nothing comes of itself
            comes_of_another[pk] = any(is_elsewhere(parent) for parent in inputs.get(pk, ()))
        return comes_of_another[pk]

    return {pk for pk in (str(_of(row, "id")) for row in rows) if is_elsewhere(pk)}


def choices_of(dataset: Dataset) -> tuple[UUID | None, UUID | None, UUID | None]:
    """Return what people chose of a data set, as `order_by_choice` takes it."""
    return dataset.current_condensation, dataset.current_clustering, dataset.current_classification


def newest(dataset: Dataset, kind: str) -> Product | None:
    """Return the newest product of a kind that came of what is current, else the newest of all."""
    rows = Product.objects.filter(dataset=dataset).order_by("-created_at").values("id", "kind", "inputs")
    ordered = order_by_choice(rows, *choices_of(dataset))
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


@transaction.atomic
def choose_clustering(*, dataset: Dataset, clustering: UUID | None) -> None:
    """Let pages show the clusters of one clustering, and the manifest hold them; None: of the newest."""
    Dataset.objects.filter(pk=dataset.pk).update(current_clustering=clustering)
    dataset.current_clustering = clustering


@transaction.atomic
def choose_classification(*, dataset: Dataset, classification: UUID | None) -> None:
    """Let pages and manifests follow one classification and its classifier; None: the newest."""
    Dataset.objects.filter(pk=dataset.pk).update(current_classification=classification)
    dataset.current_classification = classification


def _of(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)
