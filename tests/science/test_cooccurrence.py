"""Several classes a frame: what is missed for what, what comes together, and rare classes that fool none."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, matthews_corrcoef

from workers.science.certainty import (
    doubtful_labels,
    intervals,
    reliability_of_classes,
    resamples,
    weighted_average_precision,
)
from workers.science.cooccurrence import co_occurrence, mistaken_for, most_confused, wilson
from workers.science.figures import exclusions
from workers.science.metrics import (
    decide,
    decide_unseen,
    mcc_of_counts,
    multiclass_mcc,
    multiclass_mcc_of_counts,
    score,
)

LAYERED, RARE = 0.0065, -6.9
NAMES = ["Round", "Streak", "Empty", "Layered"]


def simulated(n: int, seed: int, skill: float = 3.0, alone: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Frames with several classes, of which the last is as rare as Layered, and honest probabilities."""
    random, middle = np.random.default_rng(seed), np.array([0.0, -1.0, -1.6, RARE])
    logits = middle * skill / 3 + skill * random.normal(size=(n, 4)) * [1, 1, 1, 0.7]
    probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
    truth = random.random((n, 4)) < probabilities
    if alone:
        truth[truth[:, 2], :2] = False
        truth[truth[:, 2], 3] = False
    return truth, probabilities


def test_classes_that_are_found_beside_each_other_are_not_mistaken_for_each_other():
    truth = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0]], bool)
    decision = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]], bool)
    assert mistaken_for(truth, decision).tolist() == [[2, 0, 1], [0, 1, 1], [0, 0, 0]]


def test_with_one_class_a_frame_it_is_the_confusion_matrix():
    truth, decision = np.eye(2, dtype=bool)[[0, 0, 1]], np.eye(2, dtype=bool)[[0, 1, 1]]
    assert mistaken_for(truth, decision).tolist() == [[1, 1], [0, 1]]
    assert most_confused(truth, decision, ["a", "b"]) == ["a", "b"]
    assert most_confused(truth, truth, ["a", "b"]) is None


def test_co_occurrence_is_of_the_frames_that_have_the_class_in_the_row():
    truth = np.array([[1, 1], [1, 0], [1, 0], [0, 1]], bool)
    table = co_occurrence(truth, np.zeros_like(truth))
    assert table["labelled"][0][1][:2] == [1, 3]
    assert table["labelled"][1][0][:2] == [1, 2]
    assert table["decided"][0][1] == [0, 0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("n", "of", "low", "high"), [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (10, 10, 0.722, 1.0)]
)
def test_intervals_of_shares_are_those_of_wilson(n, of, low, high):
    assert wilson(n, of) == pytest.approx((low, high), abs=1e-3)


def test_figures_from_counts_are_those_of_the_tables():
    truth, probabilities = simulated(500, 0)
    decision = probabilities >= 0.4
    hits, real, claimed = ((one).sum(axis=0).astype(float) for one in (truth & decision, truth, decision))
    for column, value in enumerate(mcc_of_counts(hits, real, claimed, 500)):
        assert value == pytest.approx(matthews_corrcoef(truth[:, column], decision[:, column]), abs=1e-9)
    one, other = np.eye(3, dtype=bool)[np.arange(60) % 3], np.eye(3, dtype=bool)[(np.arange(60) ** 2) % 3]
    counts = [part.sum(axis=0).astype(float) for part in (one & other, one, other)]
    assert multiclass_mcc_of_counts(*counts, 60) == pytest.approx(multiclass_mcc(one, other))


def test_average_precision_of_the_first_draw_is_the_usual_one_even_with_ties():
    random = np.random.default_rng(1)
    truth, said = random.random(300) < 0.2, np.round(random.random(300), 1).astype(np.float32)
    found = weighted_average_precision(truth, said, resamples(truth[:, None], 3, 0))
    assert found[0] == pytest.approx(average_precision_score(truth, said), abs=1e-6)
    assert np.ptp(found) > 0


def test_a_constant_answer_has_a_high_accuracy_on_rare_classes_and_figures_that_do_not_praise_it():
    truth, probabilities = simulated(4000, 3)
    nothing = np.zeros_like(truth)
    assert (truth[:, 3] == nothing[:, 3]).mean() > 0.98
    figures = score(truth, probabilities * 0, nothing, NAMES, False)
    rare = figures["per_class"][3]
    assert (rare["f1"], rare["mcc"], rare["recall"]) == (0.0, 0.0, 0.0)
    assert rare["average_precision"] < 0.02
    assert figures["constant_average_precision"] == pytest.approx(truth.mean(), abs=1e-3)


