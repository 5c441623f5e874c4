"""Where what a job has made is looked at; the pages lie in apps above, so they are named, not imported."""

from django.urls import reverse

from webapp.jobs.models import Product

PAGES = {
    "inspect": "portal:dataset-detail",
    "index": "portal:dataset-detail",
    "condense": "portal:dataset-detail",
    "measure": "portal:dataset-detail",
    "cluster": "explore:dataset-clusters",
    "project": "explore:dataset-clusters",
    "embed": "explore:dataset-clusters",
    "nuisance": "explore:dataset-clusters",
    "classify": "manifests:dataset-classify",
    "applicability": "manifests:dataset-classify",
    "file-labels": "labels:dataset-label",
    "manifest": "manifests:dataset-download",
    "gallery": "manifests:dataset-download",
}


def result_url(product: Product) -> str:
    """Return the address of the page that shows a product; empty where none does."""
    if product.kind == "label-file":
        return reverse("labels:label-file", args=[product.pk])
    if product.kind in ("learn", "train"):
        return reverse("networks:network-detail", args=[product.pk])
    if product.kind == "explain" and product.dataset_id is not None:
        return (
            reverse("explore:frame-detail", args=[product.dataset_id, product.params["frame"]]) + "#why-title"
        )
    page = PAGES.get(product.kind)
    if page is None or product.dataset_id is None:
        return ""
    shown = f"?clustering={product.pk}" if product.kind == "cluster" else ""
    return reverse(page, args=[product.dataset_id]) + shown
