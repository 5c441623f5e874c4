"""How far people agree who read the same frames without seeing each other's labels."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from webapp.labels.models import LabelEvent
from webapp.labels.readings import Reading

ENOUGH = 20  # frames from which on a kappa is shown

Pair = tuple[int, int]


@dataclass(frozen=True)
class Agreement:
    """What two rows of answers have in common.

    `kappa` is Cohen's (J. Cohen, Educ. Psychol. Meas. 20, 37, 1960): the share of agreement beyond what
    chance would bring; None where there are fewer than `ENOUGH` frames, or no difference was possible.
    """

    n: int
    n_same: int
    kappa: float | None
    n_positive: int = 0

    @property
    def share(self) -> float | None:
        """The share of the frames of which both said the same."""
        return self.n_same / self.n if self.n else None

    @property
    def is_enough(self) -> bool:
        """Whether there are enough frames for a kappa."""
        return self.n >= ENOUGH

    @property
    def words(self) -> str:
        """What a kappa of this size is called (J. R. Landis and G. G. Koch, Biometrics 33, 159, 1977)."""
        if not self.is_enough:
            return f"too few to say: {self.n} of {ENOUGH} frames"
        if self.kappa is None:
            return "both said the same of every frame, so chance cannot be told from skill"
        steps = ((0.8, "almost perfect"), (0.6, "substantial"), (0.4, "moderate"), (0.2, "fair"))
        return next((words for low, words in steps if self.kappa > low), "slight or none")


def compare(first: np.ndarray, second: np.ndarray) -> Agreement:
    """Compare two rows of answers, shape (m,), of any kind that can be told apart."""
    same = int((first == second).sum())
    positive = int((first | second).sum()) if first.dtype == bool else 0
    return Agreement(len(first), same, _kappa(first, second) if len(first) >= ENOUGH else None, positive)


def _kappa(first: np.ndarray, second: np.ndarray) -> float | None:
    kinds, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    shares = [np.bincount(part, minlength=len(kinds)) / len(first) for part in np.split(places.ravel(), 2)]
    by_chance = float((shares[0] * shares[1]).sum())
    if np.isclose(by_chance, 1):
        return None
    return (float((first == second).mean()) - by_chance) / (1 - by_chance)


def pairs_of_people(readings: Iterable[Reading]) -> dict[Pair, list[Pair]]:
    """Return for each two people what they said of each frame that both have read, the lower number first.

    A person's blind reading counts before the label that the person gave. 0 stands for the command line.
    """
    said: dict[int, dict[int, int]] = defaultdict(dict)
    for reading in readings:
        if reading.purpose not in LabelEvent.AUDITS:
            said[reading.frame][reading.user] = reading.mask
    for reading in readings:
        if reading.first_mask is not None and reading.purpose not in LabelEvent.AUDITS:
            said[reading.frame].setdefault(reading.first_by, reading.first_mask)
    found: dict[Pair, list[Pair]] = defaultdict(list)
    for of_frame in said.values():
        for one, other in combinations(sorted(of_frame), 2):
            found[one, other].append((of_frame[one], of_frame[other]))
    return dict(sorted(found.items()))


def own_pairs(readings: Iterable[Reading]) -> dict[int, list[Pair]]:
    """Return for each person what was said first and what again of the frames that came back."""
    found: dict[int, list[Pair]] = defaultdict(list)
    for reading in readings:
        is_own = reading.first_by == reading.user and reading.first_mask is not None
        if is_own and reading.purpose not in LabelEvent.AUDITS:
            found[reading.user].append((reading.first_mask, reading.mask))
    return dict(sorted(found.items()))


def audited(readings: Iterable[Reading]) -> list[Pair]:
    """Return label and blind reading of the audited frames that were labelled."""
    chosen = (r for r in readings if r.purpose == LabelEvent.Purpose.AUDIT and r.first_mask is not None)
    return [(reading.first_mask, reading.mask) for reading in chosen]


def overall(said: list[Pair]) -> Agreement:
    """Compare whole labels: all classes of a frame together."""
    first, second = np.array(said, dtype=np.int64).reshape(-1, 2).T
    return compare(first, second)


def of_class(said: list[Pair], place: int) -> Agreement:
    """Compare whether one class applies."""
    first, second = (np.array(said, dtype=np.int64).reshape(-1, 2).T >> place) & 1 == 1
    return compare(first, second)
