"""A clustering as files, and back: what pages read, and the tree from which it can be read anew."""

import json
from pathlib import Path

import numpy as np

from workers.science.cluster import Clustering
from workers.science.density_tree import load_density_tree, save_density_tree
from workers.science.errors import ScienceError

TREE = "density"
"""Folder of the density tree, beside the clusters."""
COLUMNS = ("labels", "probabilities", "outlier_scores")


def save_clustering(found: Clustering, folder: Path) -> None:
    """Write a clustering into an existing, empty folder.

    Parameters
    ----------
    found : Clustering
        Its density tree is written, too, if it has one.
    folder : Path
        Gets ``labels.npy``, ``probabilities.npy``, ``outlier_scores.npy``, ``tree.npz``, ``clusters.json``,
        ``choice.json`` and ``density/``.
    """
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", getattr(found, name))
    np.savez(folder / "tree.npz", **found.tree)
    (folder / "clusters.json").write_text(json.dumps(found.clusters, allow_nan=False), encoding="utf-8")
    (folder / "choice.json").write_text(json.dumps(found.choice, allow_nan=False), encoding="utf-8")
    if found.density:
        (folder / TREE).mkdir()
        save_density_tree(found.density, folder / TREE)


def load_clustering(folder: Path, *, needs_tree: bool = True) -> Clustering:
    """Read what `save_clustering` wrote.

    Parameters
    ----------
    folder : Path
        Of a clustering.
    needs_tree : bool, default=True
        Whether to refuse a clustering of which the density tree was not kept.

    Returns
    -------
    found : Clustering
        Of all frames; its tree and its density tree are those of the frames that were fitted.

    Raises
    ------
    ScienceError
        If a file is missing or damaged, or the clustering is of a time when its tree was not kept.
    """
    try:
        columns = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in COLUMNS}
        with np.load(folder / "tree.npz", allow_pickle=False) as tree:
            rows = dict(tree)
        clusters = json.loads((folder / "clusters.json").read_text(encoding="utf-8"))
        choice = json.loads((folder / "choice.json").read_text(encoding="utf-8"))
    except (OSError, EOFError, ValueError) as error:
        raise ScienceError(
            str(folder), "this clustering is not there as a whole", "Cluster the frames anew"
        ) from error
    density = load_density_tree(folder / TREE) if needs_tree or (folder / TREE).exists() else None
    return Clustering(**columns, tree=rows, clusters=clusters, choice=choice, density=density)
