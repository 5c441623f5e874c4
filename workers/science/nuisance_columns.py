"""The nuisances of a data set: what is known of each frame that is not the shape of its particle, in bins."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DETECTOR, RECORDING, APPEARANCE = "detector", "recording", "appearance"
FEWEST_BINS, MOST_BINS = 8, 128
MOST_CATEGORIES = 4096  # the longest trains have 2700 pulses
FEWEST_A_CATEGORY = 4  # frames, on average: below that a category names a frame rather than a condition
FEWEST_KNOWN = 20
QUANTILE_ROWS = 200_000


@dataclass(frozen=True)
class Nuisance:
    """A nuisance, and how people speak of it.

    Parameters
    ----------
    name, title, unit : str
        Of the column, of the heading, and what its numbers count.
    kind : {"detector", "recording", "appearance"}
        Whose doing it is: a cluster that the first two tell looks like an artefact, one that the third tells
        is sorted by how bright or large its frames are.
    more, less : str
        What a frame with a larger or smaller number is, before "than"; empty for categories.
    follows : str, default=""
        The nuisance that it is a consequence of: brighter frames saturate more pixels. It then has to tell
        frames apart that are alike in that one.
    only_shift : bool, default=False
        Whether only a shift counts: the centre of dim frames is scattered because they are dim.
    """

    name: str
    title: str
    unit: str
    kind: str
    more: str = ""
    less: str = ""
    follows: str = ""
    only_shift: bool = False

    @property
    def is_category(self) -> bool:
        """Whether its values have no order."""
        return not self.more


NUISANCES = (
    Nuisance("run", "Run", "", RECORDING),
    Nuisance("time", "Time", "", RECORDING, "recorded later", "recorded earlier"),
    Nuisance("cell", "Cell", "", DETECTOR),
    Nuisance("masked_share", "Masked share", "", DETECTOR, "more masked", "less masked", follows="total"),
    Nuisance(
        "saturated_pixels",
        "Saturation",
        "pixels",
        DETECTOR,
        "saturated in more pixels",
        "saturated in fewer pixels",
        follows="total",
    ),
    Nuisance(
        "centre_row",
        "Centre, row",
        "px",
        DETECTOR,
        "centred at a higher row",
        "centred at a lower row",
        only_shift=True,
    ),
    Nuisance(
        "centre_column",
        "Centre, column",
        "px",
        DETECTOR,
        "centred at a higher column",
        "centred at a lower column",
        only_shift=True,
    ),
    Nuisance("total", "Brightness", "counts", APPEARANCE, "brighter", "dimmer"),
    Nuisance("lit_pixels", "Lit pixels", "pixels", APPEARANCE, "lit in more pixels", "lit in fewer pixels"),
    Nuisance("size_estimate", "Size", "1/px", APPEARANCE, "larger", "smaller"),
    Nuisance("radial_q50", "Extent", "px", APPEARANCE, "wider spread", "less widely spread"),
)


@dataclass(frozen=True)
class Binned:
    """A nuisance of all frames, in bins.

    Parameters
    ----------
    nuisance : Nuisance
    codes : ndarray of shape (n,), int16
        The bin of each frame, -1 where it is not known; empty where there is a problem.
    n_bins : int
    names : list of str, or None
        What each bin is called, for categories.
    bounds : ndarray of shape (n_bins + 1,), float64, or None
        Where the bins begin and end, for numbers.
    words : str
        What the values are, such as "train number"; or, of a problem, what is the matter.
    problem : str
        "absent", "unknown", "constant", "scattered", or empty where it can be used.
    known : float
        Share of the frames of which it is known.
    """

    nuisance: Nuisance
    codes: NDArray[np.int16]
    n_bins: int = 0
    names: list[str] | None = None
    bounds: NDArray[np.float64] | None = None
    words: str = ""
    problem: str = ""
    known: float = 0.0


def without(nuisance: Nuisance, problem: str, words: str, known: float = 0.0) -> Binned:
    """Return a nuisance that cannot be used, with what is the matter in words."""
    return Binned(nuisance, np.empty(0, np.int16), problem=problem, words=words, known=known)


def bin_numbers(nuisance: Nuisance, values: NDArray, words: str = "") -> Binned:
    """Sort numbers into bins that hold about as many frames each.

    There are about the square root of n bins, from `FEWEST_BINS` to `MOST_BINS`, fewer where values repeat;
    their bounds are quantiles of a sample where there are very many frames.

    Parameters
    ----------
    nuisance : Nuisance
    values : ndarray of shape (n,)
        NaN or infinite where not known.
    words : str
        What the values are.

    Returns
    -------
    binned : Binned
    """
    good = np.isfinite(values)
    n_known, n = int(np.count_nonzero(good)), len(values)
    share = n_known / max(n, 1)
    if n_known < FEWEST_KNOWN:
        return without(nuisance, "unknown", _too_few(n_known, n), share)
    some = values if n_known == n else values[good]
    low, high = float(some.min()), float(some.max())
    if low == high:
        return without(nuisance, "constant", f"the same in all frames ({low:.6g})", share)
    n_bins = int(np.clip(round(n_known**0.5), FEWEST_BINS, MOST_BINS))
    inner = _bounds(np.sort(some[:: max(1, n_known // QUANTILE_ROWS)]).astype(np.float64), n_bins)
    inner = inner[inner < high]
    if not len(inner):  # nearly all have the largest value
        inner = np.array([some[some < high].max()], np.float64)
    codes = np.searchsorted(inner, values, side="left").astype(np.int16)
    codes[~good] = -1
    bounds = np.concatenate([[low], inner, [high]])
    return Binned(nuisance, codes, len(inner) + 1, bounds=bounds, words=words, known=share)


def _bounds(sample: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Return the upper bounds of bins, from sorted values; a value that fills a bin gets one of its own."""
    levels = np.arange(1, n_bins) / n_bins
    bounds, times = np.unique(sample[np.ceil(levels * len(sample)).astype(int) - 1], return_counts=True)
    first = np.searchsorted(sample, bounds[times > 1], side="left")
    return np.union1d(bounds, sample[first[first > 0] - 1])


