"""Clusterings and maps of data sets that are too large to be fitted as a whole."""

import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from workers.science.cluster import ClusterRecipe, read_clusters
from workers.science.clustering_files import load_clustering
from workers.science.errors import ScienceError
from workers.science.latents import LatentWeights, latent_weights, sample_rows
from workers.science.neighbours import Assigned, Neighbourhood, assign, place
from workers.science.steps import cluster, project

SIZES = (900, 600, 300)


def blobs(spread=0.2, seed=0):
    """Latents of three kinds that lie apart, in random order, and the kinds."""
    rng = np.random.default_rng(seed)
    middles = 4 * np.eye(4)[:3]
    kinds = rng.permutation(np.repeat(np.arange(3), SIZES))
    return (middles[kinds] + spread * rng.normal(size=(len(kinds), 4))).astype(np.float32), kinds


@pytest.fixture
def folders(tmp_path):
    """Folders of latents and of a network whose latents are all active, and the true kinds."""
    latents, kinds = blobs()
    for name in ("latents", "network"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "latents" / "latents.npy", latents)
    figures = {"active_latents": [0, 1, 2, 3], "kl_per_latent": [2.0] * 4}
    card = {"kind": "factorvae", "recipe": {}, "figures": figures}
    (tmp_path / "network" / "card.json").write_text(json.dumps(card))
    return {"latents_dir": str(tmp_path / "latents"), "network_dir": str(tmp_path / "network")}, kinds


def run(step, folders, tmp_path, name, recipe, seed=0):
    out = tmp_path / name
    out.mkdir()
    return out, step(recipe=recipe, seed=seed, threads=1, out=str(out), **folders)


def read(folder, name):
    return np.load(folder / f"{name}.npy")


WHOLE = {"reduce": "none", "min_cluster_size": 60}


def test_a_sample_and_its_neighbours_agree_with_the_fit_of_all(folders, tmp_path):
    places, kinds = folders
    whole, counts = run(cluster.cluster, places, tmp_path, "whole", WHOLE)
    part, sampled = run(cluster.cluster, places, tmp_path, "part", {**WHOLE, "max_points": 450})
    assert (counts["n_fitted"], sampled["n_fitted"]) == (1800, 450)
    assert adjusted_rand_score(read(whole, "labels"), read(part, "labels")) > 0.95
    assert adjusted_rand_score(kinds, read(part, "labels")) > 0.95
    assert sampled["n_clusters"] == 3
    assert not (whole / "sample.npy").exists()
    rows = read(part, "sample")
    assert len(rows) == 450
    assert np.load(part / "tree.npz")["child_size"].max() <= 450


def test_the_list_counts_all_frames_and_names_frames_of_the_data_set(folders, tmp_path):
    places, kinds = folders
    part, _ = run(cluster.cluster, places, tmp_path, "part", {**WHOLE, "max_points": 450})
    labels, probabilities = read(part, "labels"), read(part, "probabilities")
    listed = json.loads((part / "clusters.json").read_text())
    assert [entry["id"] for entry in listed] == [0, 1, 2]
    for entry in listed:
        members = np.flatnonzero(labels == entry["id"])
        assert entry["size"] == len(members)
        assert entry["mean_probability"] == pytest.approx(probabilities[members].mean(), abs=1e-4)
        assert set(entry["exemplars"]) <= set(members.tolist())
        assert len(set(kinds[entry["exemplars"]])) == 1
    assert [entry["size"] for entry in listed] == sorted((e["size"] for e in listed), reverse=True)


def test_every_frame_has_a_probability_and_a_score_that_are_numbers(folders, tmp_path):
    part, _ = run(cluster.cluster, folders[0], tmp_path, "part", {**WHOLE, "max_points": 200})
    labels = read(part, "labels")
    for name in ("probabilities", "outlier_scores"):
        column = read(part, name)
        assert column.dtype == np.float32
        assert column.shape == labels.shape == (1800,)
        assert ((column >= 0) & (column <= 1)).all()
    assert (read(part, "probabilities")[labels < 0] == 0).all()


