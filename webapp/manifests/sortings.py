"""The sortings of a data set side by side, of which one is the current one."""

from dataclasses import dataclass
from typing import Any

from webapp.datasets.classifier_choice import Change, changes_of, classifications_of
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product


@dataclass(frozen=True)
class SortingRow:
    """One sorting, and the classifier that made it."""

    classification: Product
    network: Product
    is_current: bool
    is_foreign: bool

    @property
    def macro_f1(self) -> float | None:
        """The figure of the classifier, on frames of its own data set."""
        return self._metrics.get("macro_f1")

    @property
    def interval(self) -> list[float] | None:
        """Between which values that figure lies."""
        return (self._metrics.get("intervals") or {}).get("macro_f1")

    @property
    def n_labelled(self) -> int | None:
        """How many labels the classifier learned from."""
        return (self.network.facts.get("data") or {}).get("n_labelled")

    @property
    def _metrics(self) -> dict[str, Any]:
        return (self.network.facts.get("figures") or {}).get("metrics") or {}


def sortings_of(dataset: Dataset) -> tuple[list[SortingRow], list[Change]]:
    """Return the sortings of a data set, the newest first, and who chose among them."""
    found, current = classifications_of(dataset), newest(dataset, "classify")
    named = {row.inputs["network"] for row in found}
    networks = {str(row.pk): row for row in Product.objects.filter(pk__in=named).select_related("dataset")}
    rows = [
        SortingRow(row, network, row == current, network.dataset_id != dataset.pk)
        for row in found
        if (network := networks.get(row.inputs["network"])) is not None
    ]
    return rows, changes_of(dataset)
