"""Writes about clusterings and maps."""

from typing import Any

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, submit


def find_clusters(
    *,
    dataset: Dataset,
    embedding: Handle,
    network: Handle,
    recipe: dict[str, Any] | None = None,
    seed: int = 0,
    user: User | None = None,
) -> Handle:
    """Ask for the clusters of the latents."""
    return submit(
        kind="cluster",
        group=dataset.group,
        dataset=dataset,
        inputs={"embedding": embedding, "network": network},
        params={"recipe": recipe or {}, "seed": seed},
        user=user,
    )


def read_clusters(
    *,
    dataset: Dataset,
    clustering: Product,
    recipe: dict[str, Any],
    within: int | None = None,
    merge: list[list[int]] | None = None,
    user: User | None = None,
) -> Handle:
    """Ask for clusters read anew from the tree of a clustering, for the parts of one, or for some as one."""
    inputs = {"clustering": clustering, **{name: clustering.input(name) for name in ("embedding", "network")}}
    return submit(
        kind="recluster",
        group=dataset.group,
        dataset=dataset,
        inputs={name: Handle.of(product) for name, product in inputs.items()},
        params={"recipe": recipe, "within": within} | ({"merge": merge} if merge else {}),
        user=user,
    )


def draw_map(
    *, dataset: Dataset, embedding: Handle, network: Handle, seed: int = 0, user: User | None = None
) -> Handle:
    """Ask for the map: two coordinates for each frame."""
    return submit(
        kind="project",
        group=dataset.group,
        dataset=dataset,
        inputs={"embedding": embedding, "network": network},
        params={"recipe": {}, "seed": seed},
        user=user,
    )


def write_gallery(
    *, dataset: Dataset, condensation: Handle, clustering: Handle, drawn: Handle, user: User | None = None
) -> Handle:
    """Ask for the gallery: map and exemplars in one HTML file that needs no portal."""
    return submit(
        kind="gallery",
        group=dataset.group,
        dataset=dataset,
        inputs={"condensation": condensation, "clustering": clustering, "map": drawn},
        params={"title": dataset.name},
        user=user,
    )


def report_nuisances(
    *,
    dataset: Dataset,
    index: Handle,
    condensation: Handle,
    measures: Handle,
    embedding: Handle,
    network: Handle,
    clustering: Handle,
    user: User | None = None,
) -> Handle:
    """Ask for the nuisance report: how much of each cluster and latent is run, cell, brightness, ..."""
    inputs = {"index": index, "condensation": condensation, "measures": measures}
    inputs |= {"embedding": embedding, "network": network, "clustering": clustering}
    return submit(kind="nuisance", group=dataset.group, dataset=dataset, inputs=inputs, user=user)
