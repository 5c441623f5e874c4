"""Sort condensed frames with a registered network: into classes, or into the clusters of a clustering."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from workers.science.classifier import Classifier, classify_frames, load_classifier
from workers.science.embed import Embedder, embed_frames, load_embedder
from workers.science.errors import ScienceError
from workers.science.metrics import decide
from workers.science.neighbours import Neighbourhood, vote
from workers.science.network import load_card

MOST_REFERENCES = 50_000
NOISE = "noise"


@dataclass(frozen=True)
class Sorting:
    """What a batch was sorted into.

    Attributes
    ----------
    decision : ndarray of shape (m, k), bool
    probabilities : ndarray of shape (m, k), float32
    """

    decision: NDArray[np.bool_]
    probabilities: NDArray[np.float32]


class Sorter(Protocol):
    """Anything that sorts condensed frames; `names` are the k columns."""

    names: list[str]

    def sort(self, condensed: NDArray[np.uint8]) -> Sorting:
        """Sort frames (m, s, s)."""


class ClassSorter:
    """Sort into the classes of a classifier, exactly as offline.

    Parameters
    ----------
    network : Classifier
    """

    def __init__(self, network: Classifier) -> None:
        self.network, self.names = network, network.classes

    def sort(self, condensed: NDArray[np.uint8]) -> Sorting:
        """Sort frames.

        Parameters
        ----------
        condensed : ndarray of shape (m, s, s), uint8

        Returns
        -------
        sorting : Sorting
        """
        network, probabilities = self.network, classify_frames(condensed, self.network)
        decision = decide(
            probabilities, network.single_label, network.thresholds, network.exclusive, network.excludes
        )
        return Sorting(decision, probabilities)


class ClusterSorter:
    """Sort into the clusters of a clustering, by the vote of the nearest latents that have a cluster.

    No new cluster can come about here; frames that lie far from all that the clustering has seen are noise.

    Parameters
    ----------
    network : Embedder
    active : list of int
        Latents that carry information.
    latents : ndarray of shape (n, d), float32
        Of the frames that were clustered.
    labels : ndarray of shape (n,), int32
        Their clusters, -1 for noise.
    """

    def __init__(
        self, network: Embedder, active: list[int], latents: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> None:
        if len(latents) != len(labels) or not (labels >= 0).any():
            raise ScienceError("Clustering", "there is no cluster to sort into", "Choose another clustering")
        step = -(-len(labels) // MOST_REFERENCES)
        latents, labels = latents[::step], labels[::step]
        # A network of identical frames has no active latent; all are better than none, as for the clustering.
        self.network, self.active = network, active or list(range(latents.shape[1]))
        self.clusters = np.unique(labels[labels >= 0])
        self.names = [f"cluster {cluster}" for cluster in self.clusters] + [NOISE]
        self.columns = np.where(labels >= 0, np.searchsorted(self.clusters, labels), len(self.clusters))
        # As for the clustering itself, each latent counts in its own standard deviations.
        chosen = latents[:, self.active].astype(np.float64)
        self.mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
        self.scale = np.where(spread < 1e-6, np.inf, spread)
        self.known = Neighbourhood((chosen - self.mean) / self.scale)

    def sort(self, condensed: NDArray[np.uint8]) -> Sorting:
        """Sort frames.

        Parameters
        ----------
        condensed : ndarray of shape (m, s, s), uint8

        Returns
        -------
        sorting : Sorting
            The probability of a cluster is its share among the neighbours.
        """
        points = (embed_frames(condensed, self.network)[:, self.active] - self.mean) / self.scale
        distances, found = self.known.nearest(points)
        votes = vote(self.columns[found], len(self.names))
        strange = self.known.is_strange(distances)
        votes[strange] = 0
        votes[strange, -1] = 1
        return Sorting(decide(votes, single_label=True), votes)


def load_sorter(network_dir: str | Path, reference: dict[str, str] | None) -> Sorter:
    """Load a network for sorting.

    Parameters
    ----------
    network_dir : str or Path
        Folder of a classifier or of a FactorVAE.
    reference : dict of str to str, or None
        For a FactorVAE: ``latents`` and ``labels``, the ``.npy`` files of a clustering.

    Returns
    -------
    sorter : Sorter

    Raises
    ------
    ScienceError
        If the network cannot be read, or a FactorVAE comes without a clustering.
    """
    card = load_card(network_dir)
    if card["kind"] == "classifier":
        return ClassSorter(load_classifier(network_dir))
    if reference is None:
        cause = "a FactorVAE alone knows no classes"
        raise ScienceError("Network", cause, "Choose a clustering of its latents, or a classifier")
    latents, labels = (_read(reference[name]) for name in ("latents", "labels"))
    return ClusterSorter(load_embedder(network_dir), card["figures"]["active_latents"], latents, labels)


def _read(path: str) -> NDArray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ScienceError(path, "cannot be read", "Cluster the data set again") from error