@pytest.mark.parametrize("name", ["labels", "probabilities", "outlier_scores", "sample"])
def test_the_same_seed_gives_the_same_sample_and_the_same_clusters(folders, tmp_path, name):
    recipe = {**WHOLE, "max_points": 300}
    first, again, other = (
        run(cluster.cluster, folders[0], tmp_path, f"run-{i}", recipe, seed)[0]
        for i, seed in enumerate((5, 5, 6))
    )
    assert np.array_equal(read(first, name), read(again, name))
    if name == "sample":
        assert not np.array_equal(read(first, name), read(other, name))


def test_the_least_size_of_a_cluster_is_meant_for_all_frames(folders, tmp_path):
    recipe = {**WHOLE, "min_cluster_size": 180, "max_points": 450}
    _, counts = run(cluster.cluster, folders[0], tmp_path, "part", recipe)
    assert counts["choice"]["min_cluster_size"] == 45


def reread(folders, tmp_path, earlier, name, recipe, within=None):
    places = {**folders, "cluster_dir": str(earlier)}
    out = tmp_path / name
    out.mkdir()
    return out, cluster.recluster(recipe=recipe, within=within, threads=1, out=str(out), **places)


@pytest.mark.parametrize("most", [1800, 600])
def test_other_settings_read_from_the_tree_give_what_clustering_anew_gives(folders, tmp_path, most):
    common = {**WHOLE, "max_points": most}
    first, _ = run(cluster.cluster, folders[0], tmp_path, "first", {**common, "min_samples": 6})
    for i, settings in enumerate(({"method": "leaf", "min_samples": 6}, {"min_samples": 3})):
        anew, counts = run(cluster.cluster, folders[0], tmp_path, f"anew-{i}", {**common, **settings})
        again, told = reread(folders[0], tmp_path, first, f"again-{i}", {**common, **settings})
        assert told == counts
        for name in ("labels", "probabilities", "outlier_scores"):
            assert np.array_equal(read(anew, name), read(again, name))
        assert (again / "clusters.json").read_text() == (anew / "clusters.json").read_text()
        assert np.array_equal(read(again / "density", "points"), read(anew / "density", "points"))


@pytest.mark.parametrize("most", [1800, 600])
def test_settings_left_open_are_chosen_again_by_the_latents_and_not_by_what_umap_made_of_them(
    folders, tmp_path, most
):
    recipe = {"max_points": most}
    first, told = run(cluster.cluster, folders[0], tmp_path, "first", recipe)
    _, repeated = reread(folders[0], tmp_path, first, "again", recipe)
    assert repeated["choice"] == told["choice"]
    plain = read_clusters(load_clustering(first).density, ClusterRecipe())
    judged = [[row["modularity"] for row in choice["table"]] for choice in (told["choice"], plain.choice)]
    assert judged[0] != judged[1]


@pytest.mark.parametrize("most", [1800, 600])
def test_one_cluster_is_looked_into_and_the_rest_follows(folders, tmp_path, most):
    places, kinds = folders
    path = f"{places['latents_dir']}/latents.npy"
    latents = np.load(path)
    half = (np.arange(1800) % 2 == 0) & (kinds == 0)
    latents[half, 0] += 2
    np.save(path, latents)
    coarse = {
        "reduce": "none",
        "min_cluster_size": 590,
        "min_samples": 5,
        "method": "eom",
        "max_points": most,
    }
    first, found = run(cluster.cluster, places, tmp_path, "first", coarse)
    assert found["n_clusters"] == 2
    fine = {"reduce": "none", "min_cluster_size": 100, "min_samples": 5, "method": "eom"}
    again, told = reread(places, tmp_path, first, "again", fine, within=0)
    assert told["n_clusters"] == 3
    assert told["choice"]["within"] == 0
    truth = np.where(half, 3, kinds)
    inside = kinds < 2
    assert adjusted_rand_score(truth[inside], read(again, "labels")[inside]) > 0.85


