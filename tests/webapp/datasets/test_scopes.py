"""Which frames a person means."""

import numpy as np
import pytest

from tests.webapp.factories import make_classified, make_dataset, make_group, make_sorted_dataset
from webapp.datasets.areas import frames_inside
from webapp.datasets.cluster_orders import descending_order, first_of_cluster
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.decisions import decide, decision_rule
from webapp.datasets.runs import runs_of
from webapp.datasets.scopes import (
    ScopeError,
    columns_of_scope,
    frames_of_scope,
    register_scope,
    title_of_scope,
    words_of_scope,
)
from webapp.datasets.sheet_orders import sorted_frames


@pytest.fixture
def columns(db: None) -> Columns:
    return columns_of(make_sorted_dataset(make_group(), n_frames=120))


def test_a_box_holds_the_points_between_its_sides() -> None:
    points = np.random.default_rng(0).uniform(-2, 2, (5000, 2)).astype(np.float32)
    corners = np.array([[-1, -0.5], [1, -0.5], [1, 1.5], [-1, 1.5]], float)
    expected = np.flatnonzero((np.abs(points[:, 0]) < 1) & (points[:, 1] > -0.5) & (points[:, 1] < 1.5))
    np.testing.assert_array_equal(frames_inside(points, corners), expected)


def test_a_round_area_agrees_with_the_distance_from_its_middle() -> None:
    points = np.random.default_rng(1).uniform(-2, 2, (70_000, 2)).astype(np.float32)  # more than one block
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    found = frames_inside(points, np.stack([np.cos(turn), np.sin(turn)], axis=1))
    radius = np.hypot(*points.T.astype(float))
    assert set(np.flatnonzero(radius < 0.999)) <= set(found) <= set(np.flatnonzero(radius <= 1))


def test_a_concave_area_leaves_its_bay_out() -> None:
    points = np.array([[0.5, 0.5], [2.5, 0.5], [1.5, 1.5], [1.5, 0.2]], dtype=np.float32)
    corners = np.array([[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]], float)
    assert frames_inside(points, corners).tolist() == [0, 1, 3]


def test_where_a_line_crosses_itself_the_even_odd_rule_holds() -> None:
    bow_tie = np.array([[0, 0], [2, 2], [2, 0], [0, 2]], float)
    points = np.array([[0.2, 1], [1.8, 1], [1, 0.2], [1, 1.8]], dtype=np.float32)
    assert frames_inside(points, bow_tie).tolist() == [0, 1]


def test_any_area_holds_the_points_from_which_a_ray_crosses_its_line_an_odd_number_of_times() -> None:
    random = np.random.default_rng(2)
    for n_corners in (3, 7, 40):
        points, corners = random.normal(size=(400, 2)).astype(np.float32), random.normal(size=(n_corners, 2))
        odd = np.zeros(len(points), bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            for place, (x, y) in enumerate(points.astype(float)):
                if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                    odd[place] ^= True
        assert frames_inside(points, corners).tolist() == np.flatnonzero(odd).tolist()


def test_an_order_falls_and_leaves_what_is_equal_in_its_place() -> None:
    values = np.float32([0.2, 0.9, np.nan, 0.2, 1.0, 0.0, 0.9])
    assert descending_order(values).tolist() == [4, 1, 6, 0, 3, 2, 5]
    random = np.random.default_rng(3).random(5000).astype(np.float32)
    assert (np.diff(random[descending_order(random)]) <= 2 / 65535).all()


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (None, "by one of: all, both"),
        ({}, "by one of: all, both"),
        ({"frames": [1], "cluster": 2}, "by one of: all, both"),
        ({"frames": [1, 120]}, "no frame 120"),
        ({"frames": [-1]}, "no frame -1"),
        ({"frames": ["1"]}, "by their numbers"),
        ({"frames": [True]}, "by their numbers"),
        ({"cluster": "4"}, "by its number"),
        ({"polygon": [[0, 0], [1, 1]]}, "3 to 2000 corners"),
        ({"polygon": [[0, 0], [1, 1], [float("nan"), 0]]}, "finite"),
        ({"polygon": "everything"}, "3 to 2000 corners"),
        ({"all": False}, "true"),
        ({"run": 7}, "place in the list of runs"),
        ({"run": "run 7"}, "place in the list of runs"),
        ({"range": {"column": "beauty", "low": 0}}, "no numbers called “beauty”"),
        ({"range": {"column": "total", "low": 2, "high": 1}}, "above its high end"),
        ({"range": {"column": "total", "low": float("nan")}}, "above its high end"),
        ({"range": {"column": "total", "low": "1"}}, "are numbers"),
        ({"range": {"column": "total", "low": 10**400}}, "are numbers"),
        ({"range": [1, 2]}, "a low and a high end"),
        ({"predicted": "Round"}, "knows no class “Round”"),
        ({"predicted": None}, "No frames are sorted yet"),
        ({"predicted": 3}, "by its name"),
        ({"both": [{"all": True}]}, "Two choices"),
        ({"both": [{"all": True}, {"cluster": "x"}]}, "by its number"),
        ({"cluster": 0, "clustering": "latest"}, "does not name a product"),
        ({"cluster": 0, "clustering": "00000000-0000-0000-0000-000000000000"}, "not there any more"),
    ],
)
def test_what_cannot_be_understood_is_refused(columns: Columns, scope: object, words: str) -> None:
    with pytest.raises(ScopeError, match=words):
        frames_of_scope(columns_of_scope(columns.dataset, scope), scope)


