"""The whole line at once: submit all jobs that lead from a source to a sorted manifest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from webapp.accounts.models import User
from webapp.datasets.classifier_choice import follow
from webapp.datasets.lineage import choose_clustering, newest
from webapp.datasets.models import Dataset
from webapp.datasets.services import condense_frames, index_frames, inspect_source, measure_frames
from webapp.explore.clusterings import root_of
from webapp.explore.services import draw_map, find_clusters, report_nuisances, write_gallery
from webapp.jobs.services import Handle
from webapp.labels.selectors import last_event_id, n_labelled
from webapp.manifests.files import DEFAULT, needs_condensed
from webapp.manifests.promise_jobs import ask_for_promise
from webapp.manifests.services import write_manifest
from webapp.networks.services import classify_frames, embed_frames, learn_patterns, train_classifier


@dataclass(frozen=True)
class Recipe:
    """How a data set is to be sorted; an empty part means the default of that step."""

    seed: int = 0
    condense: dict[str, Any] = field(default_factory=dict)
    learn: dict[str, Any] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """The products of one pass along the line, there already or in the making."""

    source: Handle
    index: Handle
    condensation: Handle
    measures: Handle
    network: Handle
    embedding: Handle
    clustering: Handle
    map: Handle
    gallery: Handle
    report: Handle
    classifier: Handle | None
    classification: Handle | None
    promise: Handle | None
    manifest: Handle

    @property
    def handles(self) -> list[Handle]:
        """All products, in the order in which they are made."""
        return [handle for handle in vars(self).values() if handle is not None]


def sort_dataset(
    *,
    dataset: Dataset,
    recipe: Recipe | None = None,
    user: User | None = None,
    formats: Sequence[str] = DEFAULT,
) -> Line:
    """Submit all that is left between the source and the manifest; what is there is found."""
    recipe = recipe or Recipe()
    Dataset.objects.filter(pk=dataset.pk).update(is_draft=False)
    common = {"dataset": dataset, "user": user}
    source = inspect_source(**common)
    index = index_frames(source=source, **common)
    condensation = condense_frames(source=source, index=index, recipe=recipe.condense, **common)
    measures = measure_frames(source=source, index=index, condensation=condensation, **common)
    network = learn_patterns(condensation=condensation, recipe=recipe.learn, seed=recipe.seed, **common)
    embedding = embed_frames(condensation=condensation, network=network, **common)
    latents = {"embedding": embedding, "network": network, "seed": recipe.seed, **common}
    clustering = current_reading(dataset, find_clusters(recipe=recipe.cluster, **latents))
    drawn = draw_map(**latents)
    gallery = write_gallery(condensation=condensation, clustering=clustering, drawn=drawn, **common)
    report = report_nuisances(
        index=index,
        condensation=condensation,
        measures=measures,
        embedding=embedding,
        network=network,
        clustering=clustering,
        **common,
    )
    labels_as_of = last_event_id(dataset)
    classifier = classification = promise = None
    if labels_as_of and n_labelled(dataset):
        classifier, classification = sort_by_labels(
            dataset=dataset, condensation=condensation, recipe=recipe, labels_as_of=labels_as_of, user=user
        )
        follow(dataset=dataset, classification=classification, user=user)
        promise = ask_for_promise(classification=classification, clustering=clustering, **common)
    manifest = write_manifest(
        source=source,
        index=index,
        clustering=clustering,
        classification=classification,
        measures=measures,
        condensation=condensation if needs_condensed(formats) else None,
        formats=formats,
        networks=[handle for handle in (network, classifier) if handle],
        labels_as_of=labels_as_of,
        **common,
    )
    return Line(
        source=source,
        index=index,
        condensation=condensation,
        measures=measures,
        network=network,
        embedding=embedding,
        clustering=clustering,
        map=drawn,
        gallery=gallery,
        report=report,
        classifier=classifier,
        classification=classification,
        promise=promise,
        manifest=manifest,
    )


def current_reading(dataset: Dataset, found: Handle) -> Handle:
    """Return what people have read from the clusters that were found, or these, which become current."""
    current = newest(dataset, "cluster")
    if found.job or current is None:
        return found
    if root_of(current).pk == found.id:
        return Handle.of(current)
    choose_clustering(dataset=dataset, clustering=found.id)
    return found


def sort_by_labels(
    *, dataset: Dataset, condensation: Handle, recipe: Recipe, labels_as_of: int, user: User | None = None
) -> tuple[Handle, Handle]:
    """Submit the training on the labels, and the sorting of all frames by what it learned."""
    common = {"dataset": dataset, "condensation": condensation, "user": user}
    classifier = train_classifier(labels_as_of=labels_as_of, recipe=recipe.train, seed=recipe.seed, **common)
    return classifier, classify_frames(network=classifier, **common)
