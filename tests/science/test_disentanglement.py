"""The FactorVAE metric on latents of which it is known how well they disentangle, and the set of shapes."""

import numpy as np
import pytest

from benchmarks.disentanglement import factor_vae_metric
from benchmarks.shapes_set import FACTORS, N_IMAGES, SIDE, draw_shapes, factors


def test_latents_that_are_the_factors_have_the_metric_one():
    values = factors()
    latents = (values[:, ::-1] + 0.1 * np.random.default_rng(0).normal(size=values.shape)).astype("f4")
    assert factor_vae_metric(latents, values, seed=0) == 1.0


def test_latents_that_know_nothing_are_at_chance():
    latents = np.random.default_rng(0).normal(size=(N_IMAGES, 10)).astype("f4")
    assert factor_vae_metric(latents, factors(), seed=0) == pytest.approx(1 / len(FACTORS), abs=0.08)


def test_latents_that_each_mix_two_factors_are_in_between():
    values = factors().astype("f4")
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    mixed = scaled + np.roll(scaled, 1, axis=1)
    assert 0.3 < factor_vae_metric(mixed, factors(), seed=0) < 0.95


def test_shapes_are_whole_within_the_image_and_all_different():
    values = factors()[::7]
    images = draw_shapes(values).reshape(-1, SIDE, SIDE)
    assert images.min() == 0.0
    assert images.max() == 1.0
    assert images[:, [0, -1]].max() == images[:, :, [0, -1]].max() == 0.0
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)
    sizes = [images[values[:, 1] == size].sum(axis=(1, 2)).mean() for size in range(FACTORS["size"])]
    assert sizes == sorted(sizes)
