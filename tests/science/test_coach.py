"""The label coach: power laws that find what they were made of, and projections that come near the truth."""

import numpy as np
import pytest

from workers.science.coach import FEWEST, advise, run_fits
from workers.science.label_curve import fit_laws
from workers.science.metrics import decide, macro_f1
from workers.science.stand_in import StandIn

CENTRES = 2.2 * np.random.default_rng(5).normal(size=(4, 12)) / np.sqrt(12) * 2


def drawn(n: int, seed: int, wide: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clouds in 12 dimensions around four centres; class `wide` is spread twice as far."""
    random = np.random.default_rng(seed)
    kinds = np.arange(n) % 4
    spread = np.where(kinds == wide, 2.2, 1.1)[:, None]
    points = CENTRES[kinds] + spread * random.normal(size=(n, 12))
    return points.astype(np.float32), np.eye(4, dtype=bool)[kinds]


def coached(n: int, seed: int, single_label: bool = True) -> dict:
    points, truth = drawn(n, seed)
    runs = run_fits(points, truth, single_label, ([], []), seed)
    return advise(runs, truth, list("abcd"))


def realised(n: int, seed: int) -> float:
    points, truth = drawn(n, seed)
    asked, known = drawn(4000, seed + 1000)
    stand_in = StandIn(np.concatenate([points, asked]), np.concatenate([truth, known]), True)
    said = stand_in.learn(np.arange(n), np.arange(n, n + len(asked)))
    return macro_f1(known, decide(said, True))


def test_laws_find_the_powers_that_points_were_made_of():
    own = np.array([[4, 4], [8, 8], [16, 16], [8, 16], [16, 8], [32, 32]], float)
    others = own[:, ::-1]
    f1 = 1 - (0.05 + 0.6 * own**-0.5 + np.array([0.0, 0.2]) * others**-0.5)
    laws = fit_laws(own, others, f1, np.array([True, True]))
    assert laws.exponent == 0.5
    assert laws.own == pytest.approx([0.6, 0.6], abs=1e-6)
    assert laws.others == pytest.approx([0, 0.2], abs=1e-6)
    assert laws.f1(np.array([64.0, 64.0]), np.array([64.0, 64.0]))[0] == pytest.approx(0.875, abs=1e-6)


def test_more_labels_never_do_harm_whatever_the_points_say():
    own = np.array([[4.0], [8], [16]])
    laws = fit_laws(own, own, np.array([[0.9], [0.7], [0.5]]), np.array([True]))
    sizes = np.geomspace(4, 400, 20)
    curve = [laws.f1(np.array([n]), np.array([n]))[0] for n in sizes]
    assert (np.diff(curve) >= 0).all()


def test_the_gain_that_is_told_of_twice_the_labels_lies_nearer_to_the_truth_than_none():
    told, true = [], []
    for seed in range(6):
        found = coached(40, seed)
        told.append(found["doubled"]["gain"])
        true.append(realised(80, seed) - realised(40, seed))
    assert abs(np.mean(told) - np.mean(true)) < 0.5 * np.mean(true)
    assert np.mean(true) > 0.02


def test_intervals_of_twice_the_labels_hold_what_comes_true():
    inside = []
    for seed in range(8):
        low, high = coached(48, seed)["doubled"]["interval"]
        inside.append(low <= realised(96, seed) <= high)
    assert np.mean(inside) >= 0.75


def test_a_class_that_scatters_is_put_before_one_that_is_told_already():
    before = []
    for seed in range(4):
        order = [row["class"] for row in coached(48, seed)["classes"]]
        before.append(order.index("a"))
    assert np.mean(before) < 1.5


def test_of_a_class_with_a_handful_of_labels_nothing_is_told_and_it_stands_first():
    points, truth = drawn(60, 0)
    keep = np.flatnonzero(~truth[:, 2] | (np.cumsum(truth[:, 2]) <= FEWEST - 1))
    runs = run_fits(points[keep], truth[keep], True, ([], []), 0)
    found = advise(runs, truth[keep], list("abcd"))
    assert found["classes"][0] == {"class": "c", "n": FEWEST - 1}


def test_where_two_classes_cannot_be_told_apart_more_labels_hardly_help_and_both_are_named():
    random = np.random.default_rng(0)
    kinds = np.arange(160) % 3
    points = (np.where(kinds == 2, 0, kinds)[:, None] * 8 + random.normal(size=(160, 6))).astype(np.float32)
    truth = np.eye(3, dtype=bool)[kinds]
    runs = run_fits(points, truth, True, ([], []), 0)
    found = advise(runs, truth, ["Layered", "Streak", "Spherical"])
    assert not found["helps"]
    assert found["confused"] == ["Layered", "Spherical"]


def test_several_classes_a_frame_are_told_as_well():
    random = np.random.default_rng(1)
    truth = random.random((120, 3)) < [0.5, 0.3, 0.08]
    points = (2 * truth @ np.eye(3, 8) + 0.8 * random.normal(size=(120, 8))).astype(np.float32)
    runs = run_fits(points, truth, False, ([], []), 0)
    found = advise(runs, truth, list("abc"))
    assert 0.5 < found["doubled"]["now"] <= found["doubled"]["macro_f1"] <= 1
    assert [point["labels"] for point in found["points"]] == sorted(
        point["labels"] for point in found["points"]
    )


def test_a_stand_in_says_one_half_between_frames_with_a_class_and_without_however_rare_it_is():
    random = np.random.default_rng(2)
    truth = np.zeros((400, 2), bool)
    truth[:12, 0], truth[100:300, 1] = True, True
    points = (3 * truth @ np.eye(2, 6) + random.normal(size=(400, 6))).astype(np.float32)
    said = StandIn(points, truth, False).learn(np.arange(0, 400, 2), np.arange(1, 400, 2))
    of_rare = said[:6, 0]
    assert (of_rare > 0.5).mean() >= 0.8
    assert (said[6:, 0] > 0.5).mean() < 0.1
