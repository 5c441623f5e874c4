"""Clusters among the latents of a network that learned from another data set: nothing is trained."""

from webapp.accounts.models import User
from webapp.datasets.lineage import choose_clustering, newest
from webapp.datasets.models import Dataset
from webapp.explore.services import draw_map, find_clusters, report_nuisances, write_gallery
from webapp.jobs.models import Product
from webapp.jobs.services import Handle
from webapp.networks.services import embed_frames


class NotCondensed(ValueError):
    """The frames have to be condensed first; the text is for the user."""


def cluster_with_network(*, dataset: Dataset, network: Product, user: User | None = None) -> Handle:
    """Ask for latents by a network that is there, their clusters, map, gallery and nuisance report."""
    condensation, index = newest(dataset, "condense"), newest(dataset, "index")
    if condensation is None or index is None:
        raise NotCondensed("The frames are not condensed yet. Sort this data set first.")
    common = {"dataset": dataset, "user": user}
    handle, frames = Handle.of(network), Handle.of(condensation)
    embedding = embed_frames(condensation=frames, network=handle, **common)
    latents = {"embedding": embedding, "network": handle, **common}
    clustering, drawn = find_clusters(**latents), draw_map(**latents)
    if clustering.job is None:  # found again: it is not the newest, but what was asked for last
        choose_clustering(dataset=dataset, clustering=clustering.id)
    write_gallery(condensation=frames, clustering=clustering, drawn=drawn, **common)
    measures = newest(dataset, "measure")
    if measures is not None:
        parts = {"index": Handle.of(index), "condensation": frames, "measures": Handle.of(measures)}
        report_nuisances(clustering=clustering, **parts, **latents)
    return clustering
