"""The unsupervised line, from condensed frames to the map, through the files of the contract."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workers.science.embed import embed_frames, load_embedder
from workers.science.errors import Cancelled, RecipeError, ScienceError, TrainingError
from workers.science.factorvae import LearnRecipe
from workers.science.network import load_tensors
from workers.science.steps import cluster, embed, learn, project

SIZE = 32
QUICK = {"n_steps": 60, "n_latents": 4, "hidden_width": 32, "discriminator_width": 8, "n_bands": 5}


@pytest.fixture(autouse=True)
def torch_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def rings_and_streaks(n, seed=0):
    """Counts of round patterns (even frames) and streaks (odd frames), turned and lit at random."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    frames = []
    for i in range(n):
        angle, brightness = rng.uniform(0, np.pi), 10 ** rng.uniform(2, 3.5)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        radius = np.hypot(along, across * (4 if i % 2 else 1))
        frames.append(rng.poisson(brightness * np.exp(-radius / 4) * (1 + np.cos(radius))))
    return np.stack(frames)


def condense(folder, counts):
    folder.mkdir()
    scale_max = 2000.0
    levels = 255 * np.log1p(np.minimum(counts, scale_max)) / np.log1p(scale_max)
    np.save(folder / "condensed.npy", np.rint(levels).astype(np.uint8))
    facts = {"centre": (15.5, 15.5), "scale_max": scale_max, "size": SIZE, "crop": float(SIZE)}
    np.savez(folder / "geometry.npz", mask=np.ones((SIZE, SIZE), bool), **facts)
    return str(folder)


def new(folder):
    folder.mkdir(parents=True)
    return str(folder)


def learn_in(tmp_path, condensed, name="network", recipe=QUICK, **changes):
    settings = {"recipe": recipe, "seed": 0, "scratch": new(tmp_path / f"{name}-scratch"), "threads": 1}
    out = new(tmp_path / name)
    return out, learn.learn(condensed_dir=condensed, out=out, **{**settings, **changes})


