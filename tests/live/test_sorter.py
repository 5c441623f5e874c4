"""Sorting into clusters with a FactorVAE, and what a sorter refuses."""

from pathlib import Path

import numpy as np
import pytest

from tests.live.synthetic import DISC, STREAK, make_frames, make_geometry, write_file
from workers.live.ledger import LEDGER, read_rows
from workers.live.sorter import NOISE, ClusterSorter, load_sorter
from workers.science.embed import embed_frames, load_embedder
from workers.science.errors import ScienceError
from workers.science.preprocess import condense_frames, save_geometry
from workers.science.steps.learn import learn

KINDS = [DISC, STREAK] * 40


@pytest.fixture(scope="module")
def factorvae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learn for a few steps, and keep the latents and labels of the frames beside the network."""
    folder = tmp_path_factory.mktemp("factorvae")
    for name in ("condensed", "network", "scratch"):
        (folder / name).mkdir()
    condensed = condense_frames(make_frames(KINDS), make_geometry())
    np.save(folder / "condensed" / "condensed.npy", condensed)
    save_geometry(make_geometry(), folder / "condensed", {})
    learn(
        condensed_dir=str(folder / "condensed"),
        recipe={
            "n_latents": 2,
            "n_steps": 150,
            "batch_size": 32,
            "hidden_width": 32,
            "discriminator_width": 16,
        },
        seed=0,
        scratch=str(folder / "scratch"),
        threads=1,
        out=str(folder / "network"),
    )
    np.save(folder / "latents.npy", embed_frames(condensed, load_embedder(folder / "network")))
    np.save(folder / "labels.npy", np.array(KINDS, np.int32) + 3)
    return folder


def reference(folder: Path) -> dict[str, str]:
    return {name: str(folder / f"{name}.npy") for name in ("latents", "labels")}


def test_new_frames_go_to_the_cluster_of_their_neighbours(factorvae):
    sorter = load_sorter(factorvae / "network", reference(factorvae))
    assert sorter.names == ["cluster 3", "cluster 4", NOISE]
    kinds = np.array([DISC, STREAK] * 15)
    sorting = sorter.sort(condense_frames(make_frames(list(kinds), seed=9), make_geometry()))
    assert (sorting.decision[:, :2].argmax(axis=1) == kinds).mean() > 0.9
    np.testing.assert_allclose(sorting.probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_watch_sorts_into_clusters_and_counts_them(factorvae, watch, tmp_path):
    running = watch(network_dir=factorvae / "network", reference=reference(factorvae))
    write_file(running.folder / "a.h5", make_frames([DISC] * 3))
    running.wait_for(lambda: running.n_sorted == 3)
    result = running.stop()
    rows = list(read_rows(running.session / LEDGER))
    assert set(result["classes"]) == {"cluster 3", "cluster 4", NOISE}
    assert sum(result["classes"].values()) == 3
    assert all(len(row["classes"]) == 1 for row in rows)


def test_what_lies_far_from_all_that_was_clustered_is_noise(factorvae):
    latents = np.load(factorvae / "latents.npy")
    network = load_embedder(factorvae / "network")
    far = ClusterSorter(
        network, [0, 1], latents + 50 * latents.std(axis=0), np.load(factorvae / "labels.npy")
    )
    sorting = far.sort(condense_frames(make_frames([DISC] * 4), make_geometry()))
    assert sorting.decision[:, -1].all()


def test_a_factorvae_without_clusters_sorts_nothing(factorvae):
    with pytest.raises(ScienceError, match="knows no classes"):
        load_sorter(factorvae / "network", None)
    latents, noise = np.load(factorvae / "latents.npy"), np.full(len(KINDS), -1, np.int32)
    with pytest.raises(ScienceError, match="no cluster to sort into"):
        ClusterSorter(load_embedder(factorvae / "network"), [0], latents, noise)
