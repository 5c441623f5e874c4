"""The clusters page and the frame page."""

import io
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from tests.webapp.drawn_frames import SCALE_MAX
from tests.webapp.factories import (
    draw_frames,
    make_classified,
    make_dataset,
    make_group,
    make_sorted_dataset,
    make_user,
)
from webapp.datasets.models import Dataset
from webapp.datasets.palette import cluster_colour
from webapp.jobs.models import Job

pytestmark = pytest.mark.django_db
N = 70


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def client(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group, role="viewer"))
    return client


def ask(client: Client, dataset: Dataset, **asked: object) -> tuple[int, dict]:
    url = reverse("explore:frame-list", args=[dataset.pk])
    response = client.post(url, json.dumps(asked), content_type="application/json")
    return response.status_code, response.json()


def get_array(client: Client, dataset: Dataset, name: str, dtype: str, query: str = "") -> np.ndarray:
    response = client.get(reverse("explore:map-points", args=[dataset.pk, name]) + query)
    assert response.status_code == 200
    return np.frombuffer(response.content, dtype)


def test_the_clusters_page_lists_clusters_by_size_and_noise_last(client: Client, dataset: Dataset) -> None:
    response = client.get(reverse("explore:dataset-clusters", args=[dataset.pk]))
    cards = response.context["cards"]
    assert [card["id"] for card in cards[:-1]] == [0, 1, 2]
    assert cards[-1]["id"] == -1
    assert sum(card["size"] for card in cards) == N
    assert sum(card["percent"] for card in cards) == pytest.approx(100)
    assert cards[0]["frames"][:3] == cards[0]["exemplars"][:3]
    assert response.context["page"]["cycle"][0] == cluster_colour(0)


def test_an_unsorted_data_set_says_what_to_do(client: Client, dataset: Dataset) -> None:
    bare = make_dataset(dataset.group, 5, name="bare")
    url = reverse("explore:dataset-clusters", args=[bare.pk])
    assert "Sort this data set first" in client.get(url).content.decode()
    job = Job.objects.create(kind="learn", group=bare.group, dataset=bare, key="k")
    text = client.get(url).content.decode()
    assert "Sort this data set first" not in text
    assert reverse("jobs:job-detail", args=[job.pk]) in text


def test_points_come_as_raw_numbers_in_one_order(client: Client, dataset: Dataset) -> None:
    drawn = draw_frames(N)
    index = get_array(client, dataset, "index", "<i4")
    assert index.tolist() == list(range(N))
    positions = get_array(client, dataset, "positions", "<f4").reshape(-1, 2)
    np.testing.assert_array_equal(positions, drawn.positions)
    np.testing.assert_array_equal(get_array(client, dataset, "cluster", "<i4"), drawn.labels)
    assert get_array(client, dataset, "total", "<f4").shape == (N,)


def test_points_are_kept_by_the_browser_only_under_the_ids_of_their_products(
    client: Client, dataset: Dataset
) -> None:
    url = reverse("explore:map-points", args=[dataset.pk, "positions"])
    ids = {kind: dataset.products.get(kind=kind).pk for kind in ("cluster", "project")}
    named = client.get(url, {"clustering": ids["cluster"], "map": ids["project"]})
    assert "max-age" in named["Cache-Control"]
    assert "no-cache" in client.get(url)["Cache-Control"]
    assert client.get(url, {"map": dataset.pk}).status_code == 404
    assert client.get(url, {"map": "x"}).status_code == 404


@pytest.mark.parametrize("name", ["latents", "source", "total2"])
def test_other_columns_are_not_given_out(client: Client, dataset: Dataset, name: str) -> None:
    assert client.get(reverse("explore:map-points", args=[dataset.pk, name])).status_code == 404


def test_a_cluster_is_listed_page_by_page(client: Client, dataset: Dataset) -> None:
    members = np.flatnonzero(draw_frames(N).labels == 0)
    status, first = ask(client, dataset, scope={"cluster": 0}, offset=0, limit=10)
    _, second = ask(client, dataset, scope={"cluster": 0}, offset=10, limit=240)
    assert status == 200
    assert first["n"] == len(members)
    listed = [frame["index"] for frame in first["frames"] + second["frames"]]
    assert sorted(listed) == members.tolist()
    assert {frame["cluster"] for frame in first["frames"]} == {0}


