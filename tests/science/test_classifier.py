from pathlib import Path

import numpy as np
import pytest
import torch

from workers.science.classifier import AiryNet, LogActivation, normalised_counts
from workers.science.classifier_augment import augment
from workers.science.classifier_input import network_levels
from workers.science.classifier_recipe import PUBLISHED, ClassifierRecipe
from workers.science.errors import Cancelled, RecipeError, TrainingError
from workers.science.fit_residual import Fit, learning_rate
from workers.science.fit_weights import class_weights
from workers.science.held_back import check_learnable, choose_rows, folds_of, hold_back
from workers.science.labelled_frames import LabelledFrames

SIDE = 48
SCALE_MAX = 1000.0
SMALL = {"shapes": False, "residual": True, "width": 4, "n_steps": 10, "batch": 16}


def patterns(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rings (class 0) and streaks at random angles (class 1), as condensed frames with their classes."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    radius, frames, numbers = np.hypot(y, x), [], np.arange(n) % 2
    for number in numbers:
        turn, period = rng.uniform(0, np.pi), rng.uniform(5, 8)
        shape = np.cos(np.pi * radius / period) ** 2
        if number:
            shape = shape * np.exp(-(((x * np.sin(turn) + y * np.cos(turn)) / 3) ** 2))
        counts = rng.poisson(10 ** rng.uniform(1.5, 2.5) * shape * np.exp(-radius / 12))
        frames.append(np.minimum(255 * np.log1p(counts) / np.log1p(SCALE_MAX), 255).round())
    return np.array(frames, np.uint8), np.eye(2, dtype=bool)[numbers]


def labelled(n: int = 24, single_label: bool = True) -> LabelledFrames:
    condensed, matrix = patterns(n)
    good = condensed.max(axis=0) > 0
    return LabelledFrames(condensed, matrix, good, SCALE_MAX, ["ring", "streak"], single_label)


def quiet(*_: object, **__: object) -> None:
    pass


def test_log_activation_is_the_published_function_and_zero_at_zero():
    x = torch.tensor([0.0, 1.0, -3.0, 1e5], dtype=torch.float64)
    published = torch.sign(x) * 0.2 * (torch.log(x.abs() + np.exp(-1)) + 1)
    assert torch.allclose(LogActivation()(x), published)
    assert LogActivation()(torch.zeros(1)).item() == 0.0


def test_log_activation_is_odd_and_its_gradient_is_finite_everywhere():
    x = torch.tensor([-1e6, -1.0, -1e-9, 0.0, 1e-9, 1.0, 1e6], requires_grad=True)
    y = LogActivation()(x)
    assert torch.allclose(y, -y.flip(0))
    y.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad[[0, 1, 2, 4, 5, 6]] > 0).all()


@pytest.mark.parametrize("side", [32, 48, 97])
def test_the_network_takes_frames_of_any_size(side):
    assert AiryNet(4, 3)(torch.zeros(2, 1, side, side)).shape == (2, 3)


def test_intensity_over_two_decades_hardly_changes_what_the_network_sees():
    counts = torch.full((1, 8, 8), 5.0) * torch.rand(1, 8, 8)
    both = torch.cat([counts, 100 * counts])
    levels = torch.log1p(both) / np.log1p(SCALE_MAX)
    dim, bright = normalised_counts(levels, torch.ones(8, 8), SCALE_MAX)
    assert torch.allclose(dim, bright, rtol=0.01)


def test_a_dark_frame_stays_finite():
    seen = normalised_counts(torch.zeros(1, 8, 8), torch.ones(8, 8), SCALE_MAX)
    assert torch.isfinite(seen).all()


@pytest.mark.parametrize("form", ["polar", "image", "correlation"])
@pytest.mark.parametrize("rotate", ["any", "quarter", "none"])
def test_augmented_frames_stay_in_range_and_differ_from_each_other(rotate, form):
    levels = torch.from_numpy(patterns(1)[0]).float().repeat(8, 1, 1) / 255
    recipe = ClassifierRecipe(rotate=rotate, input=form)
    changed = augment(levels, SCALE_MAX, recipe, torch.Generator().manual_seed(1))
    assert changed.shape == levels.shape
    assert 0 <= changed.min() <= changed.max() <= 1.001
    assert (changed[0] - changed[1:]).abs().amax(dim=(1, 2)).min() > 0


@pytest.mark.parametrize("form", ["polar", "image", "correlation"])
def test_augmentation_that_is_switched_off_changes_nothing(form):
    levels = torch.from_numpy(patterns(4)[0]).float() / 255
    recipe = ClassifierRecipe(input=form, rotate="none", flip=False, gain=1.0, shift=0.0)
    assert torch.equal(augment(levels, SCALE_MAX, recipe, torch.Generator()), levels)


