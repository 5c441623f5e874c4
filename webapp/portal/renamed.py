"""Which manifests have other names of clusters than people have given since."""

from typing import Any
from uuid import UUID

from django.db.models import Max

from webapp.datasets.cluster_names import given_names
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.jobs.models import Product


def renamed_since(datasets: list[Dataset], products: dict[UUID, list[dict[str, Any]]]) -> set[UUID]:
    """Return the data sets whose manifest has old names; `products` are those that are looked at first.

    One query for all of them, and more only for those where something was done to clusters since.
    """
    acts = ClusterOperation.objects.filter(dataset__in=datasets).order_by().values_list("dataset_id")
    last_acts, found = dict(acts.annotate(last=Max("created_at"))), set()
    for dataset, last in last_acts.items():
        newest: dict[str, dict[str, Any]] = {}
        for row in products[dataset]:
            newest.setdefault(row["kind"], row)
        manifest, clustering = newest.get("manifest"), newest.get("cluster")
        if manifest is None or clustering is None or last <= manifest["created_at"]:
            continue
        names = given_names(Product.objects.get(pk=clustering["id"]))
        if manifest["params"].get("cluster_names", {}) != names:
            found.add(dataset)
    return found
