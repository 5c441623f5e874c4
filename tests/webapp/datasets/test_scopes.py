"""Which frames a person means."""

import numpy as np
import pytest

from tests.webapp.factories import make_dataset, make_group, make_sorted_dataset
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.scopes import (
    ScopeError,
    columns_of_scope,
    descending_order,
    first_of_cluster,
    frames_inside,
    frames_of_scope,
    sorted_frames,
)


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
        (None, "frames, cluster or polygon"),
        ({}, "frames, cluster or polygon"),
        ({"frames": [1], "cluster": 2}, "frames, cluster or polygon"),
        ({"frames": [1, 120]}, "no frame 120"),
        ({"frames": [-1]}, "no frame -1"),
        ({"frames": ["1"]}, "by their numbers"),
        ({"frames": [True]}, "by their numbers"),
        ({"cluster": "4"}, "by its number"),
        ({"polygon": [[0, 0], [1, 1]]}, "3 to 2000 corners"),
        ({"polygon": [[0, 0], [1, 1], [float("nan"), 0]]}, "finite"),
        ({"polygon": "everything"}, "3 to 2000 corners"),
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
