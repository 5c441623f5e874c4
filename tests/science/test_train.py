import numpy as np
import pytest
import torch

from workers.science.checkpoint import load_checkpoint
from workers.science.errors import Cancelled, TrainingError
from workers.science.factorvae import LearnRecipe
from workers.science.progress import silent
from workers.science.train import train_factorvae

RECIPE = LearnRecipe(
    n_latents=3, n_steps=24, hidden_width=16, discriminator_width=8, batch_size=16, noise_level=0.3
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 2)).astype(np.float32)
    return (hidden @ rng.normal(size=(2, 12)) + 0.05 * rng.normal(size=(200, 12))).astype(np.float32)


def train(features, scratch, *, recipe=RECIPE, seed=0, on_progress=silent, data="a", checkpoint_s=0.0):
    return train_factorvae(
        features,
        recipe,
        seed=seed,
        scratch=scratch,
        data_sha256=data,
        on_progress=on_progress,
        checkpoint_s=checkpoint_s,
    )


def folder(tmp_path, name):
    path = tmp_path / name
    path.mkdir()
    return path


def weights(training):
    return torch.cat([value.flatten() for value in training.model.state_dict().values()])


def cancel_at(step):
    def on_progress(done, total, unit="frames", *, note="", point=None):
        if done >= step:
            raise Cancelled

    return on_progress


def test_training_beats_the_principal_components_that_it_starts_from(tmp_path):
    """A circle seen through its harmonics needs two latents, but many principal components."""
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 300)[:, None]
    order = np.arange(1, 7)
    features = np.concatenate([np.cos(order * angle), np.sin(order * angle)], axis=1).astype(np.float32)
    recipe = LearnRecipe(
        n_latents=2, n_steps=300, hidden_width=32, discriminator_width=8, learning_rate=3e-3, warm_up=0
    )
    curve = train(features, tmp_path, recipe=recipe, checkpoint_s=60).curve
    losses = [point["reconstruction"] for point in curve]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:3])
    assert curve[-1]["step"] == 300


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(features, tmp_path):
    first = train(features, folder(tmp_path, "a"))
    again = train(features, folder(tmp_path, "b"))
    other = train(features, folder(tmp_path, "c"), seed=1)
    assert torch.equal(weights(first), weights(again))
    assert first.curve == again.curve
    assert not torch.allclose(weights(first), weights(other))


def test_training_does_not_touch_the_random_numbers_of_others(features, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train(features, tmp_path)
    assert torch.equal(torch.rand(2), expected)


def test_a_training_that_was_cancelled_goes_on_to_the_same_result(features, tmp_path):
    undisturbed = train(features, folder(tmp_path, "a"))
    scratch = folder(tmp_path, "b")
    with pytest.raises(Cancelled):
        train(features, scratch, on_progress=cancel_at(17))
    steps = []
    resumed = train(features, scratch, on_progress=lambda done, *_, **__: steps.append(done))
    assert steps[0] == 17
    assert torch.allclose(weights(undisturbed), weights(resumed), atol=1e-7)
    assert resumed.curve == undisturbed.curve


@pytest.mark.parametrize(
    "change", [{"data": "b"}, {"seed": 9}, {"recipe": LearnRecipe(n_latents=2, n_steps=5)}]
)
def test_a_checkpoint_of_another_training_is_not_taken_up(features, tmp_path, change):
    with pytest.raises(Cancelled):
        train(features, tmp_path, on_progress=cancel_at(12))
    steps = []
    train(features, tmp_path, on_progress=lambda done, *_, **__: steps.append(done), **change)
    assert steps[0] == 1


def test_a_damaged_checkpoint_means_a_new_start(features, tmp_path):
    (tmp_path / "learn.safetensors").write_bytes(b"half a file")
    assert load_checkpoint(tmp_path / "learn.safetensors") is None
    assert train(features, tmp_path).step == RECIPE.n_steps


def test_a_loss_that_is_no_number_stops_with_a_sentence(features, tmp_path):
    features[:] = np.nan
    with pytest.raises(TrainingError, match="no longer a number at step 1"):
        train(features, tmp_path)


def test_the_curve_has_all_four_losses_and_not_too_many_points(features, tmp_path, monkeypatch):
    points = []
    monkeypatch.setattr("workers.science.train.N_POINTS", 20)
    recipe = LearnRecipe(n_latents=2, n_steps=45, hidden_width=4, discriminator_width=4, batch_size=4)
    train(
        features,
        tmp_path,
        recipe=recipe,
        on_progress=lambda *_, point=None, **__: points.append(point),
        checkpoint_s=60,
    )
    assert len(points) <= 20
    assert points[-1]["step"] == 45
    assert set(points[0]) == {
        *("step", "reconstruction", "kl", "kl_per_latent", "total_correlation", "discriminator")
    }
    assert points[0]["kl"] == pytest.approx(sum(points[0]["kl_per_latent"]), rel=1e-3)
    assert "held_back" in points[-1]


@pytest.mark.parametrize("n", [1, 2, 10])
def test_few_frames_are_enough(features, tmp_path, n):
    assert np.isfinite(weights(train(features[:n], tmp_path)).numpy()).all()


def test_identical_frames_leave_no_latent_active(tmp_path):
    training = train(np.zeros((30, 12), np.float32), tmp_path, recipe=LearnRecipe(n_latents=3, n_steps=80))
    assert training.curve[-1]["kl"] < 0.5
