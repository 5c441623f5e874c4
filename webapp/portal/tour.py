"""The tour: on which data set it goes, and where its pages are; its words are in `tour.mjs`."""

from dataclasses import dataclass

from django.urls import reverse

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.portal.demo import NAME
from webapp.portal.line import PLACES


@dataclass(frozen=True)
class Tour:
    """A data set to be shown, and the addresses of its pages by step."""

    dataset: Dataset
    urls: dict[str, str]
    is_demo: bool


def tour_for(user: User) -> Tour | None:
    """Return a tour on the demo data, or else on the newest data set that has clusters; None without any."""
    datasets = Dataset.objects.for_user(user).filter(is_draft=False, products__kind="cluster").distinct()
    datasets = datasets.only("id", "name", "created_at").order_by("-created_at")
    dataset = datasets.filter(name=NAME).first() or datasets.first()
    if dataset is None:
        return None
    urls = {place.name: reverse(place.route, args=[dataset.pk]) for place in PLACES}
    return Tour(dataset, urls, is_demo=dataset.name == NAME)
