"""Bring all masks of a detector together, and remember for each pixel why it is masked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.bad_pixels import find_dead_pixels, find_hot_pixels, find_noisy_pixels
from workers.science.condense_recipe import CondenseRecipe
from workers.science.errors import SourceError

# Bits of one byte; the pages give each a colour of its own.
REASONS = {"empty": 1, "file": 2, "dead": 4, "hot": 8, "noisy": 16, "drawn": 32, "hole": 64}


@dataclass(frozen=True)
class Patterns:
    """What the frames of a data set look like together.

    Parameters
    ----------
    mean, peak : ndarray of shape (h, w), float32
        Mean and maximum counts of each pixel; NaN where no frame has a value.
    n_frames : int
        Number of frames behind them.
    variance : ndarray of shape (h, w), float32, optional
        Variance of each pixel over the frames, its largest value left out; NaN where unknown.
    """

    mean: NDArray
    peak: NDArray
    n_frames: int
    variance: NDArray | None = None


@dataclass(frozen=True)
class DrawnMask:
    """A mask that a person drew.

    Parameters
    ----------
    masked : ndarray of shape (h, w), bool
        True = masked.
    words : str
        Whose and which, such as "drawn by vera, version 2".
    """

    masked: NDArray
    words: str


def find_reasons(
    patterns: Patterns, file_mask: NDArray | None, drawn: DrawnMask | None, recipe: CondenseRecipe
) -> tuple[NDArray, list[str]]:
    """Say of each pixel why it is masked, from the file, the statistics and the hand.

    Parameters
    ----------
    patterns : Patterns
        Of the data set.
    file_mask : ndarray of shape (h, w), bool, or None
        True = good.
    drawn : DrawnMask, optional
        What was drawn.
    recipe : CondenseRecipe
        What is to be used.

    Returns
    -------
    reasons : ndarray of shape (h, w), uint8
        Bits of `REASONS`; 0 = good. What the statistics find is looked for among the pixels that are left.
    done : list of str
        What was done, one line a reason.

    Raises
    ------
    SourceError
        If a mask does not have the shape of the frames.
    """
    reasons = np.zeros(patterns.mean.shape, np.uint8)
    done = []
    known_bad = np.zeros(reasons.shape, bool) if file_mask is None else ~file_mask
    # where frames were indexed with the file's mask, its pixels have no values either
    _add(reasons, done, "empty", ~np.isfinite(patterns.mean) & ~known_bad, "no value in any frame")
    if file_mask is None:
        done.append("mask from file: there is none")
    elif recipe.use_file_mask:
        _add(reasons, done, "file", known_bad, "mask from file")
    else:
        done.append(f"mask from file: not used, {int(known_bad.sum()):,} px stay")
    if drawn is not None:
        if drawn.masked.shape != reasons.shape:
            cause = f"is of {drawn.masked.shape} pixels, the frames are of {reasons.shape}"
            raise SourceError(f"The mask {drawn.words}", cause, "Draw it again over these frames")
        _add(reasons, done, "drawn", drawn.masked, drawn.words)
    _add_statistics(reasons, done, patterns, recipe)
    return reasons, done


def _add_statistics(reasons: NDArray, done: list[str], patterns: Patterns, recipe: CondenseRecipe) -> None:
    mean, n_frames = patterns.mean, patterns.n_frames
    valued = np.isfinite(mean)
    if recipe.find_dead:
        _add(reasons, done, "dead", find_dead_pixels(mean, patterns.peak, valued & (reasons == 0), n_frames))
    if recipe.find_hot:
        _add(reasons, done, "hot", find_hot_pixels(mean, valued & (reasons == 0), n_frames))
    if recipe.find_noisy and patterns.variance is None:
        done.append("noisy: not looked for, as the index is older than this search; index again for it")
    elif recipe.find_noisy:
        good = valued & (reasons == 0)
        _add(reasons, done, "noisy", find_noisy_pixels(mean, patterns.variance, good, n_frames))


def _add(reasons: NDArray, done: list[str], name: str, masked: NDArray, words: str = "") -> None:
    reasons[masked] |= REASONS[name]
    n_masked = int(masked.sum())
    if n_masked or name != "empty":
        done.append(f"{words or name}: {n_masked:,} px")


def count_reasons(reasons: NDArray) -> dict[str, int]:
    """Count the pixels of each reason.

    Parameters
    ----------
    reasons : ndarray of shape (h, w), uint8
        From `find_reasons`.

    Returns
    -------
    counts : dict of str to int
        One number for each of `REASONS`; a pixel with two reasons counts for both.
    """
    return {name: int(np.count_nonzero(reasons & bit)) for name, bit in REASONS.items()}
