"""Check that labels can be learned from, and hold some of them back for an honest judgement."""

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import TrainingError


def check_learnable(
    matrix: NDArray[np.bool_], classes: list[str], single_label: bool, exclusive: tuple[str, ...]
) -> list[str]:
    """Refuse labels that nothing can be learned from, and tell what is thin.

    Parameters
    ----------
    matrix : ndarray of shape (m, k), bool
    classes : list of str
    single_label : bool
    exclusive : tuple of str
        Classes that stand alone.

    Returns
    -------
    warnings : list of str
        One sentence each, for the user.

    Raises
    ------
    TrainingError
        If there are no labels, only one class, or several classes where one is allowed.
    """
    if len(matrix) < 2:
        cause = "there are no labels" if not len(matrix) else "there is only one labelled frame"
        raise TrainingError("Labels", cause, "Label some frames of every class first")
    unknown = [name for name in exclusive if name not in classes]
    if unknown:
        raise TrainingError("Recipe", f"{unknown[0]!r} is not a class", f"Choose from {', '.join(classes)}")
    n_classes = matrix.sum(axis=1)
    if single_label and (n_classes > 1).any():
        cause = f"{int((n_classes > 1).sum())} frames have several classes, but the scheme allows one"
        raise TrainingError("Labels", cause, "Correct these labels or allow several classes a frame")
    varied = matrix.any(axis=0) & ~matrix.all(axis=0)
    if not varied.any():
        raise TrainingError("Labels", "all frames have the same label", "Label frames of another class too")
    warnings = []
    for name, count in zip(classes, matrix.sum(axis=0).tolist(), strict=True):
        if count == 0:
            warnings.append(f"{name}: no frame has this label, so the network will not find it.")
        elif count == 1:
            warnings.append(f"{name}: one frame has this label, so there is no figure for it.")
        elif count == len(matrix):
            warnings.append(f"{name}: every labelled frame has it, so the network will find it everywhere.")
    for name in exclusive:
        n_mixed = int((matrix[:, classes.index(name)] & (n_classes > 1)).sum())
        if n_mixed:
            warnings.append(f"{name} should stand alone, but {n_mixed} frames have other classes beside it.")
    return warnings


def hold_back(matrix: NDArray[np.bool_], share: float, seed: int) -> NDArray[np.int64]:
    """Choose labelled frames to judge by, so that every class is represented on both sides if possible.

    The rarest class chooses first (after Sechidis et al., ECML PKDD 2011): a frame of a common class can be
    found later, one of a rare class cannot.

    Parameters
    ----------
    matrix : ndarray of shape (m, k), bool
    share : float
        Of each class, rounded, but at least one frame of a class that has two. 0 holds nothing back.
    seed : int

    Returns
    -------
    rows : ndarray of shape (t,), int64
        Sorted.
    """
    order = np.random.default_rng(seed).permutation(len(matrix))
    groups = np.column_stack([matrix, ~matrix.any(axis=1)])  # "none applies" is a group as well
    held = np.zeros(len(matrix), np.bool_)
    if share == 0:
        return np.flatnonzero(held)
    for column in np.argsort(groups.sum(axis=0), kind="stable"):
        members = order[groups[order, column]]
        wanted = max(1, round(share * len(members))) if len(members) > 1 else 0
        for row in members[~held[members]]:
            if held[members].sum() >= wanted:
                break
            left = groups[~held].sum(axis=0) - groups[row]
            held[row] = bool((left[groups[row]] > 0).all())  # never the last frame of a class
    return np.flatnonzero(held)


def folds_of(matrix: NDArray[np.bool_], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Divide labelled frames into parts, so that every class is spread over as many of them as it can be.

    Parameters
    ----------
    matrix : ndarray of shape (m, k), bool
    n_folds : int
        Parts; as many as there are frames, if these are fewer.
    seed : int

    Returns
    -------
    folds : ndarray of shape (m,), int64
        The part of each frame.
    """
    n_folds = min(n_folds, len(matrix))
    order = np.random.default_rng(seed).permutation(len(matrix))
    groups = np.column_stack([matrix, ~matrix.any(axis=1)])
    folds, next_one = np.full(len(matrix), -1), 0
    for column in np.argsort(groups.sum(axis=0), kind="stable"):  # the rarest class is spread first
        free = [row for row in order[groups[order, column]] if folds[row] < 0]
        for row in free:
            folds[row] = next_one % n_folds
            next_one += 1
    return folds


def choose_rows(matrix: NDArray[np.bool_], most: int, seed: int) -> NDArray[np.int64]:
    """Return at most `most` rows, int64 ascending; frames of rare classes are taken before others.

    Whole clusters are labelled by one key: a hundred thousand frames of one class say hardly more than some
    thousands do.
    """
    if len(matrix) <= most:
        return np.arange(len(matrix))
    groups = np.column_stack([matrix, ~matrix.any(axis=1)])
    weights = (groups / np.maximum(groups.sum(axis=0), 1)).max(axis=1)
    random = np.random.default_rng(seed)
    return np.sort(random.choice(len(matrix), most, replace=False, p=weights / weights.sum()))
