"""What is said to have spoken for a class did so: without it the class loses more than without the rest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.science.test_classifier import SCALE_MAX, SIDE, labelled, patterns, quiet
from workers.science.classifier import Classifier, classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.explain import OF_RESIDUAL, OF_SHAPES, explain_frame
from workers.science.labelled_frames import LabelledFrames
from workers.science.occlusion import log_odds
from workers.science.polar_places import on_image
from workers.science.train_classifier import train

FIFTH = 0.2
RECIPES = {
    "shapes": {},
    "polar": {"shapes": False, "residual": True, "width": 8, "n_steps": 60, "batch": 16, "held_back": 0.0},
    "image": {
        "shapes": False,
        "residual": True,
        "input": "image",
        "width": 8,
        "n_steps": 80,
        "held_back": 0.0,
    },
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Classifier]:
    found = {}
    for name, recipe in RECIPES.items():
        settings = ClassifierRecipe.from_dict(recipe)
        found[name] = train(labelled(48), settings, 0, Path(tmp_path_factory.mktemp(name)), quiet).network
    return found


def smoothed(frame: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Put the mean of its ring in the place of each pixel that is hidden."""
    y, x = np.indices(frame.shape) - (SIDE - 1) / 2
    ring = np.hypot(y, x).astype(int)
    counts = np.expm1(frame / 255 * np.log1p(SCALE_MAX))
    wide = sum(
        np.bincount(np.maximum(ring + step, 0).ravel(), counts.ravel(), SIDE)[ring]
        / np.maximum(np.bincount(np.maximum(ring + step, 0).ravel(), minlength=SIDE), 1)[ring]
        for step in range(-3, 4)
    )
    levels = 255 * np.log1p(wide / 7) / np.log1p(SCALE_MAX)
    return np.where(hidden, levels.round(), frame).astype(np.uint8)


def odds(frames: np.ndarray, network: Classifier, column: int) -> np.ndarray:
    with torch.inference_mode():
        return log_odds(network.logits(frames), network.single_label)[:, column].numpy()


def random_fifth(random: np.random.Generator) -> np.ndarray:
    """A smooth patchwork over a fifth of the pixels."""
    coarse = random.normal(size=(1, 6, 8)).astype(np.float32)
    heat = on_image(coarse - coarse.min(), np.ones((SIDE, SIDE), bool), np.zeros(2, np.float32))[0]
    return heat >= np.quantile(heat, 1 - FIFTH)


@pytest.mark.parametrize("name", RECIPES)
def test_without_the_fifth_that_spoke_most_a_class_loses_more_than_without_random_fifths(networks, name):
    network, random = networks[name], np.random.default_rng(0)
    frames, truth = patterns(24, seed=7)
    assert (classify_frames(frames, network).argmax(axis=1) == truth.argmax(axis=1)).mean() > 0.8
    lost, by_chance = [], []
    for frame, classes in zip(frames, truth, strict=True):
        column = int(classes.argmax())
        heat = explain_frame(frame, network).heat[column]
        top = heat >= np.quantile(heat, 1 - FIFTH)
        hidden = [
            smoothed(frame, top & (heat > 0)),
            *(smoothed(frame, random_fifth(random)) for _ in range(8)),
        ]
        whole, best, *others = odds(np.stack([frame, *hidden]), network, column)
        lost.append(whole - best)
        by_chance.append(whole - np.mean(others))
    assert np.mean(lost) > 1.3 * max(np.mean(by_chance), 0.1)


def banded(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rings, of which every second frame has those between radius 13 and 19 broken twice, at any angle."""
    random, frames = np.random.default_rng(seed), []
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    radius, angle = np.hypot(y, x), np.arctan2(y, x)
    for number in range(n):
        broken = 1 + np.cos(2 * (angle - random.uniform(0, np.pi)))
        shape = np.cos(np.pi * radius / random.uniform(5, 8)) ** 2
        shape = np.where((number % 2 == 1) & (radius > 13) & (radius < 19), shape * broken, shape)
        counts = random.poisson(300 * shape * np.exp(-radius / 14))
        frames.append(np.minimum(255 * np.log1p(counts) / np.log1p(SCALE_MAX), 255))
    return np.array(frames, np.uint8), np.eye(2, dtype=bool)[np.arange(n) % 2]


def test_the_heat_of_a_class_that_some_rings_tell_lies_on_these_rings(tmp_path):
    frames, matrix = banded(48, 0)
    known = LabelledFrames(frames, matrix, frames.max(axis=0) > 0, SCALE_MAX, ["whole", "broken"], True)
    network = train(known, ClassifierRecipe(), 0, tmp_path, quiet).network
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    radius = np.hypot(y, x)
    inside, covered = (radius > 12) & (radius < 20), radius < SIDE / 2
    there, shares = inside.sum() / covered.sum(), []
    for frame in banded(12, 1)[0][1::2]:
        heat = explain_frame(frame, network).heat[1]
        shares.append(heat[inside].sum() / heat.sum())
    assert np.mean(shares) > 1.4 * there


def test_heat_is_between_nothing_and_one_and_masked_pixels_have_none(networks):
    frame = patterns(1, seed=3)[0][0]
    good = networks["shapes"].good.copy()
    good[:, :10] = False
    found = explain_frame(frame, replace(networks["shapes"], good=good))
    assert found.heat.shape == (2, SIDE, SIDE)
    assert (found.heat.min(), found.heat.max()) == (0, 1)
    assert not found.heat[:, :, :10].any()


def test_it_is_said_how_it_was_found(networks):
    frame = patterns(1)[0][0]
    assert explain_frame(frame, networks["shapes"]).method == OF_SHAPES
    assert explain_frame(frame, networks["polar"]).method == OF_RESIDUAL
    both = replace(networks["shapes"], residual=networks["image"].residual, form="image", share=0.5)
    assert explain_frame(frame, both).method == f"{OF_SHAPES} and {OF_RESIDUAL}"


def test_a_dark_frame_is_explained_without_a_number_that_is_none(networks):
    for network in networks.values():
        assert np.isfinite(explain_frame(np.zeros((SIDE, SIDE), np.uint8), network).heat).all()


def test_a_polar_map_is_laid_where_its_cells_are():
    heat = np.zeros((1, 10, 16), np.float32)
    heat[0, 7, 4] = 1  # a quarter turn from the columns towards the rows: downwards
    image = on_image(heat, np.ones((41, 41), bool), np.zeros(2, np.float32))[0]
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert row > 20 + 10
    assert abs(column - 20) < 6


def test_log_odds_of_one_class_are_against_all_others_together():
    logits = torch.tensor([[1.0, 2.0, -1.0]])
    share = logits.softmax(dim=1)
    assert torch.allclose(log_odds(logits, True), (share / (1 - share)).log(), atol=1e-6)
    assert torch.equal(log_odds(logits, False), logits)
