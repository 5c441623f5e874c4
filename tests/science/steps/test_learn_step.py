"""The step `learn`: starting from another network, several processes, pictures, and a sample of frames."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.science.steps.test_learn_to_map import QUICK, condense, learn_in, rings_and_streaks
from workers.science.errors import RecipeError, ScienceError
from workers.science.network import WEIGHTS, load_tensors
from workers.science.pictures import STEPS
from workers.science.row_subset import RowSubset

SHORT = {**QUICK, "n_steps": 4, "learning_rate": 1e-6}


@pytest.fixture(autouse=True)
def torch_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def condensed(tmp_path_factory):
    return condense(tmp_path_factory.mktemp("data") / "condensed", rings_and_streaks(90))


@pytest.fixture(scope="module")
def learned(tmp_path_factory, condensed):
    return learn_in(tmp_path_factory.mktemp("learned"), condensed, recipe={**QUICK, "active_kl": 0.0})


def encoder_of(network):
    return load_tensors(network)["model.encoder.layers.0.weight"]


def test_a_training_begins_with_the_weights_of_another_network(tmp_path, condensed, learned):
    network, card = learn_in(tmp_path, condensed, recipe=SHORT, start_from=learned[0], seed=7)
    apart, _ = learn_in(tmp_path, condensed, "apart", recipe=SHORT, seed=7)
    assert torch.allclose(encoder_of(network), encoder_of(learned[0]), atol=1e-4)
    assert not torch.allclose(encoder_of(apart), encoder_of(learned[0]), atol=1e-4)
    assert card["started_from_sha256"] is not None
    other = torch.nn.Linear(1, 1)
    assert other.weight.shape != encoder_of(network).shape
    assert Path(learned[0], WEIGHTS).is_file()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_width": 16}, "hidden_width is 32"),
        ({"n_latents": 3}, "n_latents is 4"),
        ({"n_orders": 5}, "n_orders"),
    ],
)
def test_a_network_of_other_layers_or_inputs_is_refused_in_one_line(
    tmp_path, condensed, learned, change, words
):
    with pytest.raises(RecipeError, match=words) as refused:
        learn_in(tmp_path, condensed, recipe={**SHORT, **change}, start_from=learned[0])
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_network_is_not_started_from(tmp_path, condensed):
    with pytest.raises(ScienceError, match=r"card\.json"):
        learn_in(tmp_path, condensed, recipe=SHORT, start_from=str(tmp_path))


def test_each_active_latent_has_frames_along_it_and_a_row_of_the_picture(learned):
    network, card = learned
    found = card["traversals"]
    assert [one["latent"] for one in found] == card["figures"]["active_latents"] == [0, 1, 2, 3]
    assert all(len(one["frames"]) == len(STEPS) and max(one["frames"]) < 90 for one in found)
    width, height = Image.open(f"{network}/traversals.png").size
    assert (width, height) == (5 * 66 - 2, 4 * 66 - 2)
    assert Image.open(f"{network}/reconstructions.png").size == (10 * 66 - 2, 3 * 66 - 2)


def test_the_image_form_shows_what_the_decoder_draws_below_the_frames(tmp_path, condensed):
    recipe = {"input": "image", "n_steps": 2, "batch_size": 4, "discriminator_width": 8, "n_latents": 2}
    network, _ = learn_in(tmp_path, condensed, recipe={**recipe, "active_kl": 0.0})
    assert Image.open(f"{network}/traversals.png").size == (5 * 66 - 2, 4 * 66 - 2)


def test_frames_of_a_sample_are_named_by_their_numbers_in_the_data_set(tmp_path, condensed):
    recipe = {**SHORT, "max_frames": 12, "active_kl": 0.0}
    _, card = learn_in(tmp_path, condensed, recipe=recipe)
    chosen = np.sort(np.random.default_rng(0).choice(90, 12, replace=False))
    assert {frame for one in card["traversals"] for frame in one["frames"]} <= set(chosen.tolist())


def test_a_subset_reads_the_rows_that_are_asked_for():
    array, rows = np.arange(40).reshape(20, 2), np.array([3, 4, 11, 19])
    subset = RowSubset(array, rows)
    assert len(subset) == 4
    assert subset.shape == (4, 2)
    assert subset[1:3].tolist() == [[8, 9], [22, 23]]
    assert subset[np.array([0, 3])].tolist() == [[6, 7], [38, 39]]
    assert np.array_equal(np.asarray(subset), array[rows])


def test_two_processes_learn_through_the_step(tmp_path, condensed):
    points = []
    recipe = {**SHORT, "processes": 2, "batch_size": 8}
    _, card = learn_in(
        tmp_path,
        condensed,
        recipe=recipe,
        on_progress=lambda *_, point=None, **__: points.append(point),
    )
    assert card["computed_on"] == "2 x cpu"
    assert [point for point in points if point] == card["curve"]
