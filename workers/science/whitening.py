"""Directions in which frames differ by more than the views of one frame do.

The scatter between the views of a frame is what nuisances do to the features. In units of that scatter the
directions along which frames differ most are those that tell something else: with every frame a class of its
own, this is the linear discriminant analysis of R. A. Fisher (Ann. Eugenics 7, 179 (1936)), known as relevant
component analysis where only the scatter within is used (N. Shental et al., ECCV 2002).
"""

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

N_DIRECTIONS = 64
"""Directions kept, at most."""
LEVEL = 0.3
"""Added to the scatter between views, as a share of its mean: what nuisances hardly move is not blown up."""
FLOOR = 0.1
"""Added to the spread of a feature, as a share of the greatest one, for the same reason."""


def fit_directions(views: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find the directions.

    Parameters
    ----------
    views : ndarray of shape (n, n_views, n_features), float32
        Features of some frames, each in several views.

    Returns
    -------
    directions : ndarray of shape (n_features, d), float32
        Features times this are `d` numbers, the most telling first, whose scatter between the views of a
        frame is about 1 each, and without correlation.
    """
    n_features = views.shape[2]
    every = views.reshape(-1, n_features).astype(np.float64)
    spread = every.std(axis=0)
    unit = spread + FLOOR * spread.max() + 1e-6
    every = (every - every.mean(axis=0)) / unit
    apart = every.reshape(views.shape)
    apart = (apart - apart.mean(axis=1, keepdims=True)).reshape(-1, n_features)
    within = apart.T @ apart / len(apart)
    within += (LEVEL * np.trace(within) / n_features + 1e-6) * np.eye(n_features)
    total = every.T @ every / len(every)
    n_kept = min(N_DIRECTIONS, n_features)
    # eigh gives the greatest eigenvalues last
    _, axes = scipy.linalg.eigh(total, within, subset_by_index=[n_features - n_kept, n_features - 1])
    axes = axes[:, ::-1]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(n_kept)] < 0, -1.0, 1.0)
    return (axes / unit[:, None]).astype(np.float32)
