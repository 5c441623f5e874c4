"""How much of clusters and latents nuisances explain, from one table of counts a nuisance."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from workers.science.nuisance_columns import Binned

BLOCK = 1 << 16
FEWEST_MEMBERS = 5
LEAST_KNOWN = 0.2
"""Share of the frames of a cluster of which a nuisance has to be known before it says anything."""
N_ERRORS = 2.0
"""Standard errors that are taken off, so that what is left is hardly ever chance."""
MOST_WITHIN = 16


@dataclass(frozen=True)
class Told:
    """How well one nuisance tells, for each cluster, which frames are in it.

    All are of shape (c,), float64; NaN where too few frames of the cluster, or of the rest, are known.

    Attributes
    ----------
    told : ndarray
        ``2 AUC - 1`` of "is in this cluster", less two standard errors: 0 for chance, 1 where it tells all.
    shift : ndarray
        ``2 AUC - 1`` of the number itself: 1 where each frame of the cluster has a larger one than all the
        rest, -1 a smaller one. NaN for categories.
    explained : ndarray
        Share of the variance of membership that its bins explain, without what chance explains.
    """

    told: NDArray[np.float64]
    shift: NDArray[np.float64]
    explained: NDArray[np.float64]


def halve(n: int, seed: int = 0) -> NDArray[np.int8]:
    """Return in which half, 0 or 1, each of `n` frames is.

    At random: every other frame would put all frames of a cell into the same half.
    """
    return np.random.default_rng(seed).integers(0, 2, n, np.int8)


def count_members(
    binned: Binned, places: NDArray[np.integer], n_groups: int, halves: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Count the frames of each half, bin and group.

    Parameters
    ----------
    binned : Binned
    places : ndarray of shape (n,), int
        The group of each frame.
    n_groups : int
    halves : ndarray of shape (n,), int8
        Of `halve`.

    Returns
    -------
    counts : ndarray of shape (2, n_bins, n_groups), float64
        Frames of which the nuisance is not known are left out.
    """
    shape = (2, binned.n_bins, n_groups)
    counts = np.zeros(int(np.prod(shape)), np.int64)
    for start in range(0, len(places), BLOCK):
        rows = slice(start, start + BLOCK)
        codes = binned.codes[rows].astype(np.int64)
        cells = (halves[rows] * np.int64(shape[1]) + codes) * shape[2] + places[rows]
        counts += np.bincount(cells[codes >= 0], minlength=len(counts))
    return counts.reshape(shape).astype(np.float64)


def tell_clusters(binned: Binned, counts: NDArray[np.float64], sizes: NDArray[np.integer]) -> Told:
    """Say how well a nuisance tells membership of each cluster.

    The bins are put into the order of the share of members that one half of the frames has there, and the
    AUC is that of the other half, and the other way round: middle bands and categories count as well as
    extremes, and the order of bins without any association is as often wrong as right.

    Parameters
    ----------
    binned : Binned
    counts : ndarray of shape (2, n_bins, c), float64
        Of `count_members`.
    sizes : ndarray of shape (c,)
        Frames of each cluster.

    Returns
    -------
    told : Told
    """
    both = counts.sum(axis=0)
    members = both.sum(axis=0)
    rest = both.sum() - members
    error = _standard_error(members, rest)
    shift = np.full(len(members), np.nan) if binned.nuisance.is_category else _gini(both)
    learned = np.zeros(len(members)) if binned.nuisance.only_shift else _learned_gini(counts)
    told = np.maximum(learned, np.nan_to_num(np.abs(shift))) - N_ERRORS * error
    hardly = (members < FEWEST_MEMBERS) | (rest < FEWEST_MEMBERS) | (members < LEAST_KNOWN * sizes)
    told, shift = (np.where(hardly, np.nan, values) for values in (np.clip(told, 0, 1), shift))
    explained = np.where(hardly, np.nan, _explained_membership(both))
    return Told(told, shift, explained)


