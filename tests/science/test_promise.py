"""Promises that are kept, over many repetitions, however people chose what to label.

Confidence is 95 % for each class by itself: among so many promises at most as many may be broken as a fair
coin of 5 % would break in 95 of 100 such tests. All seeds were chosen before anything was looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom

from tests.science.promise_worlds import (
    SHARES,
    World,
    at_random,
    balanced,
    doubtful,
    make_world,
    never_pure,
    some_clusters,
    whole_clusters,
)
from workers.science.label_shift import kinds_of
from workers.science.promise import Judged, Judgement, Population, promise_table, select
from workers.science.promise_bounds import binomial_interval, labels_needed, wrong_at_most
from workers.science.promise_rule import Rule, decide_promised, scores_of

REPEATS = 200
FIRST_SEED = 770_000
ONE_A_FRAME = Rule(single_label=True)
Draw = Callable[[World, np.random.Generator], np.ndarray]


@dataclass
class Count:
    """Over the repetitions: promises that were made and kept, and the same of the naive threshold."""

    made: int = 0
    kept: int = 0
    naive_made: int = 0
    naive_kept: int = 0


def repeat(level: float, draw: Draw, make: Callable[[int], World], classes: range) -> dict[int, Count]:
    counts = {column: Count() for column in classes}
    for seed in range(FIRST_SEED, FIRST_SEED + REPEATS):
        world, random = make(seed), np.random.default_rng(seed)
        rows = draw(world, random)
        rest = np.setdiff1d(np.arange(len(world.kinds)), rows)
        said = scores_of(world.probabilities[rows], ONE_A_FRAME)
        scores, truth = scores_of(world.probabilities[rest], ONE_A_FRAME), world.truth[rest]
        kinds = kinds_of(world.truth[rows], world.probabilities[rows], world.probabilities[rest])
        for column, count in counts.items():
            labels = world.truth[rows, column]
            chosen = select(
                scores[:, column], world.groups[rest], said[:, column], labels, world.groups[rows]
            )
            place = Judgement(chosen, kinds, column, list("abcd")).promised(level)
            if place is not None:
                count.made += 1
                count.kept += truth[scores[:, column] >= chosen.thresholds[place], column].mean() >= level
            naive = naive_threshold(said[:, column], labels, level)
            if naive is not None and (scores[:, column] >= naive).any():
                count.naive_made += 1
                count.naive_kept += truth[scores[:, column] >= naive, column].mean() >= level
    for column, count in counts.items():
        print(f"class {column}: {count}")
    return counts


def naive_threshold(said: np.ndarray, labels: np.ndarray, level: float) -> float | None:
    """Return the loosest threshold above which the labelled frames are as pure as asked."""
    order = np.argsort(-said, kind="stable")
    purity = np.cumsum(labels[order]) / np.arange(1, len(order) + 1)
    pure = np.flatnonzero((purity >= level) & (said[order] > 0))
    return None if not len(pure) else float(said[order][pure[-1]])


def most_broken(made: int) -> int:
    """Return how many of `made` promises may be broken by chance, if each is with 5 %."""
    return int(binom.ppf(0.95, made, 0.05)) if made else 0


WAYS = {
    "random": (0.9, lambda world, random: at_random(world, random, 400), make_world),
    "as many of each class": (0.9, lambda world, random: balanced(world, random, 120), make_world),
    "what the network doubts": (0.9, lambda world, random: doubtful(world, random, 600), make_world),
    "some clusters alone": (0.8, lambda world, random: some_clusters(world, random, 16), make_world),
    "random, network far too sure": (
        0.9,
        lambda world, random: at_random(world, random, 400),
        lambda seed: make_world(seed, temper=0.25),
    ),
    "as many of each class, network that prefers one": (
        0.9,
        lambda world, random: balanced(world, random, 120),
        lambda seed: make_world(seed, temper=0.5, bias=1.5),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_promises_are_kept_however_labels_were_chosen(way):
    level, draw, make = WAYS[way]
    counts = repeat(level, draw, make, range(len(SHARES)))
    for count in counts.values():
        assert count.made - count.kept <= most_broken(count.made)
    assert sum(count.made for count in counts.values()) >= REPEATS / 2  # and they are made


def test_a_class_that_is_never_pure_enough_is_hardly_ever_promised_and_naive_thresholds_promise_it():
    count = repeat(0.9, lambda world, random: at_random(world, random, 400), never_pure, range(1))[0]
    assert count.made - count.kept <= most_broken(REPEATS)
    assert count.naive_made - count.naive_kept > 4 * most_broken(REPEATS)


def test_where_whole_clusters_are_labelled_nothing_is_promised_of_the_others():
    counts = repeat(
        0.8, lambda world, random: whole_clusters(world, random, 16), make_world, range(len(SHARES))
    )
    assert all(count.made <= most_broken(REPEATS) for count in counts.values())
    assert sum(count.naive_made - count.naive_kept for count in counts.values()) > most_broken(REPEATS)


def test_few_labels_are_refused():
    counts = repeat(0.9, lambda world, random: at_random(world, random, 40), make_world, range(len(SHARES)))
    assert all(count.made <= most_broken(REPEATS) for count in counts.values())
    assert counts[0].naive_made > REPEATS / 2


def test_a_bound_without_an_error_is_the_exact_one_and_fifty_nine_labels_are_the_fewest():
    for n in (1, 10, 59, 400):
        bound = wrong_at_most(np.ones((1, 1)), np.array([[n]]), np.array([[0]]))[0]
        assert bound == pytest.approx(1 - 0.05 ** (1 / n), rel=1e-4)
    assert labels_needed(0.95, 0.0) == 59
    assert labels_needed(0.95, 0.05) is None
    assert labels_needed(0.95, 0.02) > 59


def test_a_stratum_without_labels_counts_as_wrong_and_no_bound_exceeds_what_there_is():
    masses = np.array([[70.0, 30.0], [70.0, 30.0]])
    n, wrong = np.array([[1000, 0], [3, 3]]), np.array([[0, 0], [3, 3]])
    bounds = wrong_at_most(masses, n, wrong)
    assert 30 < bounds[0] < 31
    assert bounds[1] == pytest.approx(100)


def test_more_errors_raise_the_bound_and_more_labels_lower_it():
    def bound(n: int, wrong: int) -> float:
        half = np.array([[0.5, 0.5]])
        return wrong_at_most(half, np.array([[n, n]]), np.array([[wrong, wrong]]))[0]

    assert bound(100, 0) < bound(100, 1) < bound(100, 2) < bound(100, 5)
    assert bound(100, 2) > bound(200, 4) > bound(800, 16) > 0.02


@pytest.mark.parametrize("shares", [(0.02, 0.02), (0.0, 0.1), (0.3, 0.001)])
def test_bounds_of_uneven_strata_hold_as_often_as_they_say(shares):
    random, masses = np.random.default_rng(41), np.array([0.8, 0.2])
    n = np.array([40, 160])
    wrong = random.binomial(n, shares, (400, 2))
    bounds = wrong_at_most(np.broadcast_to(masses, (400, 2)), np.broadcast_to(n, (400, 2)), wrong)
    assert (bounds < masses @ np.array(shares)).sum() <= binom.ppf(0.95, 400, 0.05)


def test_how_common_kinds_are_is_found_from_labels_that_hide_it():
    world = make_world(FIRST_SEED, 20_000)
    rows = balanced(world, np.random.default_rng(1), 150)
    kinds = kinds_of(world.truth[rows], world.probabilities[rows], world.probabilities)
    found = dict(zip(kinds.truth.argmax(axis=1).tolist(), kinds.share, strict=True))
    for kind, share in enumerate(SHARES):
        assert found[kind] == pytest.approx(share, abs=0.04)
    assert (kinds.at_most >= kinds.share).all()


def test_classes_that_stand_alone_are_never_selected_with_others():
    said = np.array([[0.9, 0.6], [0.6, 0.9], [np.nan, 0.9], [0.9, 0.1]], np.float32)
    found = decide_promised(said, [0.5, 0.5], Rule(single_label=False, exclusive=(1,)))
    assert found.tolist() == [[True, False], [False, True], [False, True], [True, False]]
    single = decide_promised(np.array([[0.4, 0.35, 0.25]], np.float32), [0.3, 0.3, None], ONE_A_FRAME)
    assert single.tolist() == [[True, False, False]]


def test_nothing_is_promised_of_no_frames_and_from_no_labels():
    empty = Judged(np.zeros((0, 2), bool), np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
    none = Population(np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
    table = promise_table(empty, none, ["a", "b"], ONE_A_FRAME)
    assert table["classes"]["a"]["rows"][0]["threshold"] is None
    assert table["classes"]["a"]["audits"] == [None] * 50


def test_the_interval_of_the_recall_holds_the_true_one_where_labels_are_random():
    inside = []
    for seed in range(FIRST_SEED, FIRST_SEED + 40):
        world = make_world(seed, 6000)
        rows = at_random(world, np.random.default_rng(seed), 400)
        rest = np.setdiff1d(np.arange(6000), rows)
        judged = Judged(world.truth[rows], world.probabilities[rows], world.groups[rows])
        population = Population(world.probabilities[rest], world.groups[rest])
        row = promise_table(judged, population, list("abcd"), ONE_A_FRAME)["classes"]["a"]["rows"][30]
        if row["threshold"] is not None:
            selected = scores_of(world.probabilities[rest], ONE_A_FRAME)[:, 0] >= row["threshold"]
            recall = selected[world.truth[rest, 0]].mean()
            inside.append(row["recall"][1] <= recall <= row["recall"][2])
    assert len(inside) > 20
    assert np.mean(inside) > 0.9


def test_the_interval_of_clopper_and_pearson_is_the_published_one():
    assert binomial_interval(0, 59) == (0.0, pytest.approx(1 - 0.025 ** (1 / 59)))
    low, high = binomial_interval(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4439, 0.9748)
    assert binomial_interval(0, 0) == (0.0, 1.0)


def test_of_classes_that_exclude_each_other_the_likelier_one_is_promised():
    said = np.array([[0.9, 0.8, 0.7], [0.6, 0.7, 0.1]], np.float32)
    found = decide_promised(said, [0.5, 0.5, 0.5], Rule(single_label=False, excludes=((0, 1),)))
    assert found.tolist() == [[True, False, True], [False, True, False]]
