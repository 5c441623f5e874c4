"""Labelled frames in memory, as every training of a classifier takes them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workers.science.scale import DEFAULT


@dataclass(frozen=True)
class LabelledFrames:
    """Labelled frames in memory.

    Attributes
    ----------
    condensed : ndarray of shape (m, s, s), uint8
    matrix : ndarray of shape (m, k), bool
    good : ndarray of shape (s, s), bool
        Pixels that carry signal.
    scale_max : float
        Counts at grey level 255.
    classes : list of str
    single_label : bool
    scale : {"log", "sqrt", "none"}
        How counts became grey levels.
    """

    condensed: NDArray[np.uint8]
    matrix: NDArray[np.bool_]
    good: NDArray[np.bool_]
    scale_max: float
    classes: list[str]
    single_label: bool
    scale: str = DEFAULT

    def part(self, rows: NDArray[np.int64]) -> "LabelledFrames":
        """Return some of the frames."""
        return replace(self, condensed=self.condensed[rows], matrix=self.matrix[rows])
