"""The promise of purity that a manifest is asked for with."""

from collections.abc import Mapping
from typing import Any

from webapp.datasets.models import Dataset


def promise_from(dataset: Dataset, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the promise that the fields of `promise.html` ask for; None where they ask for none."""
    return None
