"""Join the modules of a detector on train and pulse id, since each can miss some of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError

_PULSE_BITS = 20  # up to 2700 pulses in a train
_MOST_IN_TRAIN = 10_000


@dataclass(frozen=True)
class Missed:
    """What one module does not have."""

    trains: list[int]
    n_frames: int


@dataclass(frozen=True)
class Joined:
    """Frames of all modules together.

    Parameters
    ----------
    train_ids : ndarray of shape (n_trains,), int64
        Increasing; trains in which at least one module has a frame.
    counts : ndarray of shape (n_trains,), int64
        Frames of each train.
    by_module : dict of int to ndarray
        Frames that each module has of each train.
    """

    train_ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    by_module: dict[int, NDArray[np.int64]]

    def missed_by(self, module: int) -> Missed:
        """Say which trains a module misses, and how many frames."""
        has = self.by_module.get(module)
        if has is None:
            return Missed(self.train_ids.tolist(), int(self.counts.sum()))
        return Missed(self.train_ids[has == 0].tolist(), int((self.counts - has).sum()))


def join_modules(rows: dict[int, tuple[NDArray, NDArray]], subject: str) -> Joined:
    """Join modules.

    Parameters
    ----------
    rows : dict of int to tuple of ndarray
        For each module the train id and the pulse id of each of its frames.
    subject : str
        What an error names.

    Returns
    -------
    joined : Joined
        The union over the modules.

    Raises
    ------
    SourceError
        If there is no frame, or if a pulse id cannot be one.
    """
    train_ids = _unique(np.concatenate([_unique(trains.astype(np.int64)) for trains, _ in rows.values()]))
    if not len(train_ids):
        raise SourceError(
            subject, "holds no frame (0 frames)", "Choose another run, or wait until it is written"
        )
    keys: dict[int, NDArray] = {}
    union = np.zeros(0, np.int64)
    for module, (trains, pulses) in rows.items():
        if len(pulses) != len(trains) or not _are_pulses(pulses):
            raise SourceError(subject, f"module {module} has impossible pulse ids", "Choose another run")
        if len(trains) and int(trains.astype(np.int64).min()) < 0:
            raise SourceError(subject, f"module {module} has impossible train ids", "Choose another run")
        number = np.searchsorted(train_ids, trains.astype(np.int64))
        keys[module] = _unique(number << _PULSE_BITS | pulses.astype(np.int64))
        if not np.array_equal(keys[module], union):
            union = _unique(np.concatenate([union, keys[module]]))
    counts = _count(union, len(train_ids))
    if int(counts.max()) > _MOST_IN_TRAIN:
        cause = f"claims {counts.max()} frames in one train, more than can be true"
        raise SourceError(subject, cause, "Choose another run")
    return Joined(
        train_ids,
        counts,
        {module: _count(key, len(train_ids)) for module, key in keys.items()},
    )


def _are_pulses(values: NDArray) -> bool:
    if not len(values):
        return True
    return values.dtype.kind in "iu" and int(values.min()) >= 0 and not int(values.max()) >> _PULSE_BITS


def _unique(values: NDArray[np.int64]) -> NDArray[np.int64]:
    # np.unique puts integers into a hash table, in which these keys collide: a minute for 10^6 frames
    ordered = np.sort(values)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def _count(keys: NDArray, n_trains: int) -> NDArray[np.int64]:
    return np.bincount(keys >> _PULSE_BITS, minlength=n_trains)
