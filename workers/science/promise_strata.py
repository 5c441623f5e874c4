"""Labels as fair samples of parts of a selection, under three assumptions on how people chose them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.label_shift import Kinds
from workers.science.promise_bounds import wrong_at_most

LABELS_A_BIN, MOST_BINS = 20, 5
LEAST_SHARE = 0.05  # of a selection, below which clusters are taken together
KINDS, SCORES, CLUSTERS = "kinds", "scores", "clusters"
TOGETHER = -2  # stands for the small clusters of a selection


@dataclass(frozen=True)
class Strata:
    """The parts of selections, a row for each threshold and a column for each part, arrays (j, g).

    `masses` are frames, `likely` the same without what was added for caution, `n` labelled frames, `wrong`
    those of them that the class does not apply to although their score reaches the threshold, `of` what part
    it is.
    """

    masses: NDArray[np.float64]
    likely: NDArray[np.float64]
    n: NDArray[np.int64]
    wrong: NDArray[np.int64]
    of: NDArray[np.int64]

    def wrong_frames(self) -> NDArray[np.float64]:
        """Return the most wrong frames that fit to the labels, (j,)."""
        return wrong_at_most(self.masses, self.n, self.wrong)

    def least_wrong_frames(self) -> NDArray[np.float64]:
        """Return what `wrong_frames` would be if no label were wrong: which thresholds are worth a try."""
        return wrong_at_most(self.masses, self.n, np.zeros_like(self.n))

    def likely_wrong_frames(self) -> NDArray[np.float64]:
        """Return the wrong frames as labels have it, (j,); parts without labels count like the others."""
        is_known = self.n > 0
        found = np.where(is_known, self.likely * self.wrong / np.maximum(self.n, 1), 0.0).sum(axis=1)
        known = np.where(is_known, self.likely, 0.0).sum(axis=1)
        return found * self.likely.sum(axis=1) / np.maximum(known, 1e-9)


@dataclass(frozen=True)
class Selections:
    """The frames of one class above each of some thresholds.

    Attributes
    ----------
    thresholds : ndarray of shape (j,), float32
        From strict to loose.
    sizes : ndarray of shape (j,), int64
        Frames above them.
    scores : ndarray of shape (n,), float32
        Of all frames, falling.
    groups : ndarray of shape (n,), int64
        Their clusters.
    said : ndarray of shape (t,), float32
        Scores of the labelled frames.
    truth : ndarray of shape (t,), bool
    said_groups : ndarray of shape (t,), int64
    """

    thresholds: NDArray[np.float32]
    sizes: NDArray[np.int64]
    scores: NDArray[np.float32]
    groups: NDArray[np.int64]
    said: NDArray[np.float32]
    truth: NDArray[np.bool_]
    said_groups: NDArray[np.int64]

    @property
    def above(self) -> NDArray[np.bool_]:
        """Which labelled frames reach which threshold, (j, t)."""
        return self.said[None, :] >= self.thresholds[:, None]


def by_kind(chosen: Selections, kinds: Kinds, column: int) -> Strata:
    """Take labels for a fair sample of each kind, as of who labels as many frames of each class."""
    others = ~kinds.truth[:, column]
    if kinds.has_rest:
        others[-1] = True  # some of the rare kinds may lack the class
    places = np.flatnonzero(others)
    is_of = kinds.of_label[:, None] == places  # (t, g)
    lacks = is_of & ~chosen.truth[:, None]
    shape = (len(chosen.thresholds), len(places))
    n_frames = len(chosen.scores)
    return Strata(
        np.broadcast_to(kinds.at_most[places] * n_frames, shape),
        np.broadcast_to(kinds.share[places] * n_frames, shape),
        np.broadcast_to(is_of.sum(axis=0), shape),
        chosen.above.astype(np.int64) @ lacks,
        np.broadcast_to(places, shape),
    )


def by_score(chosen: Selections) -> Strata:
    """Take labels for a fair sample of frames with like scores, as of who labels what the network doubts."""
    rows = []
    for size, n_labels in zip(chosen.sizes, chosen.above.sum(axis=1), strict=True):
        n_bins = int(np.clip(n_labels // LABELS_A_BIN, 1, MOST_BINS))
        lowest = chosen.scores[-(-size * np.arange(1, n_bins + 1) // n_bins) - 1]
        edges = np.unique(-lowest)  # of equal scores there is one bin
        counts = np.diff(np.searchsorted(-chosen.scores, edges, side="right"), prepend=0)
        bins = np.searchsorted(edges, -chosen.said, side="left")
        n = np.bincount(bins, minlength=len(edges) + 1)[: len(edges)]
        wrong = np.bincount(bins[~chosen.truth], minlength=len(edges) + 1)[: len(edges)]
        rows.append((counts, n, wrong, np.arange(len(edges))))
    return _stacked(rows)


def by_cluster(chosen: Selections) -> Strata:
    """Take labels for a fair sample of each cluster, as of who labels whole clusters, or some of them."""
    names, places = np.unique(np.concatenate([chosen.groups, chosen.said_groups]), return_inverse=True)
    of_frame, of_label = places[: len(chosen.groups)], places[len(chosen.groups) :]
    rows = []
    for size, above in zip(chosen.sizes, chosen.above, strict=True):
        counts = np.bincount(of_frame[:size], minlength=len(names))
        n = np.bincount(of_label[above], minlength=len(names))
        wrong = np.bincount(of_label[above & ~chosen.truth], minlength=len(names))
        large = np.flatnonzero(counts >= LEAST_SHARE * size)
        row = [column[large] for column in (counts, n, wrong, names)]
        if len(large) < len(names):
            small = np.delete(np.arange(len(names)), large)
            rest = (counts[small].sum(), n[small].sum(), wrong[small].sum(), TOGETHER)
            row = [np.append(column, more) for column, more in zip(row, rest, strict=True)]
        rows.append(tuple(row))
    return _stacked(rows)


def _stacked(rows: list[tuple[NDArray, ...]]) -> Strata:
    width = max((len(row[0]) for row in rows), default=1)
    columns = [
        np.array([np.pad(row[place], (0, width - len(row[place]))) for row in rows]).reshape(-1, width)
        for place in range(4)
    ]
    masses = columns[0].astype(np.float64)
    return Strata(masses, masses, *(column.astype(np.int64) for column in columns[1:]))
