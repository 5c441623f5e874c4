"""Real frames along each latent, for networks whose card does not name them: found among their latents."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from webapp.jobs.models import Product

MOST_COMPARED = 100_000
PLACES = (-2, -1, 0, 1, 2)
"""In standard deviations along one latent, the others in the middle."""


def nearest_along(network: Product) -> list[dict[str, Any]]:
    """Return `{"latent", "frames"}` for each active latent, as a card has them; empty without latents."""
    active = (network.facts.get("figures") or {}).get("active_latents")
    embeddings = Product.objects.filter(dataset=network.dataset_id, kind="embed")
    embedding = embeddings.filter(inputs__network=str(network.pk)).first() if network.dataset_id else None
    if not active or embedding is None:
        return []
    try:
        return _nearest(embedding.folder, tuple(active))
    except (OSError, ValueError, IndexError):  # the latents are gone, or of another network
        return []


@lru_cache(maxsize=32)
def _nearest(folder: Path, active: tuple[int, ...]) -> list[dict[str, Any]]:
    latents = np.load(folder / "latents.npy", mmap_mode="r", allow_pickle=False)
    step = -(-len(latents) // MOST_COMPARED)
    points = np.asarray(latents[::step])[:, list(active)].astype(np.float64)
    spread = points.std(axis=0)
    points = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)
    lengths = np.square(points).sum(axis=1)
    return [
        {
            "latent": latent,
            # Of |x - s e|² only what depends on the frame.
            "frames": [step * int(np.argmin(lengths - 2 * place * points[:, at])) for place in PLACES],
        }
        for at, latent in enumerate(active)
    ]
