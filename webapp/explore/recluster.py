"""Read clusters anew from a tree that was kept, or look into one of them."""

from typing import Any

from webapp.accounts.models import User
from webapp.datasets.lineage import choose_clustering
from webapp.explore.clusterings import SETTINGS, root_of, settings_of
from webapp.explore.nuisances import write_report
from webapp.explore.services import read_clusters
from webapp.jobs.models import Product
from webapp.jobs.services import Handle


def cluster_again(
    *, clustering: Product, recipe: dict[str, Any], within: int | None = None, user: User | None = None
) -> Handle:
    """Ask for clusters by other settings, or for the parts of one cluster, and for their nuisance report.

    What was read in the same way before is found, and becomes the current clustering.
    """
    # From the root, wherever one stands: so the same settings are found again and not read twice.
    read = clustering if within is not None else root_of(clustering)
    if within is None and _is_as_found(read, recipe):
        handle = Handle.of(read)
    else:
        handle = read_clusters(dataset=read.dataset, clustering=read, recipe=recipe, within=within, user=user)
    if handle.job is None:
        choose_clustering(dataset=clustering.dataset, clustering=handle.id)
    write_report(origin=read, clustering=handle, user=user)
    return handle


def _is_as_found(root: Product, recipe: dict[str, Any]) -> bool:
    """Whether settings are those that the root was asked for, or those that it chose."""
    asked = root.params.get("recipe", {})
    left_open = (None, "auto")
    own = {name: asked[name] for name in SETTINGS if asked.get(name) not in left_open}
    return recipe in (own, vars(settings_of(root)))
