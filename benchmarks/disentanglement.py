"""How well a beta-VAE and a FactorVAE disentangle: `python -m benchmarks.disentanglement`.

The metric is that of H. Kim and A. Mnih, section 4 of arXiv:1802.05983. One factor is fixed and the others
are drawn at random; the latent whose variance, in units of that over the whole set, is least votes for the
factor. A classifier that gives each latent the factor for which it voted most is judged on votes that it
has not seen. The set is drawn by `benchmarks.shapes_set`. Both networks have the same layers, data, seed
and number of steps.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.shapes_set import FACTORS, draw_shapes, factors
from workers.science.factorvae import LearnRecipe, kl_per_latent
from workers.science.train import FactorVAETraining

N_VOTES, N_DRAWN = 800, 200
MODELS = {
    "beta-VAE, beta 4": {"beta": 4.0, "gamma": 0.0},
    "FactorVAE, gamma 35": {"beta": 1.0, "gamma": 35.0},
}
"""With the weights that the paper found best on its shapes."""


def draw_votes(
    latents: NDArray[np.float32], values: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Let latents vote.

    Parameters
    ----------
    latents : ndarray of shape (n, d)
        Active latents of all images.
    values : ndarray of shape (n, k)
        Their factors.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    latent, factor : ndarray of shape (N_VOTES,)
        Which latent voted, and which factor was fixed.
    """
    scaled = latents / latents.std(axis=0)
    voted = np.empty((2, N_VOTES), np.int64)
    for i in range(N_VOTES):
        factor = rng.integers(values.shape[1])
        fixed = np.flatnonzero(values[:, factor] == rng.integers(values[:, factor].max() + 1))
        voted[:, i] = scaled[rng.choice(fixed, N_DRAWN)].var(axis=0).argmin(), factor
    return voted[0], voted[1]


def factor_vae_metric(latents: NDArray[np.float32], values: NDArray[np.int64], seed: int) -> float:
    """Return the accuracy of the majority vote on unseen votes, from 1 / k (chance) to 1."""
    rng = np.random.default_rng(seed)
    latent, factor = draw_votes(latents, values, rng)
    counts = np.zeros((latents.shape[1], values.shape[1]), int)
    np.add.at(counts, (latent, factor), 1)
    latent, factor = draw_votes(latents, values, rng)
    return float(np.mean(counts.argmax(axis=1)[latent] == factor))


def train_and_judge(name: str, recipe: LearnRecipe, seed: int) -> dict[str, float]:
    """Train one network on all images; return its metric and losses."""
    torch.set_num_threads(1)
    values = factors()
    images = np.concatenate([draw_shapes(block) for block in np.array_split(values, 16)])
    training, begun = FactorVAETraining(images, recipe, seed), time.monotonic()
    row: dict[str, float] = {}
    while not training.has_ended:
        training.advance()
        point = training.take_point()
        if point and point["step"] % (recipe.n_steps // 10) == 0:
            row = {**point, **_judge(training, images, values, seed), "seconds": time.monotonic() - begun}
            print(
                f"{name}: step {row['step']}, metric {row['metric']:.3f}, {row['active']} active, "
                f"reconstruction {row['reconstruction']:.1f}, {row['seconds']:.0f} s",
                flush=True,
            )
    return row


def _judge(
    training: FactorVAETraining, images: NDArray[np.float32], values: NDArray[np.int64], seed: int
) -> dict[str, float]:
    """Return the metric of the latents that are active, and how many those are."""
    latents, kl = _encode(training, images)
    active = kl >= training.recipe.active_kl
    found = factor_vae_metric(latents[:, active], values, seed) if active.any() else 1 / len(FACTORS)
    return {"metric": found, "active": int(active.sum())}


def _encode(training: FactorVAETraining, images: NDArray[np.float32]) -> tuple[NDArray, NDArray]:
    """Return posterior means (n, d), and the KL of each latent (d,)."""
    with torch.inference_mode():
        parts = [training.model.encode(part) for part in torch.from_numpy(images).split(256)]
        mean, log_variance = (torch.cat(part) for part in zip(*parts, strict=True))
    return mean.numpy(), kl_per_latent(mean, log_variance).numpy()


def main() -> None:
    """Train both at the same time, judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    common = {
        **{"input": "image", "n_latents": 10, "n_steps": options.steps, "batch_size": options.batch},
        **{"learning_rate": options.rate, "discriminator_rate": options.rate / 2, "discriminator_width": 128},
        **{"free_bits": 0.0, "held_back": 0.0},
    }
    recipes = [LearnRecipe(**common, **weights) for weights in MODELS.values()]
    with ProcessPoolExecutor(len(MODELS), get_context("spawn")) as pool:
        rows = list(pool.map(partial(train_and_judge, seed=options.seed), MODELS, recipes))
    print(f"{options.steps} steps of {options.batch}, rate {options.rate:g}, seed {options.seed}")
    print(f"{'network':22}{'metric':>8}{'active':>8}{'recon.':>9}{'KL':>7}{'TC':>7}{'seconds':>9}")
    for name, row in zip(MODELS, rows, strict=True):
        print(
            f"{name:22}{row['metric']:8.3f}{row['active']:8d}{row['reconstruction']:9.1f}"
            f"{row['kl']:7.1f}{row['total_correlation']:7.2f}{row['seconds']:9.0f}"
        )


if __name__ == "__main__":
    main()
