"""Which sorting of a data set is the current one: a choice that people make, with a log, and undo."""

from dataclasses import dataclass

from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.lineage import choose_classification, newest
from webapp.datasets.models import ClassifierChoice, Dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle

MOST_LISTED = 50


class ChoiceError(ValueError):
    """What was chosen is not there, or there is nothing to take back; the text is for the user."""


def classifications_of(dataset: Dataset) -> list[Product]:
    """Return the sortings of a data set that pages can show, the newest first."""
    condensation = newest(dataset, "condense")
    found = Product.objects.filter(dataset=dataset).of_kind("classify").select_related("created_by")
    return [row for row in found if condensation and row.inputs.get("condensation") == str(condensation.pk)]


@transaction.atomic
def use_again(
    *, dataset: Dataset, classification: Product, user: User | None = None
) -> ClassifierChoice | None:
    """Let pages and manifests follow an earlier sorting; None where it is the current one already."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    if classification not in classifications_of(dataset):
        raise ChoiceError(
            "This sorting is not one of the frames as they are condensed now. Sort again with it."
        )
    current = newest(dataset, "classify")
    if current == classification:
        return None
    choose_classification(dataset=dataset, classification=classification.pk)
    return ClassifierChoice.objects.create(
        dataset=dataset, classification=classification.pk, before=current.pk, created_by=user
    )


@transaction.atomic
def take_back(*, dataset: Dataset, user: User | None = None) -> ClassifierChoice:
    """Go back to what was current before the last choice that still holds."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    last = last_to_undo(dataset)
    if last is None:
        raise ChoiceError(
            "There is nothing to undo: the classifier was not chosen, or another one came since."
        )
    choose_classification(dataset=dataset, classification=last.before)
    return ClassifierChoice.objects.create(
        dataset=dataset,
        classification=last.before,
        before=last.classification,
        undoes=last,
        created_by=user,
    )


def last_to_undo(dataset: Dataset) -> ClassifierChoice | None:
    """Return the last choice that was not taken back, if it is the one that holds."""
    rows = ClassifierChoice.objects.filter(dataset=dataset, undoes=None, undone_by=None)
    last, current = rows.first(), newest(dataset, "classify")
    holds = last is not None and current is not None and last.classification == current.pk
    return last if holds else None


@dataclass(frozen=True)
class Change:
    """One line of the log; `network` is the classifier that became current, None where it is gone."""

    choice: ClassifierChoice
    network: Product | None
    may_undo: bool


def changes_of(dataset: Dataset) -> list[Change]:
    """Return who changed the current classifier, and when; the last first."""
    rows = ClassifierChoice.objects.filter(dataset=dataset).select_related("created_by")[:MOST_LISTED]
    choices, last = list(rows), last_to_undo(dataset)
    sortings = Product.objects.filter(pk__in={choice.classification for choice in choices})
    network_of = {row.pk: row.inputs.get("network") for row in sortings}
    networks = {str(row.pk): row for row in Product.objects.filter(pk__in=filter(None, network_of.values()))}
    return [
        Change(choice, networks.get(network_of.get(choice.classification)), choice == last)
        for choice in choices
    ]


def follow(*, dataset: Dataset, classification: Handle, user: User | None = None) -> None:
    """Make a sorting that somebody asked for the current one, if it was there already.

    One that is yet to be made becomes the current one when it is there.
    """
    if classification.job is not None:
        return
    found = Product.objects.filter(pk=classification.id, dataset=dataset).first()
    if found is not None and found in classifications_of(dataset):
        use_again(dataset=dataset, classification=found, user=user)
