"""Intervals that hold, probabilities that are honest, and labels that fits doubt."""

import numpy as np
import pytest

from workers.science.certainty import doubtful_labels, intervals, reliability
from workers.science.metrics import macro_f1


def _drawn(n: int, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, n)
    said = np.where(random.random(n) < right, truth, random.integers(0, 3, n))
    return np.eye(3, dtype=bool)[truth], np.eye(3, dtype=bool)[said]


def test_the_figure_of_many_frames_lies_within_nearly_all_intervals_of_few():
    truth, decision = _drawn(100_000, 0.7, 99)
    of_many = macro_f1(truth, decision)
    found = [intervals(*_drawn(120, 0.7, seed), single_label=True)["macro_f1"] for seed in range(60)]
    inside = [low <= of_many <= high for low, high in found]
    assert np.mean(inside) > 0.85
    assert np.mean([high - low for low, high in found]) < 0.25


def test_more_frames_make_intervals_narrower_and_a_class_that_is_not_there_has_none():
    few, many = (intervals(*_drawn(n, 0.8, 1), single_label=True) for n in (60, 2000))
    assert few["mcc"][1] - few["mcc"][0] > 2 * (many["mcc"][1] - many["mcc"][0])
    truth, decision = _drawn(60, 0.8, 1)
    truth = np.column_stack([truth, np.zeros(60, bool)])
    decision = np.column_stack([decision, np.zeros(60, bool)])
    assert intervals(truth, decision, single_label=False)["f1"][3] is None


def test_honest_probabilities_lie_on_the_diagonal_and_boasting_ones_do_not():
    random = np.random.default_rng(0)
    said = random.random((20_000, 1)).astype(np.float32)
    truth = random.random((20_000, 1)) < said
    bins, error = reliability(truth, said)
    assert len(bins) == 10
    assert sum(row["n"] for row in bins) == 20_000
    assert error < 0.02
    boasting = np.where(said > 0.5, 0.99, 0.01).astype(np.float32)
    assert reliability(truth, boasting)[1] > 0.15


def test_bins_of_a_handful_are_left_out():
    bins, _ = reliability(np.ones((12, 1), bool), np.array([[0.95]] * 8 + [[0.15]] * 4, np.float32))
    assert [row["n"] for row in bins] == [8]


@pytest.mark.parametrize("n_classes", [2, 4])
def test_wrong_labels_are_doubted_first(n_classes: int):
    random = np.random.default_rng(0)
    kinds = random.integers(0, n_classes, 200)
    probabilities = np.full((200, n_classes), 0.05, np.float32)
    probabilities[np.arange(200), kinds] = 0.9
    truth = np.eye(n_classes, dtype=bool)[kinds]
    wrong = [7, 90, 133]
    truth[wrong] = np.roll(truth[wrong], 1, axis=1)
    assert sorted(doubtful_labels(truth, probabilities)) == wrong
