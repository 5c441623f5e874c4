"""Writes about manifests, and the supervised end of the line that leads to one."""

from dataclasses import dataclass
from typing import Any

from webapp.accounts.models import User
from webapp.datasets.cluster_names import given_names
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, submit
from webapp.labels.selectors import last_event_id
from webapp.manifests.selectors import newest, what_is_missing
from webapp.networks.services import classify_frames, train_classifier


class NotReady(ValueError):
    """Something has to be there first; the text is for the user."""


@dataclass(frozen=True)
class Sorted:
    """What "Train and sort" asked for."""

    classifier: Handle
    classification: Handle
    manifest: Handle


def write_manifest(
    *,
    dataset: Dataset,
    source: Handle,
    index: Handle,
    clustering: Handle | None = None,
    classification: Handle | None = None,
    measures: Handle | None = None,
    networks: list[Handle] | None = None,
    labels_as_of: int = 0,
    user: User | None = None,
) -> Handle:
    """Ask for the sorted list of all frames, frozen: columns, labels as of an event, provenance."""
    inputs = {"source": source, "index": index, "clustering": clustering, "classification": classification}
    inputs |= {"measures": measures}
    inputs |= {f"network_{place}": network for place, network in enumerate(networks or [])}
    return submit(
        kind="manifest",
        group=dataset.group,
        dataset=dataset,
        inputs={name: handle for name, handle in inputs.items() if handle},
        params={
            "labels_as_of": labels_as_of,
            "dataset": str(dataset.pk),
            **_hits(dataset),
            **_names(clustering),
        },
        user=user,
        title=f"Manifest of {dataset.name}",
    )


def _hits(dataset: Dataset) -> dict[str, float]:
    return {} if dataset.hit_threshold is None else {"hit_threshold": dataset.hit_threshold}


def _names(clustering: Handle | None) -> dict[str, dict[str, str]]:
    """Return what clusters are called now; of those that are still being made nobody knows yet."""
    product = Product.objects.filter(pk=clustering.id).first() if clustering else None
    names = given_names(product) if product else {}
    return {"cluster_names": names} if names else {}


def train_and_sort(
    *, dataset: Dataset, recipe: dict[str, Any] | None = None, seed: int = 0, user: User | None = None
) -> Sorted:
    """Submit a training on the labels, the sorting of all frames by it, and a new manifest."""
    missing = what_is_missing(dataset)
    if missing:
        raise NotReady(missing[0])
    labels_as_of, condensation = last_event_id(dataset), Handle.of(newest(dataset, "condense"))
    common = {"dataset": dataset, "condensation": condensation, "user": user}
    classifier = train_classifier(labels_as_of=labels_as_of, recipe=recipe, seed=seed, **common)
    classification = classify_frames(network=classifier, **common)
    manifest = _manifest_of(dataset, classifier, classification, labels_as_of, user)
    return Sorted(classifier, classification, manifest)


def write_newest_manifest(*, dataset: Dataset, user: User | None = None) -> Handle:
    """Ask for a manifest of the newest products and of all labels there are."""
    if newest(dataset, "index") is None:
        raise NotReady("The frames are not indexed yet. Sort this data set first.")
    classification, classifier = newest(dataset, "classify"), None
    if classification is not None:
        classifier, classification = (
            Handle.of(classification.input("network")),
            Handle.of(classification),
        )
    return _manifest_of(dataset, classifier, classification, last_event_id(dataset), user)


def _manifest_of(
    dataset: Dataset,
    classifier: Handle | None,
    classification: Handle | None,
    labels_as_of: int,
    user: User | None,
) -> Handle:
    source, index, clustering = (newest(dataset, kind) for kind in ("inspect", "index", "cluster"))
    # Found, and not written twice, where the whole line asks for the same: so the same order of networks.
    networks = [Handle.of(clustering.input("network"))] if clustering else []
    return write_manifest(
        dataset=dataset,
        source=Handle.of(_source_of(index) or source),
        index=Handle.of(index),
        clustering=Handle.of(clustering) if clustering else None,
        classification=classification,
        measures=_measures_of(dataset, index),
        networks=[*networks, *([classifier] if classifier else [])],
        labels_as_of=labels_as_of,
        user=user,
    )


def _source_of(index: Product) -> Product | None:
    return Product.objects.filter(pk=index.inputs.get("source")).first()


def _measures_of(dataset: Dataset, index: Product) -> Handle | None:
    """Return what was measured of the frames as they are condensed now, if that is there."""
    measures, condensation = newest(dataset, "measure"), newest(dataset, "condense")
    if measures is None or condensation is None:
        return None
    wanted = {"condensation": str(condensation.pk), "index": str(index.pk)}
    return Handle.of(measures) if wanted.items() <= measures.inputs.items() else None
