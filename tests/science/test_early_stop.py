"""Held-back frames: which, what their loss is, and how a training stops by it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.science.test_train import RECIPE, cancel_at, folder, train, weights
from workers.science.batches import Batches
from workers.science.early_stop import EarlyStop, held_back_loss, split_rows
from workers.science.errors import Cancelled, RecipeError
from workers.science.factorvae import FactorVAE, LearnRecipe

# A rate at which the reconstruction soon gets worse again.
WILD = replace(RECIPE, n_steps=400, learning_rate=0.05, warm_up=0.1, patience=3, held_back=0.1)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(200, 2)) @ rng.normal(size=(2, 12)) + rng.normal(size=(200, 12))).astype("f4")


def test_rows_are_learned_from_or_held_back_and_never_both():
    learned, held_back = split_rows(1000, 0.05, seed=1)
    assert len(held_back) == 50
    assert sorted([*learned.tolist(), *held_back.tolist()]) == list(range(1000))
    assert torch.equal(split_rows(1000, 0.05, seed=1)[1], held_back)
    assert not torch.equal(split_rows(1000, 0.05, seed=2)[1], held_back)


def test_few_frames_are_all_learned_from_and_of_many_only_some_are_held_back():
    assert [len(split_rows(n, 0.05, 0)[1]) for n in (1, 100, 160, 10**6)] == [0, 0, 8, 512]


def test_the_loss_of_held_back_frames_is_that_of_one_batch_of_them_whatever_the_blocks():
    x = np.random.default_rng(0).normal(size=(150, 12)).astype("f4")
    model = FactorVAE(RECIPE, 12)
    found = held_back_loss(model, Batches(x, torch.device("cpu")), torch.arange(150))
    mean, log_variance = model.encode(torch.from_numpy(x))
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
    rest = 0.5 * ((torch.from_numpy(x) - model.decode(mean)) / RECIPE.noise_level).square().sum(dim=1)
    assert found == pytest.approx((kl + rest).mean().item(), rel=1e-5)


def test_the_weights_of_the_lowest_loss_are_kept_and_put_back():
    model, stop = torch.nn.Linear(1, 1), EarlyStop(patience=2)
    for step, loss in enumerate([3.0, 1.0, 2.0]):
        torch.nn.init.constant_(model.weight, loss)
        stop.judge(loss, step, model)
    assert not stop.is_due
    stop.judge(1.5, 3, model)
    assert stop.is_due
    stop.put_back(model)
    assert model.weight.item() == 1.0
    assert (stop.lowest, stop.lowest_step) == (1.0, 1)


def test_a_training_that_no_longer_gains_stops_and_says_at_which_step(features, tmp_path):
    training = train(features, tmp_path, recipe=WILD, checkpoint_s=60)
    judged = {p["step"]: p["held_back"] for p in training.curve if "held_back" in p and p["step"] > 40}
    best = min(judged, key=judged.get)
    assert training.step < WILD.n_steps
    assert list(judged)[-1] == training.step == list(judged)[list(judged).index(best) + WILD.patience]
    assert f"early, at step {training.step}; the weights are those of step {best}," in training.ending
    loss = held_back_loss(training.model, training.batches, training.held_back)
    assert loss == pytest.approx(judged[best], rel=1e-5)


def test_a_training_that_was_cancelled_stops_early_at_the_same_step(features, tmp_path):
    undisturbed = train(features, folder(tmp_path, "a"), recipe=WILD, checkpoint_s=60)
    scratch = folder(tmp_path, "b")
    with pytest.raises(Cancelled):
        train(features, scratch, recipe=WILD, on_progress=cancel_at(undisturbed.step - 12))
    resumed = train(features, scratch, recipe=WILD, checkpoint_s=60)
    assert resumed.curve == undisturbed.curve
    assert torch.allclose(weights(resumed), weights(undisturbed), atol=1e-7)


def test_without_patience_all_steps_are_done(features, tmp_path):
    training = train(features, tmp_path, recipe=replace(WILD, patience=0, n_steps=60), checkpoint_s=60)
    assert training.step == 60
    assert training.ending == "all steps done"
    assert "held_back" in training.curve[-1]


def test_patience_without_frames_to_judge_is_refused():
    with pytest.raises(RecipeError, match="no frames are held back"):
        LearnRecipe(patience=3, held_back=0.0)
