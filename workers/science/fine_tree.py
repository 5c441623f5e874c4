"""A condensed tree finer than the clusters, from which a page reads others while a slider moves.

Of a condensed tree with some least size follow those with every greater one: a split counts where both
parts reach the greater size, else the smaller part leaves where it split off.
"""

from pathlib import Path

import numpy as np

from workers.science.cluster import Clustering
from workers.science.hierarchy import condense, link

FILE = "fine.npz"
SMALLEST = 5
MOST_PARTS = 2000


def save_fine_tree(found: Clustering, folder: Path) -> None:
    """Write the condensed tree of the same spanning tree with a small least size.

    Parameters
    ----------
    found : Clustering
        As read from its density tree as a whole; nothing is written of one without.
    folder : Path
        Gets ``fine.npz``: ``parent``, ``birth``, ``size`` of the parts, ``cluster`` and ``leaves_at`` of the
        fitted points, as of `Condensed`, and ``least``, the least size: one part in 2000 of the points, at
        least 5, and no more than the clusters were read with.
    """
    if found.density is None or "min_samples" not in found.choice:
        return
    n_points = len(found.density.points)
    least = min(max(SMALLEST, n_points // MOST_PARTS), found.choice["min_cluster_size"])
    condensed = condense(link(found.density.connect(found.choice["min_samples"])), least)
    np.savez(
        folder / FILE,
        parent=condensed.parent,
        birth=condensed.birth,
        size=condensed.size,
        cluster=condensed.cluster,
        leaves_at=condensed.leaves_at.astype(np.float32),
        least=np.int64(least),
    )