def tell_beyond(
    binned: Binned, cause: Binned, places: NDArray[np.integer], n_groups: int
) -> NDArray[np.float64]:
    """Say how well a nuisance tells frames apart that are alike in another one, of which it is a consequence.

    Parameters
    ----------
    binned, cause : Binned
        Both numbers.
    places : ndarray of shape (n,), int
        The cluster of each frame.
    n_groups : int

    Returns
    -------
    told : ndarray of shape (c,), float64
        As `Told.told`, over the pairs of frames in the same bin of the cause.
    """
    step = -(-binned.n_bins // MOST_WITHIN)
    n_coarse = -(-binned.n_bins // step)
    shape = (cause.n_bins, n_coarse, n_groups)
    counts = np.zeros(int(np.prod(shape)), np.int64)
    for start in range(0, len(places), BLOCK):
        rows = slice(start, start + BLOCK)
        first, second = cause.codes[rows].astype(np.int64), binned.codes[rows].astype(np.int64)
        cells = (first * n_coarse + second // step) * n_groups + places[rows]
        counts += np.bincount(cells[(first >= 0) & (second >= 0)], minlength=len(counts))
    members = counts.reshape(shape).astype(np.float64)
    rest = members.sum(axis=2, keepdims=True) - members
    below = np.cumsum(rest, axis=1) - rest
    wins = (members * (below + rest / 2)).sum(axis=(0, 1))
    n_members, n_rest = members.sum(axis=1), rest.sum(axis=1)
    pairs = (n_members * n_rest).sum(axis=0)
    spread = (n_members * n_rest * (n_members + n_rest + 1) / 12).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.abs(2 * wins / pairs - 1) - N_ERRORS * 2 * np.sqrt(spread) / pairs
    return np.clip(np.where(pairs > 0, found, 0.0), 0, 1)


def explain_latents(nuisances: list[Binned], latents: NDArray[np.float32]) -> NDArray[np.float64]:
    """Say which share of the variance of each latent the bins of each nuisance explain.

    Parameters
    ----------
    nuisances : list of Binned
        Those that can be used.
    latents : ndarray of shape (n, d), float32
        Usually a memory map, read once in blocks.

    Returns
    -------
    explained : ndarray of shape (len(nuisances), d), float64
        Without what chance explains (epsilon squared), and 0 within two standard errors of it. NaN for a
        latent that does not vary.
    """
    d = latents.shape[1]
    sums = [np.zeros((binned.n_bins + 1, 2 * d)) for binned in nuisances]
    counts = [np.zeros(binned.n_bins + 1) for binned in nuisances]
    middle = np.asarray(latents[:BLOCK], np.float64).mean(axis=0) if len(latents) else 0.0
    for rows, values in _blocks(latents):
        values -= middle
        both = np.concatenate([values, values * values], axis=1)
        ends = np.arange(len(values) + 1)
        for at, binned in enumerate(nuisances):
            codes = binned.codes[rows].astype(np.int32)
            codes[codes < 0] = binned.n_bins
            places = (np.ones(len(codes)), codes, ends)
            sums[at] += scipy.sparse.csc_array(places, shape=(binned.n_bins + 1, len(codes))) @ both
            counts[at] += np.bincount(codes, minlength=binned.n_bins + 1)
    pairs = zip(sums, counts, strict=True)
    return np.array([_epsilon(total[:-1, :d], total[:-1, d:], n[:-1]) for total, n in pairs]).reshape(-1, d)


def _blocks(latents: NDArray[np.float32]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    for start in range(0, len(latents), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, np.asarray(latents[rows], np.float64)


def _epsilon(
    sums: NDArray[np.float64], squares: NDArray[np.float64], n: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of variance that lies between bins, (m,), from sums (k, m) and counts (k,).

    The share that chance gives is (k - 1) / (n - 1), exactly and for any distribution of the values; that of
    normal values has a beta distribution. What is within two standard errors of it is 0.
    """
    total, k = n.sum(), np.count_nonzero(n)
    if total <= k + 1:
        return np.full(sums.shape[1], np.nan)
    mean = sums.sum(axis=0) / total
    variance = squares.sum(axis=0) - total * mean**2
    within = squares.sum(axis=0) - (sums**2 / np.maximum(n, 1)[:, None]).sum(axis=0)
    varies = variance > 1e-9 * total * (mean**2 + 1e-3)
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = 1 - within / variance * (total - 1) / (total - k)
    error = np.sqrt(2 * (k - 1) / ((total + 1) * (total - k)))
    explained = np.where(explained > N_ERRORS * error, np.minimum(explained, 1), 0.0)
    return np.where(varies, explained, np.nan)


def _explained_membership(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same of membership, a number that is 0 or 1, from counts (k, c)."""
    return _epsilon(counts, counts, counts.sum(axis=1))


def _standard_error(members: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return that of ``2 AUC - 1`` by chance (H. Mann and D. Whitney, Ann. Math. Stat. 18, 50, 1947)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * np.sqrt((members + rest + 1) / (12 * members * rest))


def _gini(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``2 AUC - 1``, (c,), of bins in ascending order, from counts (k, c)."""
    wins, pairs = _compare(counts, counts.sum(axis=1, keepdims=True) - counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * wins / pairs - 1


def _learned_gini(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return it for bins in the order of their share of members, which the other half of the frames has."""
    both_wins, both_pairs = np.zeros((2, counts.shape[2]))
    for learned, tried in (counts, counts[::-1]):
        n, base = learned.sum(axis=1, keepdims=True), learned.sum(axis=0) / max(learned.sum(), 1)
        order = np.argsort((learned + base) / (n + 1), axis=0, kind="stable")
        rest = tried.sum(axis=1, keepdims=True) - tried
        wins, pairs = _compare(*(np.take_along_axis(values, order, axis=0) for values in (tried, rest)))
        both_wins, both_pairs = both_wins + wins, both_pairs + pairs
    return np.where(both_pairs > 0, 2 * both_wins / np.maximum(both_pairs, 1) - 1, 0.0)


def _compare(
    members: NDArray[np.float64], rest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count pairs of a member and another frame, and in how many the member is in the later bin."""
    below = np.cumsum(rest, axis=0) - rest
    return (members * (below + rest / 2)).sum(axis=0), members.sum(axis=0) * rest.sum(axis=0)
