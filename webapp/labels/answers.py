"""What the views that scripts ask have in common."""

from typing import Any

from django.http import JsonResponse

from webapp.datasets.models import Dataset
from webapp.labels.models import ClassScheme
from webapp.labels.naming import LabelError
from webapp.labels.state_cache import CurrentLabels


def require_scheme(dataset: Dataset) -> ClassScheme:
    """Return the classes of a data set, or say where to name them."""
    try:
        return dataset.scheme
    except ClassScheme.DoesNotExist as error:
        words = "This data set has no classes yet. Name them on the Label page first."
        raise LabelError(words) from error


def figures_of(scheme: ClassScheme, labels: CurrentLabels) -> dict[str, Any]:
    """Return how many frames have each class, and how many any."""
    return {"counts": labels.class_counts(scheme.names), "n_labelled": labels.n_labelled}


def refuse(error: str) -> JsonResponse:
    """Answer one line about what was wrong."""
    return JsonResponse({"error": error}, status=400)