def test_an_unknown_cluster_has_no_frames(columns: Columns) -> None:
    assert frames_of_scope(columns, {"cluster": 10**30}).size == 0


def test_every_frame_is_in_exactly_one_cluster_or_noise(columns: Columns) -> None:
    ids = [-1, *(cluster["id"] for cluster in columns.cluster_list)]
    found = np.concatenate([frames_of_scope(columns, {"cluster": cluster}) for cluster in ids])
    assert sorted(found.tolist()) == list(range(120))


def test_all_orders_of_a_cluster_hold_the_same_frames(columns: Columns) -> None:
    exemplars, likely, odd, numbers = (
        sorted_frames(columns, {"cluster": 0}, sort)
        for sort in ("exemplars", "probability", "outlier", "order")
    )
    assert set(exemplars) == set(likely) == set(odd) == set(numbers)
    assert exemplars[:8].tolist() == next(c for c in columns.cluster_list if c["id"] == 0)["exemplars"]
    assert (np.diff(columns.membership[likely]) <= 0).all()
    assert (np.diff(columns.outlier_scores[odd]) <= 0).all()
    assert (np.diff(numbers) > 0).all()


def test_a_card_shows_what_the_sheet_begins_with(columns: Columns) -> None:
    for cluster in (0, 1, 2, -1, 99):
        whole = sorted_frames(columns, {"cluster": cluster}, "exemplars").tolist()
        for count in (3, 12, 500):
            assert first_of_cluster(columns, cluster, count) == whole[:count]


def test_the_frames_of_an_area_are_sorted_too(columns: Columns) -> None:
    scope = {"polygon": [[-100, -100], [100, -100], [100, 100], [-100, 100]]}
    frames = sorted_frames(columns, scope, "outlier")
    assert len(frames) == 120
    assert (np.diff(columns.outlier_scores[frames]) <= 0).all()


def test_without_a_map_an_area_is_refused(db: None) -> None:
    columns = columns_of(make_dataset(make_group(), n_frames=5))
    with pytest.raises(ScopeError, match="no map yet"):
        frames_of_scope(columns, {"polygon": [[0, 0], [1, 0], [1, 1]]})


def test_all_names_every_frame_once(columns: Columns) -> None:
    assert frames_of_scope(columns, {"all": True}).tolist() == list(range(120))


def test_a_range_holds_its_low_end_and_its_high_end_only_where_that_is_the_largest_value(
    columns: Columns,
) -> None:
    total = columns.physics("total")
    low, middle, high = np.quantile(total, [0, 0.5, 1], method="nearest").tolist()
    lower = frames_of_scope(columns, {"range": {"column": "total", "low": low, "high": middle}})
    upper = frames_of_scope(columns, {"range": {"column": "total", "low": middle, "high": high}})
    assert lower.tolist() == np.flatnonzero(total < middle).tolist()
    assert upper.tolist() == np.flatnonzero(total >= middle).tolist()
    assert sorted([*lower, *upper]) == list(range(120))


def test_a_range_of_whole_numbers_is_read_like_any_other(columns: Columns) -> None:
    lit = columns.physics("lit_pixels")
    found = frames_of_scope(columns, {"range": {"column": "lit_pixels", "low": 700, "high": 10**6}})
    assert found.tolist() == np.flatnonzero(lit >= 700).tolist()


def test_a_range_without_ends_holds_the_frames_of_which_the_number_is_known(columns: Columns) -> None:
    assert len(frames_of_scope(columns, {"range": {"column": "outlier"}})) == 120
    above = frames_of_scope(columns, {"range": {"column": "probability", "low": 0.5}})
    assert above.tolist() == np.flatnonzero(columns.membership >= 0.5).tolist()


def test_the_runs_share_the_frames_out_among_themselves(columns: Columns) -> None:
    names = runs_of(columns).names
    found = [frames_of_scope(columns, {"run": place}) for place in range(len(names))]
    assert np.sort(np.concatenate(found)).tolist() == list(range(120))


def test_what_the_classifier_sorted_is_what_its_rule_decides(columns: Columns) -> None:
    classification = make_classified(columns.dataset)
    columns = columns_of(columns.dataset)
    rule = decision_rule(classification)
    decision = decide(np.asarray(columns.class_probabilities), rule)
    for place, name in enumerate(rule["classes"]):
        found = frames_of_scope(columns, {"predicted": name})
        assert found.tolist() == np.flatnonzero(decision[:, place]).tolist()
    none = frames_of_scope(columns, {"predicted": None})
    assert none.tolist() == np.flatnonzero(~decision.any(axis=1)).tolist()


