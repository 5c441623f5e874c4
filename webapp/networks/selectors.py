"""Reads of trained networks."""

from dataclasses import dataclass
from typing import Any

from webapp.accounts.models import User
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product, ProductQuerySet
from webapp.networks.traversals import nearest_along

KINDS = ("learn", "train")
KIND_WORDS = {"learn": "FactorVAE", "train": "Classifier"}


@dataclass(frozen=True)
class NetworkRow:
    """A network as the list shows it."""

    product: Product

    @property
    def kind(self) -> str:
        """What sort of network it is."""
        return KIND_WORDS[self.product.kind]

    @property
    def figure(self) -> tuple[str, Any]:
        """Return the one figure that tells most, with its name."""
        figures = self.product.facts.get("figures") or {}
        if self.product.kind == "train":
            return "macro-F1", (figures.get("metrics") or {}).get("macro_f1")
        active = figures.get("active_latents")
        return "active latents", None if active is None else len(active)


def networks_of(user: User) -> ProductQuerySet:
    """Return the networks that `user` may see, the newest first."""
    return Product.objects.for_user(user).of_kind(*KINDS).select_related("dataset", "group").distinct()


def newest_learning(dataset: Dataset) -> tuple[Product | None, Job | None]:
    """Return the newest network of a data set, and the training that is under way or failed after it."""
    product = newest(dataset, "learn")
    job = Job.objects.filter(dataset=dataset, kind="learn").first()
    if job and not job.is_active and product and product.created_at > job.created_at:
        job = None
    return product, job


STEPS = ("−2", "−1", "0", "1", "2")
"""Places along a latent, as the step `learn` takes them."""


def traversal_table(product: Product) -> dict[str, Any] | None:
    """Return the frames along each active latent of a FactorVAE, the latent that carries most first."""
    found = product.facts.get("traversals") or nearest_along(product)
    if not found:
        return None
    kl = (product.facts.get("figures") or {}).get("kl_per_latent") or []
    rows = [
        {
            "latent": one["latent"],
            "kl": kl[one["latent"]] if one["latent"] < len(kl) else None,
            "frames": [
                {"step": step, "index": index} for step, index in zip(STEPS, one["frames"], strict=False)
            ],
        }
        for one in found
    ]
    condensation = product.parents.filter(kind="condense").first()
    return {
        "steps": STEPS,
        "rows": sorted(rows, key=lambda row: -(row["kl"] or 0)),
        "drawn": [one["latent"] for one in found],
        "of": condensation and condensation.pk,
    }


def heat_rows(metrics: dict[str, Any], classes: list[str]) -> list[dict[str, Any]]:
    """Return the confusion table with a shade from 0 to 9 for each cell, by the share of its row."""
    rows = []
    for name, counts in zip(classes, metrics.get("confusion") or [], strict=False):
        total = sum(counts)
        cells = [
            {"n": n, "share": n / total if total else None, "shade": round(9 * n / total) if total else 0}
            for n in counts
        ]
        rows.append({"name": name, "cells": cells, "total": total})
    return rows
