"""What labels of each class count in a fit, against their imbalance."""

import numpy as np
from numpy.typing import NDArray

MOST = 10.0


def class_weights(matrix: NDArray[np.bool_], single_label: bool) -> NDArray[np.float32]:
    """Return weights against imbalance, the square root of the odds.

    The full odds would let one frame of a rare class outweigh a whole common class.

    Parameters
    ----------
    matrix : ndarray of shape (m, k), bool
    single_label : bool

    Returns
    -------
    weights : ndarray of shape (k,), float32
        For the softmax, of each class, with mean 1 over the frames; else of the positives of each class.
    """
    positives = matrix.sum(axis=0)
    if single_label:
        weights = np.sqrt(len(matrix) / np.maximum(positives, 1))
        weights = weights / weights[matrix.argmax(axis=1)].mean()
    else:
        weights = np.sqrt((len(matrix) - positives) / np.maximum(positives, 1)).clip(1.0, MOST)
    return weights.astype(np.float32)
