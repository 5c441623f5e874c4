"""One plain verdict for each network: fits, with care, or does not fit the frames of a data set."""

from typing import Any

from workers.science.applicability import Likeness

FITS, CARE, UNFIT = "fits", "care", "unfit"
ALIKE_TO_FIT, ALIKE_TO_TRY = 0.7, 0.45
MOST_LOST = 0.2
"""Of the frames that it got right at home, that it may be expected to get wrong here and still fit."""
MOST_IN_ONE = 0.6
FEWEST = 50
"""Frames of the reference below which their mutual distances say little."""


def judge_fitness(likeness: Likeness, n_reference: int, answers: dict[str, Any] | None) -> dict[str, Any]:
    """Return ``verdict``, ``sentence`` and ``score`` of one network.

    Parameters
    ----------
    likeness : Likeness
        Of the data set's frames and those learned from.
    n_reference : int
        How many those are.
    answers : dict, optional
        Of a classifier: ``expected`` and ``own_right`` (shares of right answers, or None), ``most_common``
        (class and share of the frames that would be called so), ``own_most_common`` (its share at home).

    Returns
    -------
    verdict : dict
        The score, 0 to 1, orders networks: the share of frames that look alike, times the share that is
        expected to be right.
    """
    percent, doubts = round(100 * likeness.alike), _doubts(n_reference, answers)
    expected = answers.get("expected") if answers else None
    score = likeness.alike * (1.0 if expected is None else expected)
    if likeness.alike < ALIKE_TO_TRY:
        verdict = UNFIT
        sentence = f"does not fit: {100 - percent} % of the frames are unlike those it learned from"
    elif likeness.alike < ALIKE_TO_FIT:
        verdict = CARE
        doubts = [f"{100 - percent} % of the frames are unlike those it learned from", *doubts]
        sentence = f"with care: {'; '.join(doubts)}"
    elif doubts:
        verdict = CARE
        sentence = (
            f"with care: {percent} % of the frames look like those it learned from, but {'; '.join(doubts)}"
        )
    else:
        verdict, sentence = FITS, f"fits: {percent} % of the frames look like those it learned from"
    return {"verdict": verdict, "sentence": sentence, "score": round(score, 4)}


def _doubts(n_reference: int, answers: dict[str, Any] | None) -> list[str]:
    found = []
    if n_reference < FEWEST:
        found.append(f"it learned from {n_reference} frames only")
    if answers is None:
        return found
    expected, own = answers.get("expected"), answers.get("own_right")
    if expected is not None and own is not None and expected < own - MOST_LOST:
        found.append(f"it is less sure here: {expected:.0%} expected right, {own:.0%} at home")
    name, share = answers.get("most_common") or ("", 0.0)
    if share > MOST_IN_ONE and share > answers.get("own_most_common", 0.0) + MOST_LOST:
        found.append(f"it would call {share:.0%} of them “{name}”")
    return found


def unseeable(cause: str) -> dict[str, Any]:
    """Return the verdict of a network that cannot see the frames at all."""
    return {"verdict": UNFIT, "sentence": f"does not fit: {cause}", "score": 0.0}
