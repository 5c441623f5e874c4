"""What the page of masks and centre draws: the patterns, why pixels are masked, where the beam is."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from django.urls import reverse

from webapp.datasets.models import Dataset
from webapp.datasets.recipes import REASONS, read_geometry
from webapp.jobs.models import Product

LONGEST_SIDE = 1024  # of the pictures of the patterns, which the index step draws


def picture_step(height: int, width: int) -> int:
    """Return how many detector pixels one pixel of a pattern's picture stands for, along a side."""
    return max(1, -(-max(height, width) // LONGEST_SIDE))


@lru_cache(maxsize=8)
def read_reasons(folder: Path) -> np.ndarray | None:
    """Return why pixels are masked, uint8, as large as the pattern's picture, bits of `REASONS`.

    A pixel of the picture has the reasons of all detector pixels that it stands for.
    """
    try:
        with np.load(folder / "geometry.npz", allow_pickle=False) as kept:
            mask = kept["mask"].astype(bool)
            unknown = np.where(mask, 0, REASONS["unknown"][0]).astype(np.uint8)
            reasons = kept["reasons"] if "reasons" in kept.files else unknown
    except (OSError, KeyError, ValueError):
        return None
    step = picture_step(*reasons.shape)
    height, width = (-(-side // step) for side in reasons.shape)
    padded = np.zeros((height * step, width * step), np.uint8)
    padded[: reasons.shape[0], : reasons.shape[1]] = reasons
    return np.bitwise_or.reduce(padded.reshape(height, step, width, step), axis=(1, 3))


def reason_rows(product: Product | None) -> list[dict[str, Any]]:
    """Return name, title and number of pixels of each reason of a plan or a condensation."""
    if product is None:
        return []
    counts = read_geometry(product.folder).get("masked_by", {})
    return [
        {"name": name, "title": title, "n": counts.get(name)}
        for name, (_, title) in REASONS.items()
        if counts.get(name)
    ]


def pattern_facts(dataset: Dataset, index: Product | None, condensation: Product | None) -> dict[str, Any]:
    """Return what the page's script needs."""
    height, width = dataset.height or 0, dataset.width or 0
    geometry = read_geometry(condensation.folder) if condensation else {}
    bits = reverse("datasets:mask-bits", args=[dataset.pk, 0])
    return {
        "height": height,
        "width": width,
        "step": picture_step(height, width),
        "patterns": {
            name: reverse("jobs:product-image", args=[index.pk, f"{name}.png"]) for name in ("mean", "max")
        }
        if index
        else {},
        "reasonsUrl": reverse("datasets:mask-reasons", args=[condensation.pk]) if condensation else "",
        "centre": geometry.get("centre"),
        "crop": geometry.get("crop"),
        "bits": {name: bit for name, (bit, _) in REASONS.items()},
        "saveUrl": reverse("datasets:mask-save", args=[dataset.pk]),
        "bitsUrl": bits.removesuffix("0.bin"),
        "versions": {mask.sha256: mask.version for mask in dataset.masks.all()},
    }
