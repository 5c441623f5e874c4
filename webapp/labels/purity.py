"""How well clusters agree with labels: how many labelled members of each carry its commonest class."""

from dataclasses import dataclass

import numpy as np

from webapp.datasets.columns import NOISE, Columns
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
from webapp.labels.state_cache import CurrentLabels


@dataclass(frozen=True)
class Purity:
    """Of `n_labelled` members `n_agree` carry the class of that name; none where no class applies to any."""

    class_name: str | None
    n_agree: int
    n_labelled: int


def purities_of(columns: Columns, scheme: ClassScheme, labels: CurrentLabels) -> dict[int, Purity]:
    """Return for each cluster with labelled members its commonest class; noise is -1."""
    frames = np.flatnonzero(labels.state.masks != UNSEEN)
    if columns.clusters is None or not frames.size:
        return {}
    masks = np.array(sorted(labels.sizes), dtype=np.int64)
    of_frame = np.searchsorted(masks, labels.state.masks[frames])
    clusters = columns.clusters[frames].astype(np.int64) - NOISE
    n_clusters = int(clusters.max()) + 1
    table = np.bincount(clusters * len(masks) + of_frame, minlength=n_clusters * len(masks))
    table = table.reshape(n_clusters, len(masks))
    bits = masks[:, None] >> np.arange(len(scheme.names)) & 1
    of_class, n_labelled = table @ bits, table.sum(axis=1)
    found = {}
    for place in np.flatnonzero(n_labelled).tolist():
        best = int(of_class[place].argmax()) if scheme.names else 0
        n_agree = int(of_class[place, best]) if scheme.names else 0
        name = scheme.names[best] if n_agree else None
        found[place + NOISE] = Purity(name, n_agree, int(n_labelled[place]))
    return found
