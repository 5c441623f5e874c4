"""Clusterings of any labels, as the steps leave them, for tests of what follows from them."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from tests.webapp.factories import make_product
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product


def add_clustering(
    dataset: Dataset,
    labels: np.ndarray,
    earlier: Product | None = None,
    params: dict[str, Any] | None = None,
    merged: dict[int, list[int]] | None = None,
    pk: UUID | None = None,
) -> Product:
    """Add a clustering of the data set's latents; `labels` are numbered by size here, noise being -1.

    `merged` says of which clusters of `earlier` one of `labels` was made.
    """
    numbers, sizes = np.unique(labels[labels >= 0], return_counts=True)
    order = numbers[np.argsort(-sizes, kind="stable")]
    renumbered = np.full(len(labels), -1, np.int32)
    for new, old in enumerate(order.tolist()):
        renumbered[labels == old] = new
    source = earlier or dataset.products.filter(kind="cluster").first()
    inputs = {name: source.input(name) for name in ("embedding", "network")}
    inputs |= {"clustering": earlier} if earlier else {}
    entries = []
    for new, old in enumerate(order.tolist()):
        members = np.flatnonzero(renumbered == new)
        entry = {"id": new, "size": len(members), "persistence": 0.4, "mean_probability": 0.8}
        entry |= {"exemplars": members[:8].tolist()}
        if merged and old in merged:
            entry["merged_from"] = sorted(merged[old])
        entries.append(entry)

    def write(out: Path) -> None:
        np.save(out / "labels.npy", renumbered)
        np.save(out / "probabilities.npy", np.where(renumbered >= 0, 0.8, 0).astype(np.float32))
        np.save(out / "outlier_scores.npy", np.full(len(labels), 0.2, np.float32))
        (out / "clusters.json").write_text(json.dumps(entries))

    facts = {"n_clusters": len(entries), "n_noise": int((labels < 0).sum()), "choice": {}}
    return make_product(dataset, "cluster", write, facts, inputs, params, pk=pk)