def test_both_holds_what_two_scopes_share_and_not_more(columns: Columns) -> None:
    within = {"range": {"column": "probability", "low": 0.7}}
    found = frames_of_scope(columns, {"both": [{"cluster": 0}, within]})
    expected = np.flatnonzero((columns.clusters == 0) & (columns.membership >= 0.7))
    assert len(expected)
    assert found.tolist() == expected.tolist()
    thrice = {"both": [{"both": [{"cluster": 0}, within]}, {"frames": [int(expected[0]), 0]}]}
    assert expected[0] in frames_of_scope(columns, thrice)


def test_scopes_within_scopes_are_refused_where_they_lie_too_deep(columns: Columns) -> None:
    scope: dict = {"all": True}
    for _ in range(5):
        scope = {"both": [scope, {"all": True}]}
    with pytest.raises(ScopeError, match="too deep"):
        frames_of_scope(columns, scope)


def test_another_app_gives_a_scope_its_meaning_and_its_words(columns: Columns) -> None:
    register_scope("every", lambda _, step: np.arange(0, 120, step), lambda _, step: f"one in {step}")
    scope = {"both": [{"every": 7}, {"cluster": 0}]}
    assert frames_of_scope(columns, scope).tolist() == [
        frame for frame in range(0, 120, 7) if columns.clusters[frame] == 0
    ]
    assert words_of_scope(columns, scope) == "one in 7 in cluster 0"


@pytest.mark.parametrize(
    ("scope", "title"),
    [
        ({"all": True}, "All frames"),
        ({"cluster": 2}, "Cluster 2"),
        ({"cluster": -1}, "Noise"),
        ({"both": [{"cluster": 2}, {"run": 0}]}, "Frames of {run} in cluster 2"),
        (
            {"range": {"column": "total", "low": 10, "high": 200}},
            "Frames with total from 10 to 200 counts",
        ),
        ({"range": {"column": "outlier", "low": 0.5}}, "Frames with outlier score from 0.5"),
        ({"frames": [3]}, "Frames chosen one by one"),
    ],
)
def test_a_scope_is_spelled_out_in_words(columns: Columns, scope: dict, title: str) -> None:
    assert title_of_scope(columns, scope) == title.format(run=runs_of(columns).names[0])


def test_the_frames_at_the_border_of_a_cluster_come_with_the_least_probable_first(columns: Columns) -> None:
    frames = sorted_frames(columns, {"all": True}, "border")
    probability, is_member = columns.membership[frames], columns.clusters[frames] >= 0
    n_members = int(is_member.sum())
    assert is_member[:n_members].all(), "noise comes last"
    assert (np.diff(probability[:n_members]) >= -2 / 65535).all()


def test_a_random_order_is_the_same_for_the_same_seed_and_another_one_for_another(columns: Columns) -> None:
    first, again, other = (sorted_frames(columns, {"cluster": 0}, "random", seed=s) for s in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert sorted(first) == sorted(other) == frames_of_scope(columns, {"cluster": 0}).tolist()


def test_the_nearest_frames_are_those_of_a_full_search_among_the_members(columns: Columns) -> None:
    latents = np.asarray(columns.latents)[:, :8].astype(float)  # the network's active ones
    distances = np.linalg.norm((latents - latents[5]) / latents.std(axis=0), axis=1)
    members = frames_of_scope(columns, {"cluster": 1})
    found = sorted_frames(columns, {"cluster": 1}, "nearest", near=5)
    np.testing.assert_allclose(distances[found], np.sort(distances[members]), rtol=1e-5)
    assert sorted_frames(columns, {"all": True}, "nearest", near=5)[0] == 5


def test_the_first_of_the_nearest_are_the_same_however_many_are_asked_for(columns: Columns) -> None:
    whole = sorted_frames(columns, {"all": True}, "nearest", near=5).tolist()
    for first in (1, 7, 119, 120, 500):
        found = sorted_frames(columns, {"all": True}, "nearest", near=5, first=first).tolist()
        assert found[:first] == whole[:first]
        assert sorted(found) == sorted(whole)


def test_frames_that_are_as_near_as_one_another_come_by_their_numbers(columns: Columns) -> None:
    path = columns.products["embed"].folder / "latents.npy"
    np.save(path, np.zeros((120, 10), np.float32))
    again = columns_of(columns.dataset)
    for first in (None, 10, 60):
        found = sorted_frames(again, {"all": True}, "nearest", near=3, first=first).tolist()
        assert found[:10] == [3, 0, 1, 2, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("near", [None, -1, 120])
def test_nearness_to_no_frame_is_refused(columns: Columns, near: int | None) -> None:
    with pytest.raises(ScopeError, match="Choose a frame"):
        sorted_frames(columns, {"all": True}, "nearest", near=near)


def test_where_nothing_is_clustered_frames_come_in_their_order(db: None) -> None:
    columns = columns_of(make_dataset(make_group(), n_frames=5))
    for sort in ("exemplars", "border", "outlier", "order"):
        assert sorted_frames(columns, {"all": True}, sort).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ScopeError, match="no network"):
        sorted_frames(columns, {"all": True}, "nearest", near=0)
