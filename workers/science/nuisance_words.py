"""What the nuisance report says of a cluster, in words, and when it looks like an artefact."""

import numpy as np
from numpy.typing import NDArray

from workers.science.nuisance import Told
from workers.science.nuisance_columns import APPEARANCE, Binned, Nuisance

STRONG = 0.6
"""From here on a nuisance is said to tell a cluster: an AUC of 0.8, from where discrimination is called
excellent (D. Hosmer, S. Lemeshow, R. Sturdivant, Applied Logistic Regression, 2013, chapter 5)."""
_FAINT = 0.2
_MOST_NAMED = 3
_REASONS = 2


def say(binned: Binned, told: Told, counts: NDArray[np.float64], cluster: int) -> str:
    """Say how the frames of a cluster differ from the rest in one nuisance.

    Parameters
    ----------
    binned : Binned
    told : Told
    counts : ndarray of shape (n_bins, c), float64
        Frames of each bin and cluster.
    cluster : int
        Column of `counts`.

    Returns
    -------
    words : str
        Such as "brighter than 92 % of the rest"; empty where it hardly differs.
    """
    strength, shift = told.told[cluster], told.shift[cluster]
    if not strength >= _FAINT:
        return ""
    members = counts[:, cluster]
    rest = counts.sum(axis=1) - members
    if binned.names is not None:
        return _say_categories(binned.names, members, rest)
    if abs(shift) >= 0.8 * strength:
        comparative = binned.nuisance.more if shift > 0 else binned.nuisance.less
        return f"{comparative} than {_percent((1 + abs(shift)) / 2)} of the rest"
    return _say_band(binned, members, rest)


def _say_categories(names: list[str], members: NDArray[np.float64], rest: NDArray[np.float64]) -> str:
    """Name the categories that hold more of the cluster than of the rest, the one with most first."""
    inside, outside = members / members.sum(), rest / rest.sum()
    excess = inside - outside
    order = [int(place) for place in np.argsort(-excess, kind="stable") if excess[place] > 0]
    enough = int(np.searchsorted(np.cumsum(excess[order]), 0.9 * excess[order].sum())) + 1
    chosen = order[:enough]
    named = " and ".join(_listed([names[place] for place in chosen]))
    overall = float((members + rest)[chosen].sum() / (members + rest).sum())
    return (
        f"{_percent(float(inside[chosen].sum()))} from {named}, where {_percent(overall)} of all frames are"
    )


def _listed(names: list[str]) -> list[str]:
    """Return parts of a list in words: a few names, and how many more there are."""
    if len(names) > _MOST_NAMED + 1:
        return [", ".join(names[:_MOST_NAMED]), f"{len(names) - _MOST_NAMED} others"]
    return [", ".join(names[:-1]), names[-1]] if len(names) > 1 else names


def _say_band(binned: Binned, members: NDArray[np.float64], rest: NDArray[np.float64]) -> str:
    """Name the shortest run of bins that holds four fifths of the cluster."""
    inside = np.concatenate([[0], np.cumsum(members)]) / members.sum()
    stops = np.searchsorted(inside, inside[:-1] + 0.8 - 1e-9)
    reachable = np.flatnonzero(stops < len(inside))
    outside = np.concatenate([[0], np.cumsum(rest)]) / rest.sum()
    lost = outside[stops[reachable]] - outside[reachable]
    best = int(reachable[np.argmin(lost)])
    low, high = binned.bounds[best], binned.bounds[stops[best]]
    share, others = inside[stops[best]] - inside[best], outside[stops[best]] - outside[best]
    unit = f" {binned.nuisance.unit}" if binned.nuisance.unit else ""
    span = f"between {_number(low)} and {_number(high)}{unit}"
    return f"{_percent(share)} {span}, where {_percent(others)} of the rest are"


def find_reasons(nuisances: list[Nuisance], told: dict[str, float | None], *, artefact: bool) -> list[str]:
    """Name the nuisances that tell a cluster, the one that tells most first.

    Parameters
    ----------
    nuisances : list of Nuisance
    told : dict of str to float or None
        How well each tells the cluster.
    artefact : bool
        True: those by which it looks like an artefact; False: those by which it is merely sorted.

    Returns
    -------
    names : list of str
        Two at most.
    """
    wanted = [item.name for item in nuisances if (item.kind != APPEARANCE) is artefact]
    strong = [name for name in wanted if (told.get(name) or 0) >= STRONG]
    return sorted(strong, key=lambda name: -(told[name] or 0))[:_REASONS]


def _percent(share: float) -> str:
    """Write a share so that 100 % means all of them."""
    percent = 100 * float(share)
    if percent >= 99.95:
        return "100 %"
    return f"{percent:.1f} %" if percent < 1 or percent > 99 else f"{percent:.0f} %"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1e3 and float(value).is_integer() else f"{value:.4g}"
