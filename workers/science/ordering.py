"""Sort many numbers of 32 bits, several times faster than a stable sort of numpy does."""

import numpy as np
from numpy.typing import NDArray


def stable_order(keys: NDArray) -> NDArray[np.int64]:
    """Return the order in which numbers ascend, equal ones as they stand.

    Parameters
    ----------
    keys : ndarray of shape (n,), uint32 or float32
        Less than 2^32 of them; floats that are not negative, whose bits have their order.

    Returns
    -------
    order : ndarray of shape (n,), int64
        As of a stable argsort.
    """
    # With its place behind it no number occurs twice, so that any sort is a stable one.
    numbered = keys.view(np.uint32).astype(np.uint64) << np.uint64(32)
    numbered |= np.arange(len(keys), dtype=np.uint64)
    numbered.sort()
    numbered &= np.uint64(0xFFFFFFFF)
    return numbered.view(np.int64)
