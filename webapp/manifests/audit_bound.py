"""How pure a selection is by an audit of random frames of it: an interval that may be looked at any time.

Frames are drawn without replacement. The interval holds those numbers of right frames in the selection that
make what was seen not much less likely than a mixture does: a ratio that is a martingale if the number is the
true one, so that with confidence 1 - chance it never exceeds 1 / chance, however often one looks and whenever
one stops (I. Waudby-Smith and A. Ramdas, NeurIPS 2020, prior-posterior ratio; J. Ville, 1939). The mixture:
with a weight of `ALL_RIGHT` no frame is wrong, else the share of right frames follows a beta distribution.
"""

from collections.abc import Callable
from functools import lru_cache
from math import exp, inf, lgamma, log

ALL_RIGHT = 0.6
PRIOR = (30.0, 1.0)  # of right and wrong frames
CHANCE = 0.05
FIRST, NEXT = (
    0.8,
    0.2,
)  # shares of the chance that the first audit of a class spends, and each further one of it
MOST_NEEDED = 5000


def chance_of(round_number: int) -> float:
    """Return the chance of an interval that is wrong in the first audit of a class, the second, and so on.

    They add up to `CHANCE`: a person who audits again after a failure does not get more tries for it.
    """
    return CHANCE * FIRST * NEXT ** (round_number - 1)


def purity_interval(n: int, wrong: int, size: int, chance: float = CHANCE) -> tuple[float, float]:
    """Return how pure a selection of `size` frames is, at least and at most, if `wrong` of `n` were wrong."""
    if not n:
        return 0.0, 1.0
    limit = _mixture(n, wrong) + log(chance)  # a count is out where its likelihood is not above this
    right, most = n - wrong, size - wrong
    best = min(max(round(size * right / n), right), most)
    low = _edge(lambda count: _likelihood(count, n, wrong, size) > limit, best, right)
    high = _edge(lambda count: _likelihood(count, n, wrong, size) > limit, best, most)
    return low / size, high / size


def frames_needed(level: float, size: int, chance: float = CHANCE, wrong: int = 0) -> int | None:
    """Return how many frames have to be read for a purity of `level`, if `wrong` are wrong; None: no end."""
    return _frames_needed(level, size, chance, wrong)


@lru_cache(maxsize=4096)
def _frames_needed(level: float, size: int, chance: float, wrong: int) -> int | None:
    least, most = wrong + 1, min(size, MOST_NEEDED)
    if most < least or purity_interval(most, wrong, size, chance)[0] < level:
        return None
    while least < most:
        middle = (least + most) // 2
        if purity_interval(middle, wrong, size, chance)[0] >= level:
            most = middle
        else:
            least = middle + 1
    return most


def _edge(is_inside: Callable[[int], bool], inside: int, end: int) -> int:
    """Return the count nearest to `end` that is inside; all between it and `inside` are."""
    if is_inside(end):
        return end
    while abs(inside - end) > 1:
        middle = (inside + end) // 2
        inside, end = (middle, end) if is_inside(middle) else (inside, middle)
    return inside


def _likelihood(count: int, n: int, wrong: int, size: int) -> float:
    """Return the logarithm of the chance of what was seen, if `count` of `size` frames are right."""
    right = n - wrong
    if count < right or size - count < wrong:
        return -inf
    return _falling(count, right) + _falling(size - count, wrong) - _falling(size, n)


def _falling(count: int, times: int) -> float:
    return lgamma(count + 1) - lgamma(count - times + 1)


def _mixture(n: int, wrong: int) -> float:
    a, b = PRIOR
    mixed = log(1 - ALL_RIGHT) + _beta(a + n - wrong, b + wrong) - _beta(a, b)
    return log(ALL_RIGHT + exp(mixed)) if not wrong else mixed


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
