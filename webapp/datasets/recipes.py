"""The recipe of condensing as people see it: in words, and the condensations that came of it."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from webapp.datasets.models import Dataset, Mask
from webapp.jobs.models import ACTIVE, Job, Product

SCALES = {"log": "logarithm", "sqrt": "square root", "none": "none, in proportion"}
SWITCHES = {
    "use_file_mask": "the mask of the file",
    "find_dead": "dead pixels",
    "find_hot": "hot pixels",
    "find_noisy": "noisy pixels",
}
REASONS = {
    "empty": (1, "No value in any frame"),
    "file": (2, "Mask of the file"),
    "dead": (4, "Dead"),
    "hot": (8, "Hot"),
    "noisy": (16, "Noisy"),
    "drawn": (32, "Drawn"),
    "hole": (64, "Hole about the beam"),
    "unknown": (128, "Masked before reasons were kept"),
}


@dataclass(frozen=True)
class Version:
    """One condensation of a data set."""

    product: Product
    words: str
    is_current: bool
    n_children: int

    @property
    def bytes(self) -> int:
        """What its files take."""
        return _bytes(self.product.pk)


@lru_cache(maxsize=256)
def _bytes(condensation: UUID) -> int:
    """Add up once: a product never changes."""
    files = Product.objects.values_list("files", flat=True).get(pk=condensation)
    return sum(file.get("size", 0) for file in files.values())


def recipe_words(recipe: dict[str, Any], masks: dict[str, Mask]) -> str:
    """Say in words how a recipe differs from the default one; `masks` by their SHA-256."""
    parts = []
    if size := recipe.get("size"):
        parts.append(f"{size} × {size} px")
    if bins := recipe.get("bin"):
        parts.append(f"bin {bins} × {bins}")
    if crop := recipe.get("crop"):
        parts.append(f"crop {crop:g} px")
    if (scale := recipe.get("scale", "log")) != "log":
        parts.append(f"scale {scale}")
    if top := recipe.get("scale_max"):
        parts.append(f"255 = {top:,.4g} counts")
    if percentile := recipe.get("scale_percentile"):
        parts.append(f"255 at percentile {percentile:g}")
    if recipe.get("centre_row") is not None:
        parts.append(f"centre ({recipe['centre_row']:.1f}, {recipe['centre_column']:.1f})")
    parts += [f"without {words}" for name, words in SWITCHES.items() if recipe.get(name) is False]
    if drawn := recipe.get("drawn_mask"):
        mask = masks.get(drawn)
        parts.append(f"drawn mask, version {mask.version}" if mask else "a drawn mask that is gone")
    if radius := recipe.get("hole_radius"):
        parts.append(f"hole of {radius:g} px")
    return ", ".join(parts) or "all chosen automatically"


def versions_of(dataset: Dataset) -> list[Version]:
    """Return the condensations of a data set, the newest first."""
    products = list(
        Product.objects.filter(dataset=dataset).of_kind("condense").select_related("created_by", "job")
    )
    masks = {mask.sha256: mask for mask in dataset.masks.all()}
    ids = [product.pk for product in products]
    current = dataset.current_condensation if dataset.current_condensation in ids else next(iter(ids), None)
    used = Product.objects.filter(parents__in=ids).values_list("parents", flat=True)
    n_children = {pk: list(used).count(pk) for pk in ids}
    return [
        Version(
            item, recipe_words(item.params.get("recipe", {}), masks), item.pk == current, n_children[item.pk]
        )
        for item in products
    ]


def at_work(dataset: Dataset, *kinds: str) -> list[Job]:
    """Return the newest job of each kind, if it has not ended or has failed since the newest product."""
    jobs = []
    for kind in kinds:
        job = Job.objects.filter(dataset=dataset, kind=kind).first()
        newest = Product.objects.filter(dataset=dataset).of_kind(kind).only("created_at").first()
        if job and (
            job.state in ACTIVE or (job.error and not (newest and newest.created_at > job.created_at))
        ):
            jobs.append(job)
    return jobs


@lru_cache(maxsize=64)
def read_geometry(folder: Path) -> dict[str, Any]:
    """Return what ``geometry.json`` of a plan or a condensation says; empty where it cannot be read."""
    try:
        return json.loads((folder / "geometry.json").read_text())
    except (OSError, ValueError):
        return {}
