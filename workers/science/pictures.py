"""Pictures of what a FactorVAE learned: reconstructions, and what changes along each latent.

Most people cannot read features, so the frames of the data set themselves say what a latent means: those
that lie nearest to points along its axis. The image form has a decoder that draws what it expects there, too.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from workers.science.batches import Batches
from workers.science.factorvae import IMAGE_SIDE, FactorVAE, LearnRecipe
from workers.science.thumbnails import TILE, colour, make_tiles

STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Places along a latent, in its standard deviations over the data set."""
N_SHOWN = 10
N_COMPARED = 20_000
"""Frames among which the nearest are looked for, at most."""
BLOCK = 256
GAP = 2


@dataclass(frozen=True)
class Traversal:
    """One latent: the frames nearest to steps along it, and what the decoder draws there.

    Attributes
    ----------
    latent : int
        Its number.
    rows : ndarray of shape (5,), int64
        The nearest frames, as rows of the features.
    drawn : ndarray of shape (5, 64, 64), float32 in [0, 1], or None
        What the decoder of the image form makes of these latents.
    """

    latent: int
    rows: NDArray[np.int64]
    drawn: NDArray[np.float32] | None


def encode_rows(model: FactorVAE, batches: Batches, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the posterior means (m, d) of some rows."""
    parts = []
    with torch.inference_mode():
        for block in torch.from_numpy(rows).split(BLOCK):
            parts.append(model.encode(batches.rows(block))[0].float().cpu().numpy())
    return np.concatenate(parts)


def traverse(model: FactorVAE, recipe: LearnRecipe, batches: Batches, active: list[int]) -> list[Traversal]:
    """Find what stands along each active latent while the others stay in the middle.

    Parameters
    ----------
    model : FactorVAE
        Trained.
    recipe : LearnRecipe
        Its recipe.
    batches : Batches
        The features of the data set.
    active : list of int
        The latents to look at.

    Returns
    -------
    traversals : list of Traversal
        In the order of `active`.
    """
    n = len(batches.features)
    rows = np.unique(np.linspace(0, n - 1, min(n, N_COMPARED)).astype(np.int64))
    latents = encode_rows(model, batches, rows)
    middle, spread = latents.mean(axis=0), np.maximum(latents.std(axis=0), 1e-6)
    scaled = ((latents - middle) / spread)[:, active]
    found = []
    for place, latent in enumerate(active):
        targets = np.zeros((len(STEPS), len(active)), np.float32)
        targets[:, place] = STEPS
        distances = np.square(scaled[None] - targets[:, None]).sum(axis=2)  # (5, m)
        z = np.tile(middle, (len(STEPS), 1))
        z[:, latent] += np.array(STEPS) * spread[latent]
        drawn = _draw(model, z, batches.device) if recipe.input == "image" else None
        found.append(Traversal(latent, rows[distances.argmin(axis=1)], drawn))
    return found


def _draw(model: FactorVAE, z: NDArray[np.float32], device: torch.device) -> NDArray[np.float32]:
    """Return the images (m, 64, 64) in [0, 1] that the decoder makes of latents (m, d)."""
    with torch.inference_mode():
        pixels = model.decode(torch.from_numpy(z.astype(np.float32)).to(device)).float().sigmoid()
    return pixels.cpu().numpy().reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def traversals_picture(
    found: list[Traversal], frames: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> Image.Image:
    """Draw each latent as a row: the nearest frames, below them what the decoder draws.

    Parameters
    ----------
    found : list of Traversal
        From `traverse`, not empty.
    frames : ndarray of shape (k, 5, s, s), uint8
        The condensed frames of their rows.
    mask : ndarray of shape (s, s), bool
        True = good.

    Returns
    -------
    picture : Image
        One row of tiles for each latent, or two.
    """
    strips = []
    for latent, nearest in zip(found, frames, strict=True):
        strips.append(make_tiles(nearest, mask))
        if latent.drawn is not None:
            strips.append(colour(_levels(latent.drawn)))
    return join_tiles(strips)


def reconstruction_rows(n: int) -> NDArray[np.int64]:
    """Return the rows that are shown with their reconstruction, spread evenly."""
    return np.unique(np.linspace(0, n - 1, N_SHOWN).astype(np.int64))


def reconstruction_picture(
    model: FactorVAE,
    recipe: LearnRecipe,
    batches: Batches,
    frames: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    unscaled: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Image.Image:
    """Draw some frames, below what the network sees of them, below what it makes of that.

    Parameters
    ----------
    model : FactorVAE
        Trained.
    recipe : LearnRecipe
        Its recipe.
    batches : Batches
        The features of the data set.
    frames : ndarray of shape (m, s, s), uint8
        The condensed frames of `reconstruction_rows`.
    mask : ndarray of shape (s, s), bool
        True = good.
    unscaled : (mean, scale), each of shape (n_features,)
        By which the features were standardised.

    Returns
    -------
    picture : Image
        Three rows of tiles.
    """
    x = batches.rows(torch.from_numpy(reconstruction_rows(len(batches.features))))
    with torch.inference_mode():
        output = model.decode(model.encode(x)[0]).float()
    if recipe.input == "image":
        seen, made = (
            part.cpu().numpy().reshape(-1, IMAGE_SIDE, IMAGE_SIDE) for part in (x, output.sigmoid())
        )
        strips = [colour(_levels(seen)), colour(_levels(made))]
    else:
        mean, scale = unscaled
        seen, made = (part.cpu().numpy() * scale + mean for part in (x, output))
        strips = [colour(strip) for strip in _feature_tiles(seen, made, recipe)]
    return join_tiles([make_tiles(frames, mask), *strips])


def _feature_tiles(
    seen: NDArray[np.float32], made: NDArray[np.float32], recipe: LearnRecipe
) -> list[NDArray[np.uint8]]:
    """Return features as tiles: bands over orders where they are that, else line by line in a square."""
    n_features = seen.shape[1]
    width = recipe.n_orders if n_features % recipe.n_orders == 0 else int(np.ceil(np.sqrt(n_features)))
    height = -(-n_features // width)
    low, high = np.percentile(seen, (1, 99))
    rows, columns = (np.arange(TILE) * size // TILE for size in (height, width))
    tiles = []
    for part in (seen, made):
        levels = _levels((part - low) / max(float(high - low), 1e-6))
        padded = np.pad(levels, ((0, 0), (0, height * width - n_features)))
        tiles.append(padded.reshape(-1, height, width)[:, rows][:, :, columns])
    return tiles


def _levels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return numbers in [0, 1] as levels."""
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def join_tiles(strips: list[NDArray[np.uint8]]) -> Image.Image:
    """Put strips of tiles, each (m, 64, 64, 3), below each other, with dark lines between tiles.

    Parameters
    ----------
    strips : list of ndarray
        Each with the same number of tiles.

    Returns
    -------
    picture : Image
    """
    space = ((0, 0), (0, GAP), (0, GAP), (0, 0))
    lines = [np.concatenate(list(np.pad(strip, space)), axis=1) for strip in strips]
    return Image.fromarray(np.concatenate(lines, axis=0)[:-GAP, :-GAP])
