"""What scripts send, and the data set that it is about: read in one way by the views of all apps."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from webapp.accounts.access import get_for, require_writer
from webapp.datasets.models import Dataset


class SentError(ValueError):
    """Something that cannot be read; the text is for the user."""


def read_json_object(request: HttpRequest) -> dict[str, Any]:
    """Return what was sent, refusing what is no JSON object."""
    try:
        sent = json.loads(request.body)
    except ValueError as error:
        raise SentError("The request is not JSON.") from error
    if not isinstance(sent, dict):
        raise SentError("The request is not a JSON object.")
    return sent


def read_uuid(sent: dict[str, Any], name: str) -> UUID | None:
    """Return the id under a name, None where there is none."""
    value = sent.get(name)
    try:
        return UUID(value) if value else None
    except (TypeError, ValueError, AttributeError) as error:
        raise SentError(f"“{name}” is no id.") from error


def writable_dataset(request: HttpRequest, pk: UUID) -> Dataset:
    """Return a data set that the user may change; 404 to strangers, 403 to viewers."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    require_writer(request.user, dataset.group)
    return dataset