def test_a_clustering_whose_tree_was_not_kept_cannot_be_read_again(folders, tmp_path):
    first, _ = run(cluster.cluster, folders[0], tmp_path, "first", WHOLE)
    shutil.rmtree(first / "density")
    with pytest.raises(ScienceError, match="was not kept"):
        reread(folders[0], tmp_path, first, "again", WHOLE)


def test_landmarks_stay_where_they_were_drawn_and_others_lie_among_their_own(folders, tmp_path):
    places, kinds = folders
    folder, counts = run(project.project, places, tmp_path, "map", {"max_points": 300, "n_neighbors": 8})
    plane, rows = read(folder, "map"), sample_rows(1800, 300, 0)
    assert counts == {"n_fitted": 300}
    assert plane.shape == (1800, 2)
    assert np.isfinite(plane).all()
    latents = np.load(f"{places['latents_dir']}/latents.npy")
    weights = latent_weights(latents, {"active_latents": [0, 1, 2, 3], "kl_per_latent": [2.0] * 4})
    known = Neighbourhood(weights.points(latents[rows]))
    assert np.allclose(place(weights.points(latents[rows]), known, plane[rows]), plane[rows], atol=1e-4)
    middles = np.stack([plane[rows][kinds[rows] == kind].mean(axis=0) for kind in range(3)])
    nearest = np.linalg.norm(plane[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == kinds).mean() > 0.98


def test_all_frames_are_laid_out_by_their_components_where_that_is_asked_for(folders, tmp_path):
    _, counts = run(project.project, folders[0], tmp_path, "map", {"method": "pca", "max_points": 300})
    assert counts == {"n_fitted": 1800}


def test_a_point_far_from_all_that_is_known_is_noise():
    points, kinds = blobs()
    of_known = Assigned(
        kinds.astype(np.int32), np.full(1800, 0.8, np.float32), np.full(1800, 0.1, np.float32)
    )
    found = assign(np.float32([[4, 0, 0, 0], [40, 40, 0, 0]]), Neighbourhood(points), of_known)
    assert found.labels.tolist() == [0, -1]
    assert found.probabilities.tolist() == pytest.approx([0.8, 0.0])
    assert found.outlier_scores.tolist() == pytest.approx([0.1, 1.0])


def test_noise_has_neighbours_too():
    points, kinds = blobs()
    labels = np.where(kinds == 2, -1, kinds).astype(np.int32)
    of_known = Assigned(labels, np.ones(1800, np.float32), np.zeros(1800, np.float32))
    found = assign(4 * np.eye(4, dtype=np.float32)[:3], Neighbourhood(points), of_known)
    assert found.labels.tolist() == [0, 1, -1]


@pytest.mark.parametrize("n", [1, 2, 40])
def test_few_or_identical_known_points_do_not_break_it(n):
    known = Neighbourhood(np.zeros((n, 2), np.float32))
    of_known = Assigned(np.zeros(n, np.int32), np.ones(n, np.float32), np.zeros(n, np.float32))
    assert assign(np.zeros((3, 2), np.float32), known, of_known).labels.tolist() == [0, 0, 0]
    assert place(np.zeros((3, 2), np.float32), known, np.ones((n, 2), np.float32)).tolist() == [[1, 1]] * 3


def test_weights_are_the_same_whether_taken_in_one_block_or_in_many(monkeypatch):
    latents, _ = blobs()
    figures = {"active_latents": [0, 2], "kl_per_latent": [2.0, 0, 1.0, 0]}
    whole = latent_weights(latents, figures)
    monkeypatch.setattr("workers.science.latents.BLOCK", 7)
    in_blocks = latent_weights(latents, figures)
    assert isinstance(whole, LatentWeights)
    assert np.allclose(whole.points(latents), in_blocks.points(latents), atol=1e-6)
    assert whole.points(latents).std(axis=0).tolist() == pytest.approx([1, np.exp(-1)], abs=1e-4)
