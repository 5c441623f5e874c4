"""What map, histogram and sheet get from the server."""

import json

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_classified, make_dataset, make_group, make_sorted_dataset, make_user
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.decisions import decide, decision_rule
from webapp.datasets.models import Dataset
from webapp.datasets.runs import runs_of
from webapp.datasets.scopes import frames_of_scope
from webapp.explore import map_points
from webapp.explore.map_points import density_of, points_of
from webapp.explore.spread import N_BINS, spread_of

pytestmark = pytest.mark.django_db
N = 150


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def columns(dataset: Dataset) -> Columns:
    make_classified(dataset)
    found = columns_of(dataset)
    assert found is not None
    return found


@pytest.fixture
def client(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group, role="viewer"))
    return client


@pytest.fixture
def few_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw 40 points of the frames, as of a long data set."""
    draw = map_points.drawn_points
    monkeypatch.setattr(map_points, "drawn_points", lambda path, n: draw(path, n, most=40))


def ask(client: Client, dataset: Dataset, name: str, **asked: object) -> tuple[int, bytes]:
    url = reverse(f"explore:{name}", args=[dataset.pk])
    response = client.post(url, json.dumps(asked), content_type="application/json")
    return response.status_code, response.content


def points(client: Client, dataset: Dataset, name: str, query: dict | None = None) -> tuple[int, bytes]:
    response = client.get(reverse("explore:map-points", args=[dataset.pk, name]), query or {})
    return response.status_code, response.content


def test_points_carry_run_decision_and_any_column_of_numbers(
    client: Client, dataset: Dataset, columns: Columns
) -> None:
    runs = runs_of(columns)
    assert runs is not None
    assert np.frombuffer(points(client, dataset, "run")[1], "<i4").tolist() == runs.codes.tolist()
    probabilities = np.asarray(columns.class_probabilities)
    decision = decide(probabilities, decision_rule(columns.products["classify"]))
    found = np.frombuffer(points(client, dataset, "predicted")[1], "<i4")
    assert ((found == -1) == ~decision.any(axis=1)).all()
    for frame, place in enumerate(found.tolist()):
        if place >= 0:
            assert decision[frame, place]
            assert probabilities[frame, place] == probabilities[frame][decision[frame]].max()
    streak = np.frombuffer(points(client, dataset, "number", {"column": "class:Streak"})[1], "<f4")
    np.testing.assert_array_equal(streak, probabilities[:, 2])


@pytest.mark.parametrize(
    ("name", "query"),
    [("number", {}), ("number", {"column": "latents"}), ("number", {"column": "source"}), ("latents", {})],
)
def test_columns_that_are_no_numbers_are_not_given_out(
    client: Client, dataset: Dataset, name: str, query: dict
) -> None:
    assert points(client, dataset, name, query)[0] == 404


def test_before_anything_is_sorted_there_is_no_decision_to_colour_by(
    client: Client, dataset: Dataset
) -> None:
    assert points(client, dataset, "predicted")[0] == 404
    assert points(client, dataset, "number", {"column": "class:Round"})[0] == 404


def test_what_may_change_is_asked_for_anew_though_its_map_is_named(client: Client, dataset: Dataset) -> None:
    make_classified(dataset)
    ids = {kind: dataset.products.get(kind=kind).pk for kind in ("cluster", "project")}
    query = {"clustering": ids["cluster"], "map": ids["project"]}
    for name, is_kept in (("positions", True), ("predicted", False), ("run", False)):
        answer = client.get(reverse("explore:map-points", args=[dataset.pk, name]), query)
        assert ("max-age" in answer["Cache-Control"]) == is_kept


def test_each_bit_tells_whether_a_drawn_point_belongs_to_the_scope(
    client: Client, dataset: Dataset, columns: Columns, few_drawn: None
) -> None:
    scope = {"both": [{"cluster": 0}, {"range": {"column": "probability", "low": 0.6}}]}
    code, bits = ask(client, dataset, "map-members", scope=scope)
    drawn = points_of(columns)
    assert code == 200
    assert len(drawn) <= 40
    found = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[: len(drawn)]
    expected = np.isin(drawn, frames_of_scope(columns, scope))
    assert 0 < expected.sum() < len(drawn)
    assert (found == expected).all()


def test_the_density_counts_every_frame_in_its_tile_though_few_are_drawn(
    client: Client, dataset: Dataset, columns: Columns, few_drawn: None
) -> None:
    answer = client.get(reverse("explore:map-density", args=[dataset.pk]))
    left, right, bottom, top = np.frombuffer(answer.content[:32], "<f8")
    levels = np.frombuffer(answer.content[32:], np.uint8).reshape(256, 256)
    x, y = np.asarray(columns.positions, np.float64).T
    assert (left, right, bottom, top) == (x.min(), x.max(), y.min(), y.max())
    counts, _, _ = np.histogram2d(y, x, bins=256, range=[[bottom, top], [left, right]])
    expected = np.rint(255 * np.log1p(counts) / np.log1p(counts.max()))
    assert np.count_nonzero(levels != expected) <= 2, "but for frames on the edge of a tile"


@pytest.mark.parametrize("place", [[[0.0, 0.0]] * 5, [[1.0, 2.0]], [[np.nan, 0.0], [1.0, 1.0]]])
def test_the_density_of_equal_of_one_and_of_unplaced_frames_is_finite(
    dataset: Dataset, tmp_path, place: list
) -> None:
    np.save(tmp_path / "map.npy", np.array(place, np.float32))
    found = map_points._density(tmp_path)
    left, right, bottom, top = np.frombuffer(found[:32], "<f8")
    assert left < right
    assert bottom < top
    assert max(found[32:]) == 255


def test_without_a_map_there_is_no_density(client: Client, dataset: Dataset) -> None:
    bare = make_dataset(dataset.group, 5, name="bare")
    assert client.get(reverse("explore:map-density", args=[bare.pk])).status_code == 404
    assert density_of(columns_of(bare)) is None


@pytest.mark.parametrize("name", ["total", "maximum", "lit_pixels", "probability", "outlier", "class:Round"])
def test_each_bin_of_a_histogram_holds_what_a_range_between_its_edges_means(
    client: Client, dataset: Dataset, columns: Columns, name: str
) -> None:
    scope = {"cluster": 0}
    code, content = ask(client, dataset, "map-spread", column=name, scope=scope)
    found = json.loads(content)
    assert code == 200
    edges = found["edges"]
    assert sum(found["all"]) == found["nKnown"] == N
    assert sum(found["chosen"]) == found["nChosen"] == len(frames_of_scope(columns, scope))
    for low, high, n, n_chosen in zip(edges[:-1], edges[1:], found["all"], found["chosen"], strict=True):
        within = {"range": {"column": name, "low": low, "high": high}}
        assert len(frames_of_scope(columns, within)) == n
        assert len(frames_of_scope(columns, {"both": [within, scope]})) == n_chosen


def test_numbers_over_decades_get_a_logarithmic_axis_that_begins_with_the_smallest(
    columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.concatenate([[0.0, 0.0], np.geomspace(1, 1e6, N - 2)])
    monkeypatch.setattr("webapp.explore.spread.number_column", lambda *_: values)
    found = spread_of(columns, "total", None)
    assert found is not None
    assert found["isLog"]
    assert (found["edges"][0], found["edges"][-1], len(found["all"])) == (0, 1e6, N_BINS)
    assert sum(found["all"]) == N
    assert found["chosen"] is None


def test_whole_numbers_get_a_bin_each_and_equal_ones_a_single_one(
    columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.explore.spread.number_column", lambda *_: np.arange(N) % 5)
    assert spread_of(columns, "total", None)["all"] == [N // 5] * 5
    monkeypatch.setattr("webapp.explore.spread.number_column", lambda *_: np.full(N, 7.0))
    assert spread_of(columns, "total", None)["all"] == [N]


def test_frames_without_a_value_are_counted_apart(columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.where(np.arange(N) < 30, np.nan, np.linspace(0, 1, N))
    monkeypatch.setattr("webapp.explore.spread.number_column", lambda *_: values)
    found = spread_of(columns, "total", np.arange(60))
    assert (found["nKnown"], sum(found["all"]), sum(found["chosen"])) == (N - 30, N - 30, 30)
    monkeypatch.setattr("webapp.explore.spread.number_column", lambda *_: np.full(N, np.nan))
    assert spread_of(columns, "total", None)["edges"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"column": "beauty"},
        {"column": "total", "scope": {"cluster": "x"}},
        {"column": "total", "scope": {"cluster": 0, "clustering": "x"}},
        {"column": "total", "scope": [1]},
    ],
)
def test_a_histogram_that_cannot_be_drawn_is_refused_in_one_line(
    client: Client, dataset: Dataset, asked: dict
) -> None:
    code, content = ask(client, dataset, "map-spread", **asked)
    assert code == 400
    assert "\n" not in json.loads(content)["error"]


def test_a_list_says_in_words_which_frames_it_holds(client: Client, dataset: Dataset) -> None:
    code, content = ask(client, dataset, "frame-list", scope={"both": [{"cluster": 1}, {"run": 0}]})
    found = json.loads(content)
    assert code == 200
    assert found["words"].endswith(" in cluster 1")
    assert found["title"] == f"Frames {found['words']}"


def test_a_shuffled_list_goes_on_over_its_pages_and_changes_with_the_seed(
    client: Client, dataset: Dataset
) -> None:
    def page(offset: int, seed: int) -> list[int]:
        asked = {"scope": {"all": True}, "sort": "random", "seed": seed, "offset": offset, "limit": 75}
        frames = json.loads(ask(client, dataset, "frame-list", **asked)[1])["frames"]
        return [frame["index"] for frame in frames]

    whole = [*page(0, 3), *page(75, 3)]
    assert sorted(whole) == list(range(N))
    assert page(0, 3) == whole[:75] != page(0, 4)


def test_the_page_offers_only_the_columns_that_the_data_set_has(client: Client, dataset: Dataset) -> None:
    url = reverse("explore:dataset-clusters", args=[dataset.pk])
    names = {column["name"] for column in client.get(url).context["page"]["numbers"]}
    assert {"total", "probability", "outlier"} <= names
    assert "class:Round" not in names
    make_classified(dataset)
    page = client.get(url).context["page"]
    assert {"class:Round", "class:Streak"} <= {column["name"] for column in page["numbers"]}
    assert page["predicted"][0] == "Round"