def test_an_area_is_resolved_over_all_points(client: Client, dataset: Dataset) -> None:
    positions = draw_frames(N).positions
    corners = [[-3, -3], [3, -3], [3, 3], [-3, 3]]
    inside = np.flatnonzero((np.abs(positions) < 3).all(axis=1))
    status, found = ask(client, dataset, scope={"polygon": corners}, sort="order", limit=240)
    assert status == 200
    assert [frame["index"] for frame in found["frames"]] == inside.tolist()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"scope": {"cluster": "x"}},
        {"scope": {"cluster": 0}, "offset": "many"},
        {"scope": {"cluster": 0}, "sort": "beauty"},
        {"scope": [1]},
        {"scope": {"frames": [N]}},
    ],
)
def test_a_list_that_cannot_be_understood_is_refused_in_one_line(
    client: Client, dataset: Dataset, asked: dict
) -> None:
    status, answer = ask(client, dataset, **asked)
    assert status == 400
    assert "\n" not in answer["error"]


def test_a_sheet_may_be_kept_for_ever_by_the_browser_alone(client: Client, dataset: Dataset) -> None:
    product = dataset.products.get(kind="condense")
    response = client.get(reverse("explore:sheet", args=[product.pk, 0]))
    assert response["Content-Type"] == "image/jpeg"
    assert "private" in response["Cache-Control"]
    assert "immutable" in response["Cache-Control"]
    assert response.content.startswith(b"\xff\xd8")
    assert client.get(reverse("explore:sheet", args=[product.pk, 1])).status_code == 404
    network = dataset.products.get(kind="learn")
    assert client.get(reverse("explore:sheet", args=[network.pk, 0])).status_code == 404


def test_picked_frames_come_on_one_sheet_that_the_browser_keeps(client: Client, dataset: Dataset) -> None:
    product = dataset.products.get(kind="condense")
    address = reverse("explore:picked-frames", args=[product.pk])
    response = client.get(address, {"frames": "7,2,9"})
    assert response["Content-Type"] == "image/jpeg"
    assert "immutable" in response["Cache-Control"]
    for frames in ("", "7,x", "-1", f"7,{N}", ",".join("1" * 65)):
        assert client.get(address, {"frames": frames}).status_code == 404


