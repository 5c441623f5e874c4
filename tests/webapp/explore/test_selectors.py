"""Reads of maps and frames."""

import numpy as np
import pytest

from tests.webapp.factories import draw_frames, make_dataset, make_group, make_product, make_sorted_dataset
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.nearness import nearest_frames
from webapp.explore.selectors import cluster_cards, condensed_mask

pytestmark = pytest.mark.django_db


def test_the_nearest_frames_are_those_of_a_full_search() -> None:
    columns = columns_of(make_sorted_dataset(make_group(), 150))
    latents = draw_frames(150).latents[:, :8]  # the network's active ones
    scaled = latents / latents.std(axis=0)
    distances = np.linalg.norm(scaled - scaled[9], axis=1)
    distances[9] = np.inf
    assert nearest_frames(columns, 9, count=6) == np.argsort(distances)[:6].tolist()


@pytest.mark.parametrize("compared", [50_000, 7000])
def test_the_nearest_of_many_frames_are_those_of_a_full_search(monkeypatch, compared: int) -> None:
    """Among many frames a bound from a sample leaves few to be compared; beyond a limit, not all are seen."""
    monkeypatch.setattr("webapp.datasets.nearness.MOST_COMPARED", compared)
    monkeypatch.setattr("webapp.datasets.nearness.MOST_CANDIDATES", 200)
    latents = (50 + np.random.default_rng(0).normal(size=(20_000, 6))).astype(np.float32)
    dataset = make_dataset(make_group(), 20_000 // 100)
    Dataset.objects.filter(pk=dataset.pk).update(n_frames=20_000)
    dataset.refresh_from_db()
    make_product(dataset, "embed", lambda out: np.save(out / "latents.npy", latents))
    scaled = latents.astype(float) / latents.std(axis=0)
    step = -(-20_000 // compared)
    for index in (0, 12_345):
        distances = np.linalg.norm(scaled[::step] - scaled[index], axis=1)
        expected = [frame for frame in (np.argsort(distances) * step).tolist() if frame != index]
        assert nearest_frames(columns_of(dataset), index, count=8) == expected[:8]


def test_the_only_frame_has_no_neighbour() -> None:
    columns = columns_of(make_sorted_dataset(make_group(), 1))
    assert nearest_frames(columns, 0) == []


def test_without_clusters_there_are_no_cards() -> None:
    assert cluster_cards(columns_of(make_dataset(make_group(), 3))) == []


def test_the_condensed_mask_follows_an_off_centre_cut_out() -> None:
    mask = np.ones((40, 60), bool)
    mask[10:14, 30:34] = False
    geometry = {"mask": mask, "centre": np.array([11.5, 31.5]), "scale_max": 9.0, "size": 10, "crop": 20.0}
    dataset = make_dataset(make_group(), 3)
    product = make_product(dataset, "condense", lambda out: np.savez(out / "geometry.npz", **geometry))
    expected = np.zeros((10, 10), np.uint8)
    expected[4:6, 4:6] = 1
    np.testing.assert_array_equal(condensed_mask(product.folder), expected)
