"""What a random particle is built like, in words: those of the same words are of one family."""

import numpy as np
from numpy.typing import NDArray

ALONE = ""
"""Of a particle that is like no other."""
SPHERE = "sphere"
"""Solid, and round to the last digit."""
NEARLY_EQUAL = 0.9
"""Shortest axis over the longest from which nobody would say that they differ."""
ACROSS_DEG, ALONG_DEG = 8, 65
"""Tilt against the detector up to which an axis counts as across the beam, and from which as along it."""


def one_body(
    axes: NDArray[np.float64], exponents: tuple[float, float], turn: NDArray[np.float64], inside: float
) -> str:
    """Return the words of a body with something inside.

    Parameters
    ----------
    axes : ndarray of shape (3,), float64
        Half axes; the third one is that of symmetry if the first two are equal.
    exponents : tuple of float
        Of the superquadric, along that axis and around it.
    turn : ndarray of shape (3, 3), float64
        Takes places (across, across, along the beam) to coordinates of the body.
    inside : float
        Density of a core, where the body has 1.
    """
    if axes.min() == axes.max() and exponents == (1.0, 1.0) and inside == 1:
        return SPHERE
    words = ["one", _proportions(axes), *(_edges(value) for value in exponents), _interior(inside)]
    has_axis = words[1] in ("flat", "long") or (words[1] == "equal" and exponents != (1.0, 1.0))
    return " ".join([*words, _tilt(turn)] if has_axis else words)


def two_bodies(
    axes: NDArray[np.float64],
    exponents: tuple[float, float],
    along_beam: float,
    gap: float,
    ratio: float,
) -> str:
    """Return the words of two bodies.

    Parameters
    ----------
    axes, exponents
        Of the first, as of `one_body`.
    along_beam : float
        How much of the direction from one to the other is along the beam, -1 to 1.
    gap, ratio : float
        Distance of their middles, and size of the second, in half axes of the first.
    """
    is_round = exponents == (1.0, 1.0)
    place = "beside" if abs(along_beam) < 0.3 else "behind" if abs(along_beam) > 0.95 else "slanting"
    meeting = "apart" if gap > 0.9 * (1 + ratio) else "touching"
    return " ".join(["two", _proportions(axes), "round" if is_round else "edged", place, meeting])


def in_company(words: str) -> str:
    """Return the words of a particle with another one of its sort far behind it."""
    return f"{words} in company" if words != ALONE else ALONE


def _proportions(axes: NDArray[np.float64]) -> str:
    if axes.min() / axes.max() > NEARLY_EQUAL:
        return "equal"
    if axes[0] != axes[1]:
        return "uneven"
    return "flat" if axes[2] < axes[0] else "long"


def _edges(exponent: float) -> str:
    return "boxy" if exponent < 0.5 else "round" if exponent <= 1 else "pointed"


def _interior(inside: float) -> str:
    return "solid" if inside == 1 else "hollow" if inside < 1 else "core"


def _tilt(turn: NDArray[np.float64]) -> str:
    tilt = np.degrees(np.arcsin(min(abs(turn[2, 2]), 1.0)))
    return "across" if tilt < ACROSS_DEG else "tilted" if tilt < ALONG_DEG else "along"