def test_the_frame_page_knows_neighbours_identity_and_cluster(client: Client, dataset: Dataset) -> None:
    make_classified(dataset)
    response = client.get(reverse("explore:frame-detail", args=[dataset.pk, 3]))
    context = response.context
    assert (context["previous"], context["next"]) == (2, 4)
    assert {fact.title: fact.value for fact in context["identity"]}["Train"] == 10_000_003
    assert context["cluster"]["id"] == draw_frames(N).labels[3]
    probabilities = [entry["probability"] for entry in context["probabilities"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert context["page"]["scaleMax"] == SCALE_MAX
    assert context["page"]["centre"] == [31.5, 31.5]


def test_htmx_gets_only_what_stands_beside_the_picture(client: Client, dataset: Dataset) -> None:
    url = reverse("explore:frame-detail", args=[dataset.pk, 3])
    whole, part = client.get(url), client.get(url, headers={"HX-Request": "true"})
    assert "frame-canvas" in whole.content.decode()
    assert "frame-canvas" not in part.content.decode()
    assert "Most alike" in part.content.decode()
    assert whole["Vary"] == "HX-Request, Cookie"


def test_the_first_and_last_frame_have_one_neighbour(client: Client, dataset: Dataset) -> None:
    first = client.get(reverse("explore:frame-detail", args=[dataset.pk, 0])).context
    last = client.get(reverse("explore:frame-detail", args=[dataset.pk, N - 1])).context
    assert (first["previous"], last["next"]) == (None, None)
    for name in ("frame-detail", "frame-raw", "frame-thumb", "frame-npy"):
        assert client.get(reverse(f"explore:{name}", args=[dataset.pk, N])).status_code == 404


def test_a_frame_page_without_condensed_frames_shows_full_resolution(
    client: Client, dataset: Dataset
) -> None:
    bare = make_dataset(dataset.group, 5, name="bare")
    response = client.get(reverse("explore:frame-detail", args=[bare.pk, 4]))
    assert response.context["page"]["source"] == str(bare.products.get(kind="inspect").pk)
    assert response.context["problem"] == ""
    assert client.get(reverse("explore:frame-raw", args=[bare.pk, 4])).status_code == 404


def test_a_frame_page_with_nothing_to_show_says_so(client: Client, dataset: Dataset) -> None:
    bare = make_dataset(dataset.group, 5, name="bare")
    bare.products.all().delete()
    response = client.get(reverse("explore:frame-detail", args=[bare.pk, 4]))
    assert "not condensed yet" in response.content.decode()


def test_what_the_file_says_of_a_frame_comes_with_title_and_unit(client: Client, dataset: Dataset) -> None:
    add_source_column(dataset, "pulse_energy", "Pulse energy", "µJ")
    facts = client.get(reverse("explore:frame-detail", args=[dataset.pk, 3])).context["recorded"]
    assert [(fact.title, fact.value, fact.unit) for fact in facts] == [("Pulse energy", 1.5, "µJ")]
    unknown = client.get(reverse("explore:frame-detail", args=[dataset.pk, 4])).context["recorded"]
    assert unknown == []


def test_the_format_is_named_in_words_and_by_its_id_in_old_descriptions(
    client: Client, dataset: Dataset
) -> None:
    url = reverse("explore:frame-detail", args=[dataset.pk, 3])
    assert "<dt>Format</dt><dd>hdf5</dd>" in client.get(url).content.decode()
    look = dataset.products.get(kind="inspect")
    look.facts = {**look.facts, "format_words": "European XFEL run"}
    look.save()
    assert "<dt>Format</dt><dd>European XFEL run</dd>" in client.get(url).content.decode()
    data_page = client.get(reverse("portal:dataset-detail", args=[dataset.pk])).content.decode()
    assert "<dt>Format</dt><dd>European XFEL run</dd>" in data_page


def add_source_column(dataset: Dataset, name: str, title: str, unit: str) -> None:
    path = dataset.products.get(kind="index").folder / "frames.parquet"
    values = np.where(np.arange(N) == 4, np.nan, np.arange(N) / 2)
    table = pyarrow.parquet.read_table(path).append_column(f"source_{name}", pyarrow.array(values))
    pyarrow.parquet.write_table(table, path)
    look = dataset.products.get(kind="inspect")
    look.facts = {**look.facts, "columns": {name: {"title": title, "unit": unit}}}
    look.save()


def test_a_frame_comes_raw_and_as_counts(client: Client, dataset: Dataset) -> None:
    frame = draw_frames(N).condensed[8]
    raw = client.get(reverse("explore:frame-raw", args=[dataset.pk, 8]))
    np.testing.assert_array_equal(np.frombuffer(raw.content, np.uint8).reshape(frame.shape), frame)
    assert "Cache-Control" not in raw.headers
    npy = client.get(reverse("explore:frame-npy", args=[dataset.pk, 8]))
    counts = np.load(io.BytesIO(npy.content), allow_pickle=False)
    np.testing.assert_allclose(np.log1p(counts) / np.log1p(SCALE_MAX) * 255, frame, atol=1e-3)


def test_a_thumbnail_comes_alone_with_the_mask_in_a_colour_of_its_own(
    client: Client, dataset: Dataset
) -> None:
    url = reverse("explore:frame-thumb", args=[dataset.pk, 8])
    picture = np.asarray(Image.open(io.BytesIO(client.get(url).content)))
    drawn = draw_frames(N)
    assert picture.shape == (64, 64, 3)
    assert (picture[~drawn.mask] == (38, 70, 83)).all()
    assert (picture[drawn.mask & (drawn.condensed[8] == 0)] == (0, 0, 4)).all()
    condensation = dataset.products.get(kind="condense").pk
    assert "immutable" in client.get(url, {"of": condensation})["Cache-Control"]
    assert "Cache-Control" not in client.get(url, {"of": dataset.pk}).headers


def test_the_mask_of_condensed_frames_is_that_of_the_detector(client: Client, dataset: Dataset) -> None:
    product = dataset.products.get(kind="condense")
    response = client.get(reverse("explore:condensed-mask", args=[product.pk]))
    mask = np.frombuffer(response.content, np.uint8).reshape(64, 64)
    np.testing.assert_array_equal(mask == 1, ~draw_frames(N).mask)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("dataset-clusters", []),
        ("map-points", ["index"]),
        ("frame-detail", [1]),
        ("frame-raw", [1]),
        ("frame-npy", [1]),
        ("frame-thumb", [1]),
    ],
)
def test_strangers_find_nothing(dataset: Dataset, name: str, arguments: list) -> None:
    url = reverse(f"explore:{name}", args=[dataset.pk, *arguments])
    stranger = Client()
    assert stranger.get(url).status_code == 302
    stranger.force_login(make_user("eve", make_group("other")))
    assert stranger.get(url).status_code == 404


def test_strangers_find_no_sheet_mask_or_list(dataset: Dataset) -> None:
    stranger, product = Client(), dataset.products.get(kind="condense")
    stranger.force_login(make_user("eve", make_group("other")))
    assert stranger.get(reverse("explore:sheet", args=[product.pk, 0])).status_code == 404
    assert stranger.get(reverse("explore:condensed-mask", args=[product.pk])).status_code == 404
    assert stranger.post(reverse("explore:frame-list", args=[dataset.pk])).status_code == 404


def test_the_page_says_on_how_many_frames_the_clusters_were_found(client: Client, dataset: Dataset) -> None:
    page = reverse("explore:dataset-clusters", args=[dataset.pk])
    assert b"found on" not in client.get(page).content, "all of them were fitted"
    clustering = dataset.products.get(kind="cluster")
    clustering.facts |= {"n_fitted": 40}
    clustering.save(update_fields=["facts"])
    assert b"70 frames, found on 40 of them" in client.get(page).content
