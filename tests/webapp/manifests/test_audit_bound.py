"""What an audit proves holds however often one looks; and pages and steps select the same frames."""

import numpy as np
import pytest
from scipy.stats import binom

from webapp.manifests.audit_bound import CHANCE, chance_of, frames_needed, purity_interval
from webapp.manifests.promise_chart import draw_chart
from webapp.manifests.promise_recall import exact_interval
from webapp.manifests.promise_rule import promised, scores_of
from workers.science import promise_rule
from workers.science.promise_bounds import binomial_interval

REPEATS = 200
SEED = 880_000


def proves_at_any_time(purity: float, level: float, size: int, seed: int, chance: float) -> bool:
    """Look after every frame, as an impatient person does, and stop as soon as the level seems proved."""
    is_wrong = np.zeros(size, dtype=bool)
    is_wrong[: round(size * (1 - purity))] = True
    seen = np.cumsum(np.random.default_rng(seed).permutation(is_wrong)[:160])
    return any(purity_interval(n, int(seen[n - 1]), size, chance)[0] >= level for n in range(1, 161))


@pytest.mark.parametrize("size", [200, 20_000])
def test_who_looks_after_every_frame_is_misled_no_more_often_than_said(size):
    misled = sum(proves_at_any_time(0.895, 0.9, size, SEED + each, CHANCE) for each in range(REPEATS))
    assert misled <= binom.ppf(0.95, REPEATS, CHANCE)


def test_a_selection_that_is_far_purer_than_asked_is_proved_nearly_always():
    proved = sum(proves_at_any_time(0.995, 0.9, 20_000, SEED + each, 0.04) for each in range(REPEATS))
    assert proved > 0.95 * REPEATS


def test_audits_one_after_another_spend_no_more_than_the_whole_chance():
    chances = [chance_of(turn) for turn in range(1, 60)]
    assert sum(chances) == pytest.approx(CHANCE)
    assert chances == sorted(chances, reverse=True)


def test_seventy_frames_without_an_error_prove_ninety_five_per_cent_of_many():
    assert frames_needed(0.95, 10**6, 0.04) == 70
    assert purity_interval(70, 0, 10**6, 0.04)[0] >= 0.95 > purity_interval(69, 0, 10**6, 0.04)[0]
    assert frames_needed(0.95, 10**6, 0.04, wrong=1) > 140


def test_a_selection_that_is_read_to_the_end_is_known_exactly():
    assert purity_interval(12, 0, 12) == (1.0, 1.0)
    assert purity_interval(12, 3, 12) == (0.75, 0.75)
    assert frames_needed(0.95, 12) == 12
    assert frames_needed(0.95, 100) < 60


def test_before_the_first_frame_nothing_is_known_and_intervals_hold_what_was_seen():
    assert purity_interval(0, 0, 500) == (0.0, 1.0)
    for n, wrong in ((1, 0), (1, 1), (30, 2), (100, 50), (200, 200)):
        low, high = purity_interval(n, wrong, 1000)
        assert 0 <= low <= 1 - wrong / n <= high <= 1


def test_what_can_not_be_proved_any_more_has_no_number():
    assert frames_needed(0.95, 20, wrong=3) is None


@pytest.mark.parametrize(
    ("single", "alone", "groups"),
    [
        (True, [], []),
        (False, [], []),
        (False, ["c"], []),
        (False, ["a", "d"], []),
        (False, [], [["a", "b"], ["b", "d"]]),
        (False, ["c"], [["d", "a", "gone"]]),
        (True, [], [["a", "b"]]),
    ],
)
def test_who_is_selected_is_the_same_in_pages_and_in_the_step(single, alone, groups):
    random, classes = np.random.default_rng(3), ["a", "b", "c", "d"]
    said = random.random((500, 4)).astype(np.float32)
    said[random.random((500, 4)) < 0.05] = np.nan
    rule = {"single_label": single, "exclusive": alone, "excludes": groups}
    of_step = promise_rule.rule_of(classes, single, alone, groups)
    expected = promise_rule.scores_of(said, of_step)
    for column, name in enumerate(classes):
        assert (scores_of(said, classes, name, rule) == expected[:, column]).all()
        limits = [0.6 if each == name else None for each in classes]
        chosen = promise_rule.decide_promised(said, limits, of_step)[:, column]
        assert (promised(said, classes, name, 0.6, rule) == chosen).all()
        assert chosen.any()


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (3, 11), (57, 60), (1, 400)])
def test_the_interval_of_a_recall_is_that_of_clopper_and_pearson(hits, n):
    assert exact_interval(hits, n) == pytest.approx(binomial_interval(hits, n), abs=1e-9)


def test_a_chart_without_a_promise_says_so_and_one_with_has_an_area_within_its_frame():
    assert "No purity" in draw_chart((), 95).words
    chart = draw_chart(((70, 900, 0.98), (90, 700, 0.8), (97, 100, 0.2)), 90)
    assert "900 frames" in chart.words
    numbers = chart.frames.replace("M", " ").replace("L", " ").replace("Z", " ").split()
    assert 0 <= min(map(float, numbers)) <= max(map(float, numbers)) <= chart.width
