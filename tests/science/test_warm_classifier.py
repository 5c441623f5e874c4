"""A classifier that begins with what one of another data set knows."""

import json

import numpy as np
import pytest
import torch

from tests.science.detectors import condense_counts, condense_on, train_on
from tests.science.synthetic import CLASSES
from workers.science.another_set import signal_pixels
from workers.science.classifier import AiryNet, load_classifier
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.errors import RecipeError
from workers.science.labels_file import write_labels_npz
from workers.science.metrics import macro_f1
from workers.science.prior import Prior
from workers.science.scale import read_scale
from workers.science.shape_expert import expert_features, fit_shape_expert
from workers.science.simulate import Recipe, detector_mask, simulate_frames
from workers.science.steps.classify import train_classifier
from workers.science.warm_classifier import read_earlier

IMAGES = {"shapes": False, "residual": True, "width": 2, "n_steps": 2, "batch": 8}
SHAPES = ClassifierRecipe()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Folders: `small` with a network of its labels, and `large`, of another detector."""
    folder = tmp_path_factory.mktemp("two")
    classes = condense_on(folder / "small", "small", seed=1)
    train_on(folder / "small", classes, folder / "network")
    train_on(folder / "small", classes, folder / "residual", 40, **IMAGES)
    return folder, condense_on(folder / "large", "large", seed=2)


def features_of(folder):
    scale, scale_max = read_scale(folder)
    frames = np.load(folder / "condensed.npy")
    return expert_features(frames, signal_pixels(folder), scale_max, scale)


def train_large(two, name, per_class, **given):
    """Train on a few labels of the other detector; return the card."""
    folder, classes = two
    for part in (name, f"{name}-scratch"):
        (folder / part).mkdir()
    rows = np.concatenate([np.flatnonzero(classes == number)[:per_class] for number in range(4)])
    labels = folder / f"{name}.npz"
    write_labels_npz(labels, np.sort(rows), np.eye(4, dtype=bool)[classes[np.sort(rows)]])
    arguments = {
        "condensed_dir": str(folder / "large"),
        "labels": str(labels),
        "classes": list(CLASSES),
        "single_label": True,
        "recipe": {"n_unlabelled": 100},
        "seed": 0,
        "scratch": str(folder / f"{name}-scratch"),
        "threads": 1,
        "out": str(folder / name),
    }
    return train_classifier(**(arguments | given))


def droplets(folder, seed):
    """Return features and kinds of simulated droplets."""
    recipe = Recipe(shape=(64, 64))
    frames = [frame for part in simulate_frames(recipe, seed, 270) for frame in part]
    counts, good = np.stack([frame.counts for frame in frames]), detector_mask(recipe, seed) == 0
    condense_counts(folder, counts, good, size=64)
    return features_of(folder), np.array([frame.particle.kind for frame in frames])


def test_with_two_labels_a_class_an_earlier_expert_is_worth_more_than_none(tmp_path):
    features, kinds = droplets(tmp_path / "first", 0)
    names = sorted(set(kinds))
    first = fit_shape_expert(features, kinds[:, None] == np.array(names), True)
    weight = (first.linear.weight / first.spread).detach().numpy()
    bias = first.linear.bias.detach().numpy() - weight @ first.mean.numpy()
    prior = Prior(weight - weight.mean(axis=0), bias - bias.mean(), np.ones(len(names), bool))
    features, kinds = droplets(tmp_path / "second", 1)
    truth, gains = kinds[:, None] == np.array(names), []
    for seed in range(3):
        random = np.random.default_rng(seed)
        rows = np.concatenate([random.permutation(np.flatnonzero(kinds == name))[:2] for name in names])
        rest = np.delete(np.arange(len(kinds)), rows)
        experts = [fit_shape_expert(features[rows], truth[rows], True, None, one) for one in (None, prior)]
        places = [expert(torch.from_numpy(features[rest])).argmax(1) for expert in experts]
        scores = [macro_f1(truth[rest], np.eye(len(names), dtype=bool)[place]) for place in places]
        gains.append(scores[1] - scores[0])
    assert np.mean(gains) > 0.05, gains


def test_without_any_label_the_fit_is_the_earlier_network(two):
    """Two frames of no weight: only the pull towards it is left."""
    folder, _ = two
    features, network = features_of(folder / "small"), load_classifier(folder / "network")
    prior = read_earlier(folder / "network", SHAPES, list(CLASSES), True).prior
    before = network.shapes(torch.from_numpy(features)) / network.temperature
    apart = torch.from_numpy(prior.logits(features)) - before
    assert (apart - apart.mean(dim=1, keepdim=True)).abs().max() < 1e-3


def test_a_new_class_begins_with_nothing_and_is_learned(two):
    folder, classes = two
    features, names = features_of(folder / "large"), ["round", "streak", "brand new"]
    prior = read_earlier(folder / "network", SHAPES, names, True).prior
    assert prior.known.tolist() == [True, True, False]
    assert not prior.slopes[2].any()
    told = np.select([classes == 1, classes == 3, classes == 0], [0, 1, 2], -1)
    rows = np.concatenate([np.flatnonzero(told == number)[:6] for number in range(3)])
    rest = np.setdiff1d(np.flatnonzero(told >= 0), rows)
    expert = fit_shape_expert(features[rows], np.eye(3, dtype=bool)[told[rows]], True, None, prior)
    right = expert(torch.from_numpy(features[rest])).argmax(1).numpy() == told[rest]
    assert right.mean() > 0.9


def test_a_class_that_is_known_but_has_no_label_here_is_not_ruled_out():
    random = np.random.default_rng(0)
    features = random.normal(size=(30, 576)).astype(np.float32)
    matrix = np.eye(3, dtype=bool)[np.arange(30) % 2]
    slopes = np.zeros((3, 576), np.float32)
    slopes[2, 100] = 5
    expert = fit_shape_expert(
        features, matrix, True, None, Prior(slopes, np.zeros(3, np.float32), np.array([False, False, True]))
    )
    asked = np.zeros((1, 576), np.float32)
    asked[0, 100] = 4
    assert expert(torch.from_numpy(asked)).argmax().item() == 2


def test_the_residual_network_takes_the_weights_over_and_rows_by_class(two):
    folder, _ = two
    recipe = ClassifierRecipe.from_dict(IMAGES)
    earlier = read_earlier(folder / "residual", recipe, ["streak", "fresh"], True)
    network, own = AiryNet(2, 2), load_classifier(folder / "residual").residual.cpu()
    fresh = network.last.weight[1].detach().clone()
    earlier.begin(network)
    assert torch.equal(network.first.weight, own.first.weight)
    assert torch.equal(network.last.weight[0], own.last.weight[3])
    assert torch.equal(network.last.weight[1], fresh)


def test_a_training_that_starts_from_another_says_so_in_its_card(two):
    folder, _ = two
    card = train_large(two, "warm", 4, start_from=str(folder / "network"))
    assert len(card["started_from_sha256"]) == 64
    assert card["figures"]["metrics"]["macro_f1"] > 0.7
    warm = {**IMAGES, "input": "polar"}
    card = train_large(two, "warm-residual", 8, recipe=warm, start_from=str(folder / "residual"))
    assert len(card["started_from_sha256"]) == 64
    assert train_large(two, "cold", 4)["started_from_sha256"] is None


@pytest.mark.parametrize(
    ("network", "recipe", "classes", "single", "words"),
    [
        ("network", {}, ["spiral"], True, "it knows none of the classes spiral"),
        ("network", {}, ["round", "streak"], False, "it gives one class a frame"),
        ("residual", {}, ["round", "streak"], True, "it has no expert on shapes"),
        ("network", IMAGES, ["round", "streak"], True, "it has no residual network"),
        ("residual", {**IMAGES, "width": 4}, ["round", "streak"], True, "its width is 2, that of this"),
    ],
)
def test_what_does_not_match_is_refused_in_one_line(two, network, recipe, classes, single, words):
    folder, _ = two
    with pytest.raises(RecipeError, match=words) as error:
        read_earlier(folder / network, ClassifierRecipe.from_dict(recipe), classes, single)
    assert "\n" not in str(error.value)


def test_a_network_of_these_very_frames_is_refused_as_figures_would_flatter(two):
    folder, _ = two
    digest = json.loads((folder / "network" / "card.json").read_text())["data"]["sha256"]
    with pytest.raises(RecipeError, match="these very frames"):
        read_earlier(folder / "network", SHAPES, list(CLASSES), True, digest)