@pytest.mark.parametrize("form", ["polar", "image", "correlation"])
def test_quarter_turns_move_pixels_and_do_not_blur_them(form):
    levels = torch.from_numpy(patterns(4)[0]).float() / 255
    recipe = ClassifierRecipe(input=form, rotate="quarter", gain=1.0, shift=0.0)
    changed = augment(levels, SCALE_MAX, recipe, torch.Generator().manual_seed(3))
    for before, after in zip(levels, changed, strict=True):
        assert torch.allclose(before.flatten().sort()[0], after.flatten().sort()[0], atol=1e-3)


def test_a_turn_of_the_frame_is_a_shift_of_its_polar_map():
    condensed, _ = patterns(6)
    good = np.ones((SIDE, SIDE), bool)
    straight, signal = network_levels(condensed, good, SCALE_MAX, "polar")
    turned, _ = network_levels(np.rot90(condensed, axes=(1, 2)), good, SCALE_MAX, "polar")
    shifted = np.roll(straight, -straight.shape[2] // 4, axis=2)
    assert straight.shape[1:] == signal.shape
    assert np.abs(turned - shifted).mean() < 0.1 * np.abs(turned - straight).mean()


def test_turning_a_polar_map_keeps_each_ring_in_its_place():
    levels = torch.rand(4, 5, 8)
    recipe = ClassifierRecipe(gain=1.0)
    changed = augment(levels, SCALE_MAX, recipe, torch.Generator().manual_seed(3))
    assert torch.equal(changed.sort(dim=2)[0], levels.sort(dim=2)[0])
    assert not torch.equal(changed, levels)


@pytest.mark.parametrize("single_label", [True, False])
def test_ten_steps_lower_the_loss(tmp_path, single_label):
    recipe = ClassifierRecipe.from_dict(SMALL)
    fit = Fit("fit", labelled(single_label=single_label), recipe, 0, tmp_path)
    fit.run(quiet, 0, 10)
    losses = [point["loss"] for point in fit.curve]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


@pytest.mark.parametrize("form", ["image", "correlation"])
def test_nesterov_with_the_published_settings_learns_too(tmp_path, form):
    settings = PUBLISHED | {"width": 4, "n_steps": 15, "input": form}
    fit = Fit("fit", labelled(), ClassifierRecipe.from_dict(settings), 0, tmp_path)
    fit.run(quiet, 0, 15)
    assert fit.curve[-1]["loss"] < fit.curve[0]["loss"]


def test_the_same_seed_gives_the_same_network_and_another_one_another(tmp_path):
    found = []
    for number, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        fit = Fit("fit", labelled(), ClassifierRecipe.from_dict(SMALL | {"n_steps": 3}), seed, folder)
        found.append(fit.run(quiet, 0, 3).residual.last.weight.detach().clone())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_fit_goes_on_from_its_checkpoint_as_if_it_had_not_been_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr("workers.science.fit_residual.CHECKPOINT_EVERY", 4)
    recipe = ClassifierRecipe.from_dict(SMALL)

    def cancel_at_six(done: int, *_: object, **__: object) -> None:
        if done == 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        Fit("fit", labelled(), recipe, 0, tmp_path).run(cancel_at_six, 0, 10)
    resumed = Fit("fit", labelled(), recipe, 0, tmp_path)
    assert resumed.step == 4
    weights = resumed.run(quiet, 0, 10).residual.state_dict()
    elsewhere = tmp_path / "undisturbed"
    elsewhere.mkdir()
    undisturbed = Fit("fit", labelled(), recipe, 0, elsewhere)
    for name, value in undisturbed.run(quiet, 0, 10).residual.state_dict().items():
        assert torch.allclose(weights[name], value, atol=1e-5), name
    assert [p["loss"] for p in resumed.curve] == pytest.approx(
        [p["loss"] for p in undisturbed.curve], abs=1e-4
    )


def test_a_checkpoint_of_other_labels_or_a_damaged_one_is_not_gone_on_from(tmp_path):
    recipe = ClassifierRecipe.from_dict(SMALL | {"n_steps": 2})
    Fit("fit", labelled(), recipe, 0, tmp_path).run(quiet, 0, 2)
    assert Fit("fit", labelled(), recipe, 0, tmp_path).step == 2
    assert Fit("fit", labelled(20), recipe, 0, tmp_path).step == 0
    next(Path(tmp_path).iterdir()).write_bytes(b"torn")
    assert Fit("fit", labelled(), recipe, 0, tmp_path).step == 0


def test_a_loss_that_is_not_a_number_ends_the_training(tmp_path):
    fit = Fit("fit", labelled(), ClassifierRecipe.from_dict(SMALL), 0, tmp_path)
    with torch.no_grad():
        fit.network.last.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not a number any more at step 1"):
        fit.run(quiet, 0, 10)


def test_the_rate_rises_then_falls_in_one_cycle_and_stays_with_nesterov():
    recipe = ClassifierRecipe(n_steps=100)
    rates = [learning_rate(step, recipe) for step in range(100)]
    assert np.argmax(rates) == 25
    assert max(rates) == pytest.approx(recipe.learning_rate)
    assert rates[-1] < 0.01 * recipe.learning_rate
    assert learning_rate(7, ClassifierRecipe.from_dict(PUBLISHED)) == pytest.approx(0.01875)


def test_rare_classes_weigh_more_and_absent_ones_do_not_blow_up():
    matrix = np.zeros((100, 3), bool)
    matrix[:90, 0], matrix[90:, 1] = True, True
    for single_label in (True, False):
        weights = class_weights(matrix, single_label)
        assert weights[1] > weights[0]
        assert np.isfinite(weights).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 18},
        {"width": 1},
        {"width": "16"},
        {"n_steps": 2.5},
        {"optimiser": "adam"},
        {"rotate": "often"},
        {"exclusive": "Empty"},
        {"learning_rate": float("nan")},
        {"flip": 1},
        {"shapes": False},
        {"folds": 1},
        {"angular": True},
    ],
)
def test_a_recipe_refuses_what_it_does_not_know(settings):
    with pytest.raises(RecipeError):
        ClassifierRecipe.from_dict(settings)