def bin_categories(
    nuisance: Nuisance, places: NDArray[np.integer], named: Callable[[int], str], words: str = ""
) -> Binned:
    """Take the values of a category as bins.

    Parameters
    ----------
    nuisance : Nuisance
    places : ndarray of shape (n,), int64
        The category of each frame, -1 where not known.
    named : callable
        What a category is called.
    words : str
        What the categories are.

    Returns
    -------
    binned : Binned
    """
    n = len(places)
    there, codes = np.unique(places, return_inverse=True)
    n_unknown = int(np.count_nonzero(places < 0))
    if n_unknown:
        there, codes = there[1:], codes - 1
    known = 1 - n_unknown / max(n, 1)
    if n - n_unknown < FEWEST_KNOWN:
        return without(nuisance, "unknown", _too_few(n - n_unknown, n), known)
    if len(there) == 1:
        return without(nuisance, "constant", f"the same in all frames ({named(int(there[0]))})", known)
    if len(there) > min(MOST_CATEGORIES, (n - n_unknown) / FEWEST_A_CATEGORY):
        what = f"{len(there)} values in {n - n_unknown} frames, too many to be told apart"
        return without(nuisance, "scattered", what, known)
    names = [named(int(place)) for place in there]
    return Binned(nuisance, codes.astype(np.int16), len(there), names, words=words, known=known)


def _too_few(n_known: int, n: int) -> str:
    return f"known of {n_known} of {n} frames only" if n_known else "not known of any frame"


_RUN = re.compile(r"(?:^|[^a-z])r(?:un)?[ _-]?0*(\d{1,6})(?!\d)", re.IGNORECASE)


def name_runs(sources: list[str]) -> tuple[list[str], str]:
    """Name the run of each source file.

    A run is told by its number in the name of each file, or else of each folder; a file without either is
    taken for a run of its own.

    Parameters
    ----------
    sources : list of str
        Paths of files.

    Returns
    -------
    names : list of str
        One a file; files of a run share it.
    words : str
        What they are: "run" or "file".
    """
    paths = [Path(source) for source in sources]
    for parts in ([path.name for path in paths], [path.parent.name for path in paths]):
        found = [_RUN.search(part) for part in parts]
        if found and all(found):
            return [f"run {match[1]}" for match in found if match], "run, by its number in the names"
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(set(sources)):
        stems = [f"{path.parent.name}/{path.stem}" for path in paths]
    return [f"file {stem}" for stem in stems], "source file, as no run is named"
