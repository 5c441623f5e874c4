"""Full-resolution numbers by way of the portal and a real frame server."""

import io
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.drawn_frames import count_map, draw_frames
from tests.webapp.factories import make_classified, make_dataset, make_group, make_sorted_dataset, make_user
from webapp.datasets.models import Dataset
from webapp.explore.frame_source import SEATS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frame_server")]
N = 40


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def counts() -> np.ndarray:
    return count_map(draw_frames(N).condensed).round().astype(np.uint16)


@pytest.fixture
def client(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group, role="viewer"))
    return client


def url_of(name: str, dataset: Dataset, *arguments: object) -> str:
    return reverse(f"explore:{name}", args=[dataset.pk, *arguments])


def array_of(response) -> np.ndarray:
    assert response.status_code == 200, response.content
    shape = int(response["X-Frame-Height"]), int(response["X-Frame-Width"])
    return np.frombuffer(response.content, response["X-Frame-Numbers"]).reshape(shape)


def line_of(response, status: int) -> str:
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/plain")
    assert response["Cache-Control"] == "no-store"
    text = response.content.decode()
    assert "\n" not in text
    return text


def test_a_frame_comes_as_it_is_in_its_file(client, dataset, counts):
    response = client.get(url_of("frame-full", dataset, 7))
    assert (response["X-Frame-Numbers"], response["X-Frame-Type"]) == ("<u2", "uint16")
    np.testing.assert_array_equal(array_of(response), counts[7])
    npy = client.get(url_of("frame-full-npy", dataset, 7))
    np.testing.assert_array_equal(np.load(io.BytesIO(npy.content), allow_pickle=False), counts[7])
    assert "frame-7-full.npy" in npy["Content-Disposition"]


def test_a_preview_is_the_mean_of_squares(client, dataset, counts):
    binned = array_of(client.get(url_of("frame-full", dataset, 7), {"bin": 4}))
    np.testing.assert_allclose(binned, counts[7].reshape(16, 4, 16, 4).mean(axis=(1, 3)), rtol=1e-6)
    for side in ("0", "65", "x", "-1"):
        assert client.get(url_of("frame-full", dataset, 7), {"bin": side}).status_code == 404


def test_a_frame_is_kept_for_ever_under_the_id_of_its_source_alone(client, dataset):
    url, source = url_of("frame-full", dataset, 7), dataset.products.get(kind="inspect").pk
    named = client.get(url, {"of": source})
    assert "immutable" in named["Cache-Control"]
    assert "no-cache" in client.get(url)["Cache-Control"]
    assert client.get(url, {"of": dataset.pk}).status_code == 404
    assert client.get(url, {"of": "x"}).status_code == 404
    again = client.get(url, headers={"If-None-Match": named["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(url, {"bin": 2}, headers={"If-None-Match": named["ETag"]}).status_code == 200


def test_a_frame_that_is_not_there_answers_404(client, dataset):
    assert "there is no frame 40" in line_of(client.get(url_of("frame-full", dataset, N)), 404)


def test_masks_of_the_file_and_of_condensing_come_apart(client, dataset):
    assert client.get(url_of("detector-mask", dataset)).content == b""
    product = dataset.products.get(kind="condense")
    masked = array_of(client.get(reverse("explore:condensing-mask", args=[product.pk])))
    np.testing.assert_array_equal(masked == 1, ~draw_frames(N).mask)


@pytest.mark.parametrize("what", ["sum", "mean", "maximum"])
def test_a_pattern_over_a_cluster_is_what_numpy_says(client, dataset, counts, what: str):
    members = draw_frames(N).labels == 1
    response = client.get(url_of("frame-pattern", dataset), {"what": what, "cluster": 1})
    expected = {"sum": np.sum, "mean": np.mean, "maximum": np.max}[what](
        counts[members].astype(float), axis=0
    )
    np.testing.assert_allclose(array_of(response), expected)
    assert response["X-Frames-Used"] == response["X-Frames-Chosen"] == str(members.sum())


def test_patterns_over_a_class_and_over_numbers(client, dataset, counts):
    classification = make_classified(dataset)
    place = 0
    threshold = classification.input("network").facts["thresholds"][place]
    probabilities = np.load(classification.folder / "probabilities.npy")
    members = probabilities[:, place] >= threshold
    url = url_of("frame-pattern", dataset)
    response = client.get(url, {"what": "sum", "class": "Round"})
    np.testing.assert_allclose(array_of(response), counts[members].sum(axis=0))
    response = client.get(url, {"what": "maximum", "frames": "3, 5-7 ,3", "as": "npy"})
    np.testing.assert_array_equal(
        np.load(io.BytesIO(response.content), allow_pickle=False), counts[[3, 5, 6, 7]].max(axis=0)
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"frames": ""},
        {"frames": "5-3"},
        {"frames": "0-40"},
        {"frames": "first"},
        {"cluster": "x"},
        {"class": "Unheard"},
        {"frames": "1", "what": "beauty"},
        {"cluster": "0", "clustering": "6a1dbfd2-39ff-4c29-b56e-e1ba3ed53d3d"},
    ],
)
def test_a_choice_that_cannot_be_understood_is_refused_in_one_line(client, dataset, asked: dict):
    assert line_of(client.get(url_of("frame-pattern", dataset), asked), 400)


def test_a_missing_file_is_named(client, dataset):
    path = Path(dataset.source_files.get().path)
    path.unlink()
    text = line_of(client.get(url_of("frame-full", dataset, 0)), 422)
    assert str(path) in text
    assert "does not exist" in text


def test_an_old_look_into_the_source_says_what_to_do(client, dataset):
    (dataset.products.get(kind="inspect").folder / "source.json").unlink()
    assert "Look into its files again" in line_of(client.get(url_of("frame-full", dataset, 0)), 422)


def test_without_a_frame_server_there_is_one_clear_line(client, dataset, settings, tmp_path):
    settings.FRAME_SERVER = str(tmp_path / "nobody")
    assert "does not answer" in line_of(client.get(url_of("frame-full", dataset, 0)), 503)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("frame-full", [1]), ("frame-full-npy", [1]), ("frame-pattern", []), ("detector-mask", [])],
)
def test_strangers_find_no_numbers(dataset, name: str, arguments: list):
    stranger = Client()
    assert stranger.get(url_of(name, dataset, *arguments)).status_code == 302
    stranger.force_login(make_user("eve", make_group("other")))
    assert stranger.get(url_of(name, dataset, *arguments)).status_code == 404


def test_a_source_of_another_data_set_is_not_read_by_way_of_my_own(client, dataset):
    foreign = make_dataset(make_group("other"), 5, name="theirs").products.get(kind="inspect").pk
    assert client.get(url_of("frame-full", dataset, 0), {"of": foreign}).status_code == 404


def test_patterns_that_many_wait_for_leave_the_portal_its_threads(client, dataset):
    url = url_of("frame-pattern", dataset) + "?frames=0-3"
    with ExitStack() as taken:
        while SEATS["pattern"].acquire(blocking=False):
            taken.callback(SEATS["pattern"].release)
        assert "Too many people wait" in line_of(client.get(url), 503)
        assert client.get(url_of("frame-full", dataset, 0)).status_code == 200
    assert client.get(url).status_code == 200