def test_intervals_of_a_rare_class_are_wide_and_hold_what_many_frames_say():
    truth, probabilities = simulated(200_000, 9)
    assert truth[:, 3].mean() == pytest.approx(LAYERED, rel=0.25)
    of_many = average_precision_score(truth[:, 3], probabilities[:, 3])
    inside, widths = [], []
    for seed in range(30):
        some, said = simulated(3000, 100 + seed)
        found = intervals(some, said >= 0.5, False, probabilities=said)["average_precision"]
        inside.append(found[3][0] <= of_many <= found[3][1])
        widths.append([high - low for low, high in found])
    assert np.mean(inside) > 0.85
    assert np.mean(widths, axis=0)[3] > 3 * np.mean(widths, axis=0)[0]


def test_reliability_of_a_class_needs_enough_answers():
    truth, probabilities = simulated(400, 4, alone=False)
    rows = reliability_of_classes(truth, probabilities, NAMES)
    assert [row["class"] for row in rows] == ["Round", "Streak", "Empty"]
    assert max(row["error"] for row in rows) < 0.12
    assert reliability_of_classes(truth[:40], probabilities[:40], NAMES) == []


def test_no_decision_breaks_the_rule_that_a_class_stands_alone_and_changes_are_counted():
    truth, probabilities = simulated(2000, 5)
    decision = decide_unseen(truth, probabilities, False, [2])
    counted = exclusions(truth, probabilities, decision, [2], [])
    assert counted["broken"] == 0
    together = decide_unseen(truth, probabilities, False)
    assert counted["changed"] == (together != decision).any(axis=1).sum() > 50
    assert exclusions(truth, probabilities, together, [2], [])["broken"] > 50
    assert not (
        decide(probabilities, False, [0.01] * 4, [2])[:, 2]
        & decide(probabilities, False, [0.01] * 4, [2])[:, 0]
    ).any()


def test_of_classes_that_exclude_each_other_the_likelier_stays_and_no_decision_has_both():
    truth, probabilities = simulated(2000, 6)
    decision = decide(probabilities, False, None, [2], [[0, 1], [1, 3]])
    assert not (decision[:, 0] & decision[:, 1]).any()
    assert not (decision[:, 1] & decision[:, 3]).any()
    both = (probabilities[:, :2] >= 0.5).all(axis=1) & ~decision[:, 2]
    likelier = probabilities[both, :2].argmax(axis=1)
    assert both.sum() > 50
    assert decision[np.flatnonzero(both), likelier].mean() > 0.95
    rules = [2], [[0, 1]]
    kept = decide_unseen(truth, probabilities, False, *rules)
    assert exclusions(truth, probabilities, kept, *rules)["broken"] == 0
    assert exclusions(truth, probabilities, decide_unseen(truth, probabilities, False), *rules)["broken"] > 50


def test_one_label_in_ten_that_is_wrong_is_found_better_than_by_the_published_average():
    ours, published = [], []
    for seed in range(4):
        truth, probabilities = simulated(1500, 20 + seed, skill=14.0, alone=False)
        random = np.random.default_rng(seed)
        wrong = random.random(len(truth)) < 0.1
        given = truth.copy()
        given[np.flatnonzero(wrong), random.integers(0, 4, wrong.sum())] ^= True
        order, rank = doubtful_labels(given, probabilities), np.zeros(len(given))
        rank[order] = np.arange(len(order), 0, -1)
        ours.append(average_precision_score(wrong, rank))
        published.append(average_precision_score(wrong, -moving_average(given, probabilities)))
    assert np.mean(ours) > 0.6
    assert np.mean(ours) > np.mean(published)


def moving_average(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The label quality of arXiv:2211.13895: self-confidences from the best to the worst, averaged."""
    ordered = -np.sort(-np.where(truth, probabilities, 1 - probabilities), axis=1)
    found = ordered[:, 0]
    for column in ordered.T[1:]:
        found = 0.8 * column + 0.2 * found
    return found
