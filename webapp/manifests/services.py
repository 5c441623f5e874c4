"""Writes about manifests, and the supervised end of the line that leads to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webapp.accounts.models import User
from webapp.datasets.classifier_choice import follow
from webapp.datasets.cluster_names import given_names
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, submit
from webapp.labels.selectors import last_event_id
from webapp.manifests.files import DEFAULT, needs_condensed
from webapp.manifests.frozen import ManifestColumns, manifest_columns
from webapp.manifests.promise_jobs import ask_for_promise
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
    condensation: Handle | None = None,
    networks: list[Handle] | None = None,
    labels_as_of: int = 0,
    user: User | None = None,
    scope: dict[str, Any] | None = None,
    formats: Sequence[str] = DEFAULT,
    promise: dict[str, Any] | None = None,
) -> Handle:
    """Ask for the sorted list of frames, frozen: columns, labels as of an event, provenance.

    `scope` names the frames, all of them if it is None; `formats` are those of `files`; `promise` decides of
    classes instead of the network's own rule. Who asks for the same again gets what is there.
    """
    inputs = {"source": source, "index": index, "clustering": clustering, "classification": classification}
    inputs |= {"measures": measures, "condensation": condensation}
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
            **_wishes(scope, formats, promise),
        },
        user=user,
        title=f"Manifest of {dataset.name}",
    )


def _hits(dataset: Dataset) -> dict[str, float]:
    return {} if dataset.hit_threshold is None else {"hit_threshold": dataset.hit_threshold}


def _wishes(
    scope: dict[str, Any] | None, formats: Sequence[str], promise: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what is asked for beyond the usual: what is not said there has its name and key as before."""
    formats = sorted(set(formats))
    wishes = {"scope": scope, "promise": promise, "formats": formats if formats != sorted(DEFAULT) else None}
    return {name: value for name, value in wishes.items() if value is not None}


def _names(clustering: Handle | None) -> dict[str, dict[str, str]]:
    """Return what clusters are called now; of those that are still being made nobody knows yet."""
    product = Product.objects.filter(pk=clustering.id).first() if clustering else None
    names = given_names(product) if product else {}
    return {"cluster_names": names} if names else {}


def train_and_sort(
    *,
    dataset: Dataset,
    recipe: dict[str, Any] | None = None,
    seed: int = 0,
    start_from: Handle | None = None,
    user: User | None = None,
) -> Sorted:
    """Submit a training on the labels, the sorting of all frames by it, and a new manifest."""
    missing = what_is_missing(dataset)
    if missing:
        raise NotReady(missing[0])
    labels_as_of, condensation = last_event_id(dataset), Handle.of(newest(dataset, "condense"))
    common = {"dataset": dataset, "condensation": condensation, "user": user}
    settings = {"labels_as_of": labels_as_of, "recipe": recipe, "seed": seed, "start_from": start_from}
    classifier = train_classifier(**settings, **common)
    classification = classify_frames(network=classifier, **common)
    follow(dataset=dataset, classification=classification, user=user)
    clustering = newest(dataset, "cluster")
    ask_for_promise(
        dataset=dataset,
        classification=classification,
        clustering=Handle.of(clustering) if clustering else None,
        user=user,
    )
    manifest = manifest_of(dataset, classifier, classification, labels_as_of, user)
    return Sorted(classifier, classification, manifest)


def write_newest_manifest(
    *,
    dataset: Dataset,
    user: User | None = None,
    scope: dict[str, Any] | None = None,
    formats: Sequence[str] = DEFAULT,
    promise: dict[str, Any] | None = None,
) -> Handle:
    """Ask for a manifest of the newest products and of all labels there are."""
    if newest(dataset, "index") is None:
        raise NotReady("The frames are not indexed yet. Sort this data set first.")
    classification, classifier = newest(dataset, "classify"), None
    if classification is not None:
        classifier, classification = (
            Handle.of(classification.input("network")),
            Handle.of(classification),
        )
    wishes = {"scope": scope, "formats": formats, "promise": promise}
    return manifest_of(dataset, classifier, classification, last_event_id(dataset), user, **wishes)


def newest_columns(dataset: Dataset, promise: dict[str, Any] | None = None) -> ManifestColumns | None:
    """Return the columns that a manifest would have that is asked for now; None before there is an index."""
    index = newest(dataset, "index")
    if index is None:
        return None
    found = {"index": index, "clustering": newest(dataset, "cluster")}
    found |= {"classification": newest(dataset, "classify"), "measures": _measures_of(dataset, index)}
    inputs = {name: product for name, product in found.items() if product is not None}
    return manifest_columns(dataset, inputs, threshold=dataset.hit_threshold, promise=promise)


def manifest_of(
    dataset: Dataset,
    classifier: Handle | None,
    classification: Handle | None,
    labels_as_of: int,
    user: User | None,
    **wishes: Any,
) -> Handle:
    """Ask for a manifest of the newest products, and of a sorting that may still be made."""
    source, index, clustering = (newest(dataset, kind) for kind in ("inspect", "index", "cluster"))
    measures = _measures_of(dataset, index)
    # Found, and not written twice, where the whole line asks for the same: so the same order of networks.
    networks = [Handle.of(clustering.input("network"))] if clustering else []
    needed = needs_condensed(wishes.get("formats", DEFAULT))
    condensation = newest(dataset, "condense") if needed else None
    return write_manifest(
        dataset=dataset,
        source=Handle.of(_source_of(index) or source),
        index=Handle.of(index),
        clustering=Handle.of(clustering) if clustering else None,
        classification=classification,
        measures=Handle.of(measures) if measures else None,
        condensation=Handle.of(condensation) if condensation else None,
        networks=[*networks, *([classifier] if classifier else [])],
        labels_as_of=labels_as_of,
        user=user,
        **wishes,
    )


def _source_of(index: Product) -> Product | None:
    return Product.objects.filter(pk=index.inputs.get("source")).first()


def _measures_of(dataset: Dataset, index: Product) -> Product | None:
    """Return what was measured of the frames as they are condensed now, if that is there."""
    measures, condensation = newest(dataset, "measure"), newest(dataset, "condense")
    if measures is None or condensation is None:
        return None
    wanted = {"condensation": str(condensation.pk), "index": str(index.pk)}
    return measures if wanted.items() <= measures.inputs.items() else None
