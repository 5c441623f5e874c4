import math

import pytest
import torch

from workers.science.device import Computing
from workers.science.edge_layers import LastConvolution
from workers.science.errors import RecipeError
from workers.science.factorvae import (
    FactorVAE,
    LearnRecipe,
    build_discriminator,
    discriminator_loss,
    kl_per_latent,
    permute_latents,
    sample_posterior,
    total_correlation,
)
from workers.science.objective import Objective
from workers.science.ranks import Ranks
from workers.science.recipe import read_recipe


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_kl_is_zero_for_the_prior_and_as_derived_elsewhere():
    mean, log_variance = torch.tensor([[0.0, 2.0]] * 3), torch.tensor([[0.0, math.log(0.25)]] * 3)
    expected = 0.5 * (4 + 0.25 - 1 - math.log(0.25))
    assert kl_per_latent(mean, log_variance).tolist() == pytest.approx([0.0, expected])


def test_permutation_keeps_each_dimension_and_breaks_their_tie():
    z = torch.randn(4000, 1, generator=seeded()).repeat(1, 2)
    permuted = permute_latents(z, seeded(1))
    assert torch.equal(permuted.sort(dim=0).values, z.sort(dim=0).values)
    assert abs(torch.corrcoef(permuted.T)[0, 1].item()) < 0.1


def test_total_correlation_is_positive_when_the_discriminator_calls_latents_real():
    assert total_correlation(torch.tensor([[2.0, -1.0], [1.0, 0.0]])).item() == pytest.approx(2.0)


def test_discriminator_that_cannot_tell_costs_ln_2():
    undecided = torch.zeros(5, 2)
    assert discriminator_loss(undecided, undecided).item() == pytest.approx(math.log(2))


def test_a_trained_discriminator_sees_the_correlation_that_is_known_for_gaussians():
    """TC of two Gaussians of correlation rho is -log(1 - rho^2) / 2."""
    recipe = LearnRecipe(n_latents=2, discriminator_width=32)
    torch.manual_seed(0)
    discriminator, random = build_discriminator(recipe), seeded()
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    rho = 0.9
    for _ in range(200):
        a, b = torch.randn(2, 256, generator=random)
        z = torch.stack([a, rho * a + math.sqrt(1 - rho**2) * b], dim=1)
        loss = discriminator_loss(discriminator(z), discriminator(permute_latents(z, random)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert total_correlation(discriminator(z)).item() == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.35)


def test_the_discriminator_is_the_published_one():
    layers = list(build_discriminator(LearnRecipe(n_latents=10, discriminator_width=1000)))
    linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in linear] == [1000] * 6 + [2]
    assert {layer.negative_slope for layer in layers if isinstance(layer, torch.nn.LeakyReLU)} == {0.2}


@pytest.mark.parametrize(("form", "n_features"), [("angular", 120), ("image", 4096)])
def test_encoder_and_decoder_fit_each_other(form, n_features):
    model = FactorVAE(LearnRecipe(input=form, n_latents=4), n_features)
    x = torch.rand(3, n_features)
    mean, log_variance = model.encode(x)
    output = model.decode(sample_posterior(mean, log_variance, seeded()))
    assert mean.shape == log_variance.shape == (3, 4)
    assert output.shape == x.shape
    assert math.isfinite(model.reconstruction_loss(x, output).item())


def test_a_perfect_reconstruction_of_features_costs_nothing():
    model, x = FactorVAE(LearnRecipe(), 120), torch.rand(3, 120)
    assert model.reconstruction_loss(x, x).item() == 0
    assert model.reconstruction_loss(x, x + 0.1).item() > 0


def test_sampling_is_decided_by_the_generator():
    mean, log_variance = torch.zeros(2, 3), torch.zeros(2, 3)
    first, again = (sample_posterior(mean, log_variance, seeded(5)) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    "values",
    [
        {"latents": 3},
        {"input": "wavelet"},
        {"n_latents": 0},
        {"n_latents": True},
        {"n_latents": 3.5},
        {"gamma": "high"},
        {"gamma": float("nan")},
        {"n_angles": 33},
        {"n_angles": 32, "n_orders": 12},
        {"n_bands": 40, "n_radii": 20},
        {"warm_up": 1.5},
    ],
)
def test_a_recipe_that_is_unknown_or_contradicts_itself_is_refused(values):
    with pytest.raises(RecipeError):
        read_recipe(LearnRecipe, values)


def test_a_whole_number_is_a_number():
    assert read_recipe(LearnRecipe, {"gamma": 10}).gamma == 10


def test_our_last_layer_is_the_transposed_convolution_of_torch():
    torch.manual_seed(0)
    ours, theirs = LastConvolution(5), torch.nn.ConvTranspose2d(5, 1, 4, 2, 1)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 5, 6, 6, requires_grad=True)
    again = x.detach().clone().requires_grad_()
    here, there = ours(x), theirs(again)
    assert torch.allclose(here, there, atol=1e-5)
    here.square().sum().backward()
    there.square().sum().backward()
    assert torch.allclose(x.grad, again.grad, atol=1e-4)
    assert torch.allclose(ours.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-3)


def test_images_go_through_in_blocks_without_changing_what_comes_out():
    model, x = FactorVAE(LearnRecipe(input="image", n_latents=3), 4096), torch.rand(21, 4096)
    whole = torch.cat([model.encode(x[:9])[0], model.encode(x[9:])[0]])
    assert torch.allclose(model.encode(x)[0], whole, atol=1e-5)


def test_the_total_correlation_leaves_the_discriminator_as_it_is_and_the_other_way_round():
    recipe = LearnRecipe(n_latents=3, hidden_width=8, discriminator_width=8, gamma=10, noise_level=10)
    model, discriminator = FactorVAE(recipe, 6), build_discriminator(recipe)
    objective = Objective(model, discriminator, recipe, Computing(torch.device("cpu")), Ranks())
    x, noise, permuted = torch.randn(8, 6), torch.randn(8, 3), torch.randn(8, 3)
    loss, losses, z = objective(x, noise, permuted, 1.0)
    loss.backward()
    both = discriminator(z), discriminator(permuted)
    expected = torch.autograd.grad(discriminator_loss(*both), list(discriminator.parameters()))
    for parameter, gradient in zip(discriminator.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6)
    mean, log_variance = model.encode(x)
    own = mean + noise * (0.5 * log_variance).exp()
    kl = kl_per_latent(mean, log_variance)
    loss = model.reconstruction_loss(x, model.decode(own)) + kl.clamp_min(recipe.free_bits).sum()
    loss = loss + 10 * total_correlation(discriminator(own))
    expected = torch.autograd.grad(loss, list(model.parameters()))
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)
    assert losses[1].item() == pytest.approx(losses[4:].sum().item(), rel=1e-5)
