"""Paired figures of classifiers on the same frames."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from webapp.networks.paired import FEWEST_RESAMPLES, N_RESAMPLES, Answers, _draws, compare
from workers.science.metrics import macro_f1, multiclass_mcc, score


def made(n=300, k=4, seed=0):
    """Return truth of one class a frame, and probabilities of a good and of a bad network."""
    random = np.random.default_rng(seed)
    truth = np.eye(k, dtype=bool)[random.integers(k, size=n)]
    good = 0.55 * truth + random.dirichlet(np.ones(k), n) * 0.45
    bad = 0.2 * truth + random.dirichlet(np.ones(k), n) * 0.8
    return truth, good, bad


def answers(probabilities):
    k = probabilities.shape[1]
    return Answers(np.eye(k, dtype=bool)[probabilities.argmax(axis=1)], probabilities)


def test_figures_are_those_that_the_science_computes():
    truth, _, bad = made()
    [one, _], _ = compare(truth, [answers(bad), answers(bad)])
    decision = answers(bad).decision
    expected = score(truth, bad, decision, list("abcd"), True)
    assert one.macro_f1.value == pytest.approx(macro_f1(truth, decision), abs=1e-5)
    assert [f.value for f in one.f1] == pytest.approx([r["f1"] for r in expected["per_class"]], abs=1e-3)
    mcc = np.mean([multiclass_mcc(truth[:, [c]], decision[:, [c]]) for c in range(4)])
    assert one.mcc.value == pytest.approx(mcc, abs=1e-5)
    precise = [average_precision_score(truth[:, c], bad[:, c]) for c in range(4)]
    assert [f.value for f in one.ap] == pytest.approx(precise, abs=1e-5)
    assert one.macro_ap.value == pytest.approx(np.mean(precise), abs=1e-5)
    assert one.macro_f1.low < one.macro_f1.value < one.macro_f1.high


def test_average_precision_counts_equal_probabilities_at_once():
    truth = np.array([[True], [False], [True], [False]])
    said = np.array([[0.5], [0.5], [0.5], [0.1]])
    [one, _], _ = compare(truth, [Answers(said > 0.3, said)] * 2)
    assert one.ap[0].value == pytest.approx(average_precision_score(truth[:, 0], said[:, 0]))


def test_a_better_network_is_told_and_the_same_one_is_not_told_apart():
    truth, good, bad = made()
    _, [pair] = compare(truth, [answers(good), answers(bad)])
    assert pair.better == 1
    assert 0 < pair.size.low < pair.size.value < pair.size.high
    _, [turned] = compare(truth, [answers(bad), answers(good)])
    assert turned.better == -1
    assert turned.size.value == pytest.approx(pair.size.value)
    _, [same] = compare(truth, [answers(good), answers(good)])
    assert (same.better, same.difference.low, same.difference.high) == (0, 0, 0)


def test_pairing_tells_apart_what_intervals_of_each_alone_cannot():
    truth, _, bad = made(400)
    slightly = answers(bad)
    better = slightly.decision.copy()
    wrong = np.flatnonzero((better != truth).any(axis=1))[:12]
    better[wrong] = truth[wrong]
    [first, second], [pair] = compare(truth, [Answers(better, bad), slightly])
    assert first.macro_f1.low < second.macro_f1.high, "alone, the intervals overlap"
    assert pair.better == 1


def test_two_equally_good_networks_are_seldom_told_apart():
    told = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        truth = np.eye(3, dtype=bool)[random.integers(3, size=150)]
        both = [0.4 * truth + random.dirichlet(np.ones(3), 150) * 0.6 for _ in range(2)]
        told += compare(truth, [answers(one) for one in both], seed)[1][0].better != 0
    assert told <= 7, "one in twenty is meant"


def test_frames_on_which_one_alone_is_right_are_named():
    truth = np.eye(2, dtype=bool)[[0, 0, 1, 1]]
    first, second = truth.copy(), truth.copy()
    first[0], second[1], second[2] = ~truth[0], ~truth[1], ~truth[2]
    _, [pair] = compare(truth, [Answers(first, first * 1.0), Answers(second, second * 1.0)])
    assert pair.second_alone.tolist() == [0]
    assert pair.first_alone.tolist() == [1, 2]
    assert (pair.n_both, pair.n_neither) == (1, 0)


def test_draws_keep_rare_classes_and_become_fewer_where_frames_are_many():
    truth = np.eye(2, dtype=bool)[np.r_[np.zeros(200, int), 1, 1]]
    weights = _draws(truth, 2, 0)
    assert len(weights) == N_RESAMPLES
    assert (weights[:, 200:].sum(axis=1) == 2).all()
    assert len(_draws(np.ones((20_000, 60), bool), 6, 0)) == FEWEST_RESAMPLES


def test_a_class_that_no_frame_has_gets_no_figure():
    truth, good, _ = made()
    truth, good = np.c_[truth, np.zeros(300, bool)], np.c_[good, np.zeros(300)]
    [one, _], _ = compare(truth, [answers(good)] * 2)
    assert one.f1[4].value is None
    assert one.ap[4].value is None
