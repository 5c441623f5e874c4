"""Sort a data set with a network that learned from another one."""

from dataclasses import dataclass

from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.classifier_choice import follow
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle
from webapp.labels.models import ClassScheme
from webapp.labels.selectors import last_event_id
from webapp.labels.services import create_scheme
from webapp.manifests.services import NotReady, manifest_of
from webapp.networks.applicability import Candidate, candidates_for
from webapp.networks.services import classify_frames


@dataclass(frozen=True)
class ClassMatch:
    """Which classes of a network are classes of the data set, by their names, present or former.

    `unknown` are classes that the data set does not have, `missing` those of the data set that the network
    does not know. `has_scheme` is False where the data set has no classes yet.
    """

    shared: list[str]
    unknown: list[str]
    missing: list[str]
    has_scheme: bool

    @property
    def words(self) -> str:
        """What a person should know before sorting with it; empty where all classes agree."""
        if not self.has_scheme:
            return f"No classes were chosen here yet; those of the network would be: {listed(self.unknown)}."
        parts = []
        if self.missing:
            parts.append(f"It does not know {listed(self.missing)}: no frame will be sorted there.")
        if self.unknown:
            parts.append(f"It also sorts into {listed(self.unknown)}, which are no classes of this data set.")
        return " ".join(parts)


@dataclass(frozen=True)
class Offer:
    """A network that is there, whether it fits, and what its classes are here."""

    candidate: Candidate
    match: ClassMatch


@dataclass(frozen=True)
class Reused:
    """What "Sort with this network" asked for."""

    classification: Handle
    manifest: Handle
    match: ClassMatch


def offers_for(dataset: Dataset) -> list[Offer]:
    """Return the classifiers of other data sets of the group, those that fit best first."""
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    return [Offer(one, match_classes(scheme, one.network)) for one in candidates_for(dataset, "train")]


def match_classes(scheme: ClassScheme | None, network: Product) -> ClassMatch:
    """Compare the classes of a network with those of a data set, by name."""
    names = network.facts["classes"]
    if scheme is None:
        return ClassMatch([], list(names), [], False)
    called = {entry["name"]: entry["name"] for entry in scheme.classes}
    for entry in scheme.classes:
        for former in entry.get("former", []):
            called.setdefault(former, entry["name"])
    found = {called[name] for name in names if name in called}
    return ClassMatch(
        shared=[name for name in scheme.names if name in found],
        unknown=[name for name in names if name not in called],
        missing=[entry["name"] for entry in scheme.classes if entry["name"] not in found],
        has_scheme=True,
    )


@transaction.atomic
def sort_with_network(*, dataset: Dataset, network: Product, user: User | None = None) -> Reused:
    """Sort all frames with a classifier of another data set, and write a manifest.

    A data set without classes gets those of the network.
    """
    condensation = newest(dataset, "condense")
    if condensation is None or newest(dataset, "index") is None:
        raise NotReady("The frames are not condensed yet. Sort this data set first.")
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    match = match_classes(scheme, network)
    if scheme is None:
        create_scheme(
            dataset=dataset,
            names=network.facts["classes"],
            exclusive=network.facts["recipe"]["exclusive"],
            excludes=_excludes_of(network),
            single_label=network.facts["single_label"],
        )
    elif not match.shared:
        raise NotReady(
            f"This network sorts into {listed(match.unknown)}: none of these is a class of this data set. "
            "Choose another network, or name your classes alike."
        )
    handle = Handle.of(network)
    classification = classify_frames(
        dataset=dataset, condensation=Handle.of(condensation), network=handle, user=user
    )
    follow(dataset=dataset, classification=classification, user=user)
    manifest = manifest_of(dataset, handle, classification, last_event_id(dataset), user)
    return Reused(classification, manifest, match)


def _excludes_of(network: Product) -> list[list[str]]:
    """Return which classes exclude each other where the network learned."""
    stated = network.facts["recipe"].get("excludes")
    scheme = ClassScheme.objects.filter(dataset=network.dataset_id).first() if stated is None else None
    return scheme.excludes if scheme else stated or []


def listed(names: list[str]) -> str:
    """Return names as a sentence has them, at most six of them one by one."""
    shown = [f"“{name}”" for name in names[:6]]
    if len(names) > 6:
        shown.append(f"{len(names) - 6} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
