"""What a linear fit on features of shapes begins with, and is pulled towards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prior:
    """A linear layer on features as they come.

    Attributes
    ----------
    slopes : ndarray of shape (k, f), float32
        0 for a class of which nothing is known.
    biases : ndarray of shape (k,), float32
    known : ndarray of shape (k,), bool
    """

    slopes: NDArray[np.float32]
    biases: NDArray[np.float32]
    known: NDArray[np.bool_]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what it says of features (n, f), as logits (n, k)."""
        return features @ self.slopes.T + self.biases

    def on_standardised(
        self, mean: NDArray[np.float32], spread: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return slopes and biases on features of which `mean` was subtracted, divided by `spread`."""
        return self.slopes * spread, self.biases + self.slopes @ mean
