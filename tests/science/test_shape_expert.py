"""What the network of shapes sees, a linear fit to unsure labels, and labels spread over neighbours."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.science.test_classifier import SCALE_MAX, SIDE, labelled, patterns, quiet
from workers.science.classifier import classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.linear_fit import fit_linear
from workers.science.shape_expert import N_FEATURES, expert_features, fit_shape_expert
from workers.science.spread import spread_labels
from workers.science.train_classifier import choose_temperature, train

GOOD = np.ones((SIDE, SIDE), bool)


def test_features_do_not_know_quarter_turns_and_a_dark_frame_has_some():
    condensed, _ = patterns(6)
    there = expert_features(condensed, GOOD, SCALE_MAX)
    turned = expert_features(np.ascontiguousarray(np.rot90(condensed, axes=(1, 2))), GOOD, SCALE_MAX)
    assert there.shape == (6, N_FEATURES)
    assert np.median(np.abs(there - turned)) < 0.02 * there.std()
    assert np.isfinite(expert_features(np.zeros((1, SIDE, SIDE), np.uint8), GOOD, SCALE_MAX)).all()


@pytest.mark.parametrize("single_label", [True, False])
def test_the_expert_tells_rings_from_streaks_after_four_labels_each(single_label):
    condensed, matrix = patterns(60)
    features = expert_features(condensed, condensed.max(axis=0) > 0, SCALE_MAX)
    expert = fit_shape_expert(features[:8], matrix[:8], single_label)
    decided = expert(torch.from_numpy(features[8:])).argmax(dim=1).numpy()
    assert (decided == matrix[8:].argmax(axis=1)).mean() > 0.9


def _blobs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two long clouds of features side by side: what tells them apart is not what varies most."""
    random = np.random.default_rng(seed)
    kinds = np.arange(n) % 2
    points = np.zeros((n, N_FEATURES), np.float32)
    points[:, 0] = random.uniform(-1, 1, n)
    points[:, 1] = 0.25 * (2 * kinds - 1) + random.normal(0, 0.03, n)
    return points, np.eye(2, dtype=bool)[kinds]


@pytest.mark.parametrize("single_label", [True, False])
def test_frames_without_labels_are_learned_from_as_well(single_label):
    points, matrix = _blobs(400, seed=1)
    # one label at one end of each cloud: by these alone the border would stand askew
    ends = np.array([points[::2, 0].argmax() * 2, points[1::2, 0].argmin() * 2 + 1])
    others = np.delete(np.arange(400), ends)

    def right(expert: torch.nn.Module) -> float:
        decided = expert(torch.from_numpy(points[others])).argmax(dim=1).numpy()
        return float((decided == matrix[others].argmax(axis=1)).mean())

    alone = right(fit_shape_expert(points[ends], matrix[ends], single_label))
    helped = right(fit_shape_expert(points[ends], matrix[ends], single_label, points[others]))
    assert alone < 0.9
    assert helped > alone + 0.05


def test_labels_spread_along_a_cloud_and_not_across():
    points, matrix = _blobs(400, seed=2)
    spread = spread_labels(points[:, :2], np.array([0, 1]), matrix[:2].astype(np.float32))
    assert np.allclose(spread.sum(axis=1), 1, atol=1e-5)
    assert (spread.argmax(axis=1) == matrix.argmax(axis=1)).mean() > 0.95


def test_a_frame_that_no_label_reaches_is_called_nothing_more_than_another():
    points = np.concatenate([np.zeros((20, 2)), np.full((20, 2), 50.0)]).astype(np.float32)
    points += np.random.default_rng(0).normal(size=points.shape).astype(np.float32)
    spread = spread_labels(points, np.array([0]), np.array([[1.0, 0.0]], np.float32))
    assert np.allclose(spread[20:], 0.5)
    assert (spread[:20, 0] > 0.99).all()


def test_unsure_labels_and_weights_are_fitted_as_what_they_are():
    x = np.zeros((4, 1), np.float32)
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    _, biases = fit_linear(x, targets, np.array([3, 3, 1, 1], np.float32), single_label=True)
    assert np.exp(biases[0] - biases[1]) == pytest.approx(3, rel=0.02)
    _, biases = fit_linear(
        x, np.full((4, 2), [0.8, 0.2], np.float32), np.ones(4, np.float32), single_label=False
    )
    assert 1 / (1 + np.exp(-biases)) == pytest.approx([0.8, 0.2], abs=0.01)


@pytest.mark.parametrize("single_label", [True, False])
def test_a_class_without_labels_is_not_found_and_one_that_all_have_always(single_label):
    random = np.random.default_rng(0)
    features = random.normal(size=(12, N_FEATURES)).astype(np.float32)
    if single_label:
        matrix = np.eye(3, dtype=bool)[np.arange(6) % 2 * 2]
        absent = [1]
    else:
        matrix = np.array([[True, False, bool(i % 2)] for i in range(6)])
        absent = [1]
    for unlabelled in (None, features[6:]):
        logits = fit_shape_expert(features[:6], matrix, single_label, unlabelled)(torch.from_numpy(features))
        probabilities = logits.softmax(dim=1) if single_label else logits.sigmoid()
        assert (probabilities[:, absent] < 0.01).all()
        assert single_label or (probabilities[:, 0] > 0.99).all()


def test_every_label_is_judged_by_a_fit_that_has_not_seen_it(tmp_path: Path):
    frames = labelled(30)
    wrong = 7
    frames.matrix[wrong] = ~frames.matrix[wrong]  # by the label it is the other kind
    points: list[dict] = []
    trained = train(
        frames, ClassifierRecipe(), 0, tmp_path, lambda *_, point=None, **__: points.append(point)
    )
    assert trained.judged.tolist() == list(range(30))
    assert trained.probabilities[wrong, frames.matrix[wrong].argmax()] < 0.5
    agree = trained.probabilities.argmax(axis=1) == frames.matrix.argmax(axis=1)
    assert agree.sum() >= 27
    assert [point["step"] for point in points if point] == [1, 2, 3, 4, 5]
    assert {"loss", "macro_f1"} <= trained.curve[0].keys()


def test_the_same_seed_gives_the_same_expert(tmp_path: Path):
    unlabelled, _ = patterns(40, seed=9)
    found = [
        classify_frames(
            unlabelled, train(labelled(), ClassifierRecipe(), 3, tmp_path, quiet, unlabelled).network
        )
        for _ in range(2)
    ]
    assert np.array_equal(*found)


def test_probabilities_are_made_as_sure_as_they_are_right():
    random = np.random.default_rng(0)
    frames = labelled(400)
    truth = frames.matrix.argmax(axis=1)
    # right three times of four, and sure of it by e to the power of 8
    said = np.where(random.random(400) < 0.75, truth, 1 - truth)
    logits = torch.from_numpy(8.0 * np.eye(2, dtype=np.float32)[said])
    temperature = choose_temperature(logits, frames)
    assert float((logits / temperature).softmax(dim=1).max()) == pytest.approx(0.75, abs=0.08)
    assert choose_temperature(logits[:10], frames.part(np.arange(10))) == 1.0