def test_a_recipe_survives_json():
    recipe = ClassifierRecipe.from_dict({"width": 8, "exclusive": ["Empty"]})
    assert ClassifierRecipe.from_dict(recipe.to_dict()) == recipe


def test_a_fifth_of_each_class_is_held_back_and_every_class_is_on_both_sides():
    rng = np.random.default_rng(0)
    matrix = rng.random((300, 5)) < [0.9, 0.5, 0.1, 0.03, 0.0]
    matrix[0, 4] = matrix[1, 4] = True
    rows = hold_back(matrix, 0.2, seed=3)
    held = np.isin(np.arange(300), rows)
    assert matrix[held].any(axis=0).all()
    assert matrix[~held].any(axis=0).all()
    assert 0.15 < held.mean() < 0.3
    assert hold_back(matrix, 0.2, seed=3).tolist() == rows.tolist()


def test_every_class_is_spread_over_the_parts_of_the_labels():
    rng = np.random.default_rng(0)
    matrix = rng.random((300, 4)) < [0.9, 0.5, 0.1, 0.03]
    folds = folds_of(matrix, 5, seed=3)
    assert np.bincount(folds).tolist() == [60] * 5
    for column in matrix.T:
        spread = np.bincount(folds[column], minlength=5)
        assert spread.min() >= 1
        assert spread.max() - spread.min() <= max(3, column.sum() // 10)
    assert folds_of(np.eye(3, dtype=bool), 5, 0).tolist() != [0, 0, 0]
    assert sorted(folds_of(np.eye(3, dtype=bool), 5, 0)) == [0, 1, 2]


def test_of_too_many_labels_rare_classes_are_kept():
    matrix = np.zeros((10_000, 2), bool)
    matrix[:, 0], matrix[::500] = True, [False, True]
    rows = choose_rows(matrix, 1000, seed=0)
    assert len(rows) == len(np.unique(rows)) == 1000
    assert matrix[rows, 1].sum() == 20
    assert choose_rows(matrix, 20_000, seed=0).tolist() == list(range(10_000))


def test_the_only_frame_of_a_class_is_never_held_back():
    matrix = np.array([[True, False]] * 9 + [[True, True]])
    for seed in range(10):
        assert 9 not in hold_back(matrix, 0.2, seed)


def test_nothing_is_held_back_on_demand():
    assert hold_back(np.eye(4, dtype=bool), 0.0, 0).size == 0


def test_thin_classes_are_told_to_the_user():
    matrix = np.array([[True, False, False, True], [True, True, False, False], [True, False, False, True]])
    warnings = check_learnable(matrix, ["all", "one", "none", "Empty"], False, ("Empty",))
    assert len(warnings) == 4
    assert [warning.split(":")[0] for warning in warnings[:3]] == ["all", "one", "none"]
    assert "stand alone" in warnings[3]


@pytest.mark.parametrize(
    ("matrix", "single_label", "cause"),
    [
        (np.zeros((0, 2), bool), True, "no labels"),
        (np.ones((1, 2), bool), False, "only one labelled frame"),
        (np.array([[True, False]] * 3), True, "same label"),
        (np.ones((3, 2), bool), False, "same label"),
        (np.ones((3, 2), bool), True, "several classes"),
    ],
)
def test_labels_that_nothing_can_be_learned_from_are_refused(matrix, single_label, cause):
    with pytest.raises(TrainingError, match=cause):
        check_learnable(matrix, ["A", "B"], single_label, ())


def test_an_exclusive_class_must_be_one_of_the_scheme():
    with pytest.raises(TrainingError, match="not a class"):
        check_learnable(np.eye(2, dtype=bool), ["A", "B"], False, ("Empty",))