@pytest.fixture
def condensed(tmp_path):
    return condense(tmp_path / "condensed", rings_and_streaks(90))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A condensed data set with a network that learned it, and the card that `learn` returned."""
    folder = tmp_path_factory.mktemp("learned")
    condensed = condense(folder / "condensed", rings_and_streaks(90))
    return condensed, *learn_in(folder, condensed)


def embed_in(tmp_path, condensed, network, ranges):
    parts = []
    for start, stop in ranges:
        parts.append(new(tmp_path / f"part-{start}-{stop}"))
        embed.embed_range(
            condensed_dir=condensed, network_dir=network, start=start, stop=stop, threads=1, out=parts[-1]
        )
    out = new(tmp_path / "latents")
    return out, embed.merge_latents(parts=parts, out=out)


def run_on(step, tmp_path, latents, network, recipe=None):
    out = new(tmp_path / step.__name__)
    return out, step(
        latents_dir=latents, network_dir=network, recipe=recipe or {}, seed=0, threads=1, out=out
    )


def test_the_line_tells_rings_from_streaks(tmp_path, condensed):
    network, card = learn_in(tmp_path, condensed, recipe={**QUICK, "n_steps": 250})
    latents, merged = embed_in(tmp_path, condensed, network, [(0, 50), (50, 90)])
    assert merged == {"n_frames": 90}
    clusters, counts = run_on(cluster.cluster, tmp_path, latents, network)
    plane, _ = run_on(project.project, tmp_path, latents, network)

    labels = np.load(f"{clusters}/labels.npy")
    listed = json.loads((tmp_path / "cluster" / "clusters.json").read_text())
    assert counts["n_clusters"] == len(listed) == labels.max() + 1 >= 2
    assert counts["n_noise"] == (labels < 0).sum() < 30
    for found in listed:
        kinds = np.flatnonzero(labels == found["id"]) % 2
        assert max(kinds.mean(), 1 - kinds.mean()) > 0.9
    assert np.load(f"{plane}/map.npy").shape == (90, 2)
    assert set(np.load(f"{clusters}/tree.npz")) == {"parent", "child", "lambda_val", "child_size"}
    assert card["figures"]["active_latents"]


def test_the_card_says_what_was_done_and_is_what_was_written(learned):
    _, network, card = learned
    assert json.loads(Path(network, "card.json").read_text()) == card
    assert card["kind"] == "factorvae"
    assert card["recipe"]["n_steps"] == card["n_steps"] == 60
    assert card["recipe"]["gamma"] == 6.4
    assert card["data"]["n_frames"] == 90
    assert len(card["data"]["sha256"]) == 64
    assert len(card["figures"]["kl_per_latent"]) == 4
    assert card["curve"][-1]["step"] == 60
    assert {"input.mask", "input.mean", "input.scale"} <= set(load_tensors(network))
    assert Image.open(f"{network}/reconstructions.png").size[0] > 20


def test_a_network_folder_alone_embeds_new_frames(learned):
    condensed, network, _ = learned
    frames = np.load(f"{condensed}/condensed.npy")
    embedder = load_embedder(network)
    latents = embed_frames(frames, embedder)
    assert latents.shape == (90, 4)
    assert latents.dtype == np.float32
    assert np.allclose(embed_frames(frames[7:8], embedder), latents[7:8], atol=1e-4)


def test_latents_do_not_know_a_quarter_turn(learned):
    condensed, network, _ = learned
    frames = np.load(f"{condensed}/condensed.npy")
    straight, turned = (
        embed_frames(f, load_embedder(network)) for f in (frames, np.rot90(frames, axes=(1, 2)))
    )
    assert np.abs(straight - turned).mean() < 0.1 * straight.std()


def test_the_published_form_learns_images(tmp_path, condensed):
    recipe = {"input": "image", "n_steps": 3, "batch_size": 4, "discriminator_width": 8}
    network, card = learn_in(tmp_path, condensed, recipe=recipe)
    latents, _ = embed_in(tmp_path, condensed, network, [(0, 90)])
    assert np.load(f"{latents}/latents.npy").shape == (90, LearnRecipe().n_latents)
    assert card["recipe"]["input"] == "image"


@pytest.mark.parametrize("n", [1, 2, 10])
def test_few_frames_go_all_the_way(tmp_path, n):
    condensed = condense(tmp_path / "condensed", rings_and_streaks(n))
    network, _ = learn_in(tmp_path, condensed, recipe={**QUICK, "n_steps": 5})
    latents, _ = embed_in(tmp_path, condensed, network, [(0, n)])
    run_on(cluster.cluster, tmp_path, latents, network)
    plane, _ = run_on(project.project, tmp_path, latents, network)
    assert np.isfinite(np.load(f"{plane}/map.npy")).all()


def test_identical_frames_go_all_the_way(tmp_path):
    condensed = condense(tmp_path / "condensed", np.repeat(rings_and_streaks(1), 20, axis=0))
    network, _ = learn_in(tmp_path, condensed, recipe={**QUICK, "n_steps": 5})
    latents, _ = embed_in(tmp_path, condensed, network, [(0, 20)])
    _, counts = run_on(cluster.cluster, tmp_path, latents, network)
    assert counts["n_clusters"] == 1


def test_a_subset_is_learned_when_the_recipe_says_so(tmp_path, condensed):
    _, card = learn_in(tmp_path, condensed, recipe={**QUICK, "n_steps": 2, "max_frames": 20})
    assert card["data"]["n_learned_from"] == 20
    assert card["data"]["n_frames"] == 90


def test_cancelling_stops_learning(tmp_path, condensed):
    def on_progress(*_, **__):
        raise Cancelled

    with pytest.raises(Cancelled):
        learn_in(tmp_path, condensed, on_progress=on_progress)
    assert not (tmp_path / "network" / "card.json").exists()


def test_an_empty_data_set_is_refused(tmp_path):
    condensed = condense(tmp_path / "condensed", np.empty((0, SIZE, SIZE)))
    with pytest.raises(TrainingError, match="no frames"):
        learn_in(tmp_path, condensed)


def test_unknown_settings_are_refused_by_every_step(tmp_path, learned):
    condensed = learned[0]
    with pytest.raises(RecipeError, match="'speed'"):
        learn_in(tmp_path, condensed, recipe={"speed": 11})
    _, network, _ = learned
    latents, _ = embed_in(tmp_path, condensed, network, [(0, 90)])
    for step in (cluster.cluster, project.project):
        with pytest.raises(RecipeError, match="'speed'"):
            run_on(step, tmp_path, latents, network, {"speed": 11})


def test_frames_of_another_size_are_refused(learned):
    _, network, _ = learned
    with pytest.raises(ScienceError, match="learned from"):
        embed_frames(np.zeros((2, 16, 16), np.uint8), load_embedder(network))
