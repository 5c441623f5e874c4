import numpy as np
import pytest

from workers.science.factorvae import LearnRecipe
from workers.science.features import shape_features
from workers.science.inputs import InputMap, prepare_inputs
from workers.science.scale import to_levels
from workers.science.shapenet.network import N_SHAPES, shape_network
from workers.science.shapes import Body, Particle
from workers.science.simulate import Recipe, detector_mask, scattered_intensity

RECIPE = Recipe(shape=(96, 96))
PILL = {"half_length": 2.0, "is_pill": True}
KINDS = {
    "sphere": {"half_length": 1.0},
    "pill": PILL,
    "oblate": {"half_length": 0.5},
}


def patterns(radii=(200, 280, 350), photons=(5, 50)):
    """Counts of three kinds of droplet at several sizes, brightnesses and angles in the plane."""
    random, good = np.random.default_rng(2), detector_mask(RECIPE, 0) == 0
    frames, kinds = [], []
    for kind, form in KINDS.items():
        for radius in radii:
            for mean in photons:
                angle = random.uniform(0, 2 * np.pi)
                axis = (float(np.cos(angle)), float(np.sin(angle)), 0.0)
                body = Body(radius, radius * form["half_length"], axis, is_pill=form.get("is_pill", False))
                centre = tuple(47.5 + random.uniform(-1, 1, 2))
                seen = scattered_intensity(Particle(kind, (), (body,)), 40.0, RECIPE, centre)
                seen *= mean * good.sum() / seen[good].sum()
                frames.append(np.where(good, random.poisson(seen + 0.05), 0))
                kinds.append(kind)
    return np.array(frames, np.float32), np.array(kinds), good


def test_the_nearest_shapes_are_of_the_same_kind_at_whatever_size_brightness_and_angle():
    counts, kinds, good = patterns()
    shapes = shape_features(counts, good, LearnRecipe(), shape_network())
    assert shapes.shape == (18, N_SHAPES)
    assert shapes.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(shapes, axis=1), 1, atol=1e-5)
    likeness = shapes @ shapes.T - 2 * np.eye(len(shapes))
    assert (kinds[likeness.argmax(axis=1)] == kinds).all()
    same = kinds[:, None] == kinds
    assert likeness[same & (likeness > -1)].mean() > likeness[~same].mean() + 0.3


@pytest.mark.parametrize("form", ["shapes", "spectral", "angular", "image"])
def test_a_stored_map_gives_the_features_that_were_learned_from(form, tmp_path):
    counts, _, good = patterns(radii=(250,), photons=(20,))
    top = float(counts.max())
    frames, recipe = to_levels(counts, "log", top), LearnRecipe(input=form)
    inputs, learned = prepare_inputs(frames, recipe, good, top, tmp_path / "inputs.npy")
    stored = {name: value.clone() for name, value in inputs.tensors().items()}
    again = InputMap.from_tensors(recipe, stored).features(frames)
    first_view = learned[:, 0] if learned.ndim == 3 else learned
    np.testing.assert_allclose(again, first_view, atol=2e-2)  # weights are halves


def test_distances_between_shapes_are_kept(tmp_path):
    counts, _, good = patterns()
    top = float(counts.max())
    frames = to_levels(counts, "log", top)
    inputs, features = prepare_inputs(frames, LearnRecipe(), good, top, tmp_path / "inputs.npy")
    raw = inputs.raw_features(frames)
    np.testing.assert_allclose((features[0] - features[5]) * inputs.scale[0], raw[0] - raw[5], atol=1e-4)
    assert np.sqrt(np.square(features).mean()) == pytest.approx(1, rel=1e-3)


def test_the_condensed_size_does_not_matter_much():
    counts, _, good = patterns(radii=(200,), photons=(50,))
    fine = np.kron(counts, np.ones((1, 2, 2), np.float32))
    small = shape_features(counts, good, LearnRecipe(), shape_network())
    large = shape_features(fine, np.kron(good, np.ones((2, 2), bool)), LearnRecipe(), shape_network())
    assert ((small * large).sum(axis=1) > 0.7).all()
