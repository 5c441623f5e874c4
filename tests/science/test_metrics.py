import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from workers.science.metrics import (
    choose_thresholds,
    decide,
    macro_f1,
    multiclass_mcc,
    precision_recall_f1,
    score,
)


def one_hot(numbers: np.ndarray, n_classes: int) -> np.ndarray:
    return np.eye(n_classes, dtype=bool)[numbers]


@pytest.fixture
def tables() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.random((200, 4)) < [0.8, 0.4, 0.2, 0.05]
    return truth, (truth ^ (rng.random(truth.shape) < 0.2))


def test_macro_f1_agrees_with_sklearn_where_every_class_occurs(tables):
    truth, decision = tables
    assert macro_f1(truth, decision) == pytest.approx(f1_score(truth, decision, average="macro"))


def test_a_class_that_does_not_occur_is_left_out_of_the_mean():
    truth = np.array([[True, False], [True, False]])
    assert macro_f1(truth, truth) == 1.0
    assert macro_f1(np.zeros((2, 2), bool), truth) is None


def test_mcc_agrees_with_sklearn_and_is_zero_for_a_constant_answer():
    rng = np.random.default_rng(1)
    truth, decision = rng.integers(0, 3, 100), rng.integers(0, 3, 100)
    assert multiclass_mcc(one_hot(truth, 3), one_hot(decision, 3)) == pytest.approx(
        matthews_corrcoef(truth, decision)
    )
    assert multiclass_mcc(one_hot(truth, 3), one_hot(np.zeros(100, int), 3)) == 0.0


def test_mcc_of_one_column_is_the_binary_one(tables):
    truth, decision = tables
    assert multiclass_mcc(truth[:, :1], decision[:, :1]) == pytest.approx(
        matthews_corrcoef(truth[:, 0], decision[:, 0])
    )


def test_nothing_found_gives_zero_and_not_nan():
    precision, recall, f1 = precision_recall_f1(np.ones((3, 1), bool), np.zeros((3, 1), bool))
    assert (precision[0], recall[0], f1[0]) == (0, 0, 0)


def test_single_label_decides_for_exactly_one_class():
    probabilities = np.array([[0.2, 0.3, 0.1], [0.0, 0.0, 0.0]], np.float32)
    assert decide(probabilities, True).sum(axis=1).tolist() == [1, 1]


def test_multi_label_decides_by_thresholds_and_may_decide_for_none():
    probabilities = np.array([[0.6, 0.3], [0.4, 0.1]], np.float32)
    assert decide(probabilities, False).tolist() == [[True, False], [False, False]]
    assert decide(probabilities, False, [0.5, 0.25]).tolist() == [[True, True], [False, False]]


def test_an_exclusive_class_stands_alone_or_not_at_all():
    probabilities = np.array([[0.9, 0.6], [0.6, 0.9], [0.7, 0.2]], np.float32)
    decided = decide(probabilities, False, exclusive=[0])
    assert decided.tolist() == [[True, False], [False, True], [True, False]]


def test_not_a_number_is_never_decided_for():
    probabilities = np.full((1, 2), np.nan, np.float32)
    assert not decide(probabilities, True).any()
    assert not decide(probabilities, False).any()


def test_thresholds_move_only_where_enough_frames_speak_for_it():
    truth = np.zeros((60, 2), bool)
    truth[:30, 0] = True
    truth[:4, 1] = True
    probabilities = np.where(truth, 0.3, 0.05).astype(np.float32)
    first, second = choose_thresholds(truth, probabilities)
    assert 0.05 < first <= 0.3
    assert second == 0.5


def test_score_is_plain_json_even_with_absent_classes(tables):
    truth, decision = tables
    truth = truth & [True, True, True, False]
    metrics = score(truth, decision.astype(np.float32), decision, list("ABCD"), False)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    assert metrics["per_class"][3]["support"] == 0
    assert metrics["per_class"][3]["recall"] is None
    assert "accuracy" not in json.dumps(metrics)


def test_perfect_sorting_scores_one_and_beats_the_constant_answer(tables):
    truth, _ = tables
    metrics = score(truth, truth.astype(np.float32), truth, list("ABCD"), False)
    assert metrics["macro_f1"] == metrics["macro_average_precision"] == metrics["mcc"] == 1.0
    assert metrics["constant_macro_f1"] < 0.5


def test_the_constant_answer_scores_what_the_paper_s_class_counts_give():
    # Round and Spherical/Oblate of the 7264 images of CXIDB 94, all else taken as independent and rare
    truth = np.zeros((7264, 11), bool)
    for column, count in enumerate([6589, 5792, 796, 460, 453, 390, 367, 242, 218, 211, 47]):
        truth[:count, column] = True
    truth[:, 2:] = np.roll(truth[:, 2:], 3000, axis=0)
    metrics = score(truth, truth.astype(np.float32), truth, [f"c{i}" for i in range(11)], False)
    assert metrics["constant_macro_f1"] == pytest.approx(0.167, abs=0.003)
