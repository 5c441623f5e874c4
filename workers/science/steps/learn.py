"""Step: learn a FactorVAE from condensed frames, with no labels."""

import hashlib
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from workers.science.errors import TrainingError
from workers.science.factorvae import IMAGE_SIDE, LearnRecipe, kl_per_latent
from workers.science.inputs import CHUNK, InputMap, prepare_inputs
from workers.science.latents import sample_rows
from workers.science.network import save_network
from workers.science.preprocess import load_geometry
from workers.science.progress import Progress, silent
from workers.science.recipe import read_recipe
from workers.science.train import FactorVAETraining, train_factorvae

N_SHOWN = 12
N_JUDGED = 4096
"""Frames from which the final figures are taken, at most."""


def learn(
    *,
    condensed_dir: str,
    recipe: dict[str, Any],
    seed: int,
    scratch: str,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``network.safetensors``, ``card.json``, ``geometry.npz`` and ``reconstructions.png``.

    Parameters
    ----------
    condensed_dir : str
        Folder of the step `condense`.
    recipe : dict
        Settings of `LearnRecipe`.
    seed : int
        Of weights and draws.
    scratch : str
        Folder that survives a killed attempt; checkpoint and prepared inputs lie there.
    threads : int
        Threads of torch.
    out : str
        Existing, empty folder.
    on_progress : Progress
        Told steps and points of the curve.

    Returns
    -------
    card : dict
        As in ``card.json``.

    Raises
    ------
    RecipeError
        If the recipe has unknown settings or contradicts itself.
    TrainingError
        If there are no frames, or a loss is no longer a number.
    """
    settings, folder, work = read_recipe(LearnRecipe, recipe), Path(condensed_dir), Path(scratch)
    # The layers of the angular form are too small to share: threads would wait for each other.
    torch.set_num_threads(threads if settings.input == "image" else 1)
    every = np.load(folder / "condensed.npy", mmap_mode="r", allow_pickle=False)
    if len(every) == 0:
        raise TrainingError("Data set", "it has no frames", "Condense a data set that has frames")
    frames = _choose_frames(every, settings, seed)
    geometry = load_geometry(folder)
    digest = _sha256(folder / "condensed.npy")
    inputs, features = prepare_inputs(
        frames,
        settings,
        geometry.small_mask,
        geometry.scale_max,
        work / "inputs.npy",
        stretch=geometry.scale,
        on_progress=on_progress,
    )
    training = train_factorvae(
        features, settings, seed=seed, scratch=work, data_sha256=digest, on_progress=on_progress
    )
    card = _write_card(
        training, seed, {"n_frames": len(every), "n_learned_from": len(frames), "sha256": digest}
    )
    model = {f"model.{name}": value for name, value in training.model.state_dict().items()}
    save_network(out, {**model, **inputs.tensors()}, card, folder)
    _draw_reconstructions(training, inputs).save(Path(out) / "reconstructions.png")
    return card


def _choose_frames(frames: NDArray[np.uint8], recipe: LearnRecipe, seed: int) -> NDArray[np.uint8]:
    """Return all frames, or a random subset of a data set larger than the recipe allows."""
    if len(frames) <= recipe.max_frames:
        return frames
    return frames[sample_rows(len(frames), recipe.max_frames, seed)]


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_card(training: FactorVAETraining, seed: int, data: dict[str, Any]) -> dict[str, Any]:
    """Return the card: everything that was done, and how it went."""
    return {
        "kind": "factorvae",
        "recipe": asdict(training.recipe),
        "seed": seed,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "data": data,
        "n_steps": training.step,
        "seconds": round(training.seconds, 1),
        "figures": _final_figures(training),
        "curve": training.curve,
    }


def _final_figures(training: FactorVAETraining) -> dict[str, Any]:
    """Return the last losses and what each latent carries, over frames spread evenly through the data set."""
    chosen = np.unique(np.linspace(0, len(training.features) - 1, N_JUDGED).astype(int))
    kl, reconstruction = torch.zeros(training.recipe.n_latents), 0.0
    with torch.inference_mode():
        for start in range(0, len(chosen), CHUNK):
            x = torch.from_numpy(training.features[chosen[start : start + CHUNK]]).to(training.device)
            mean, log_variance = training.model.encode(x)
            share = len(x) / len(chosen)
            kl += share * kl_per_latent(mean, log_variance).cpu()
            output = training.model.decode(mean)
            reconstruction += share * training.model.reconstruction_loss(x, output).item()
    threshold = training.recipe.active_kl
    return {
        **{name: value for name, value in training.curve[-1].items() if name != "step"},
        "mean_reconstruction": round(reconstruction, 4),
        "kl_per_latent": [round(value, 4) for value in kl.tolist()],
        "active_latents": [i for i, value in enumerate(kl.tolist()) if value >= threshold],
    }


def _draw_reconstructions(training: FactorVAETraining, inputs: InputMap) -> Image.Image:
    """Return two rows of tiles: what some frames look like to the network, and what it makes of them."""
    chosen = np.unique(np.linspace(0, len(training.features) - 1, N_SHOWN).astype(int))
    x = torch.from_numpy(training.features[chosen])
    with torch.inference_mode():
        mean, _ = training.model.encode(x.to(training.device))
        output = training.model.decode(mean).cpu()
    if training.recipe.input == "image":
        rows, shape, unit = (x, output.sigmoid()), (IMAGE_SIDE, IMAGE_SIDE), 1
        tiles = [row.numpy().reshape(-1, *shape) for row in rows]
    else:
        shape, unit = (training.recipe.n_bands, training.recipe.n_orders), 6
        tiles = [
            (row.numpy() * inputs.scale + inputs.mean).reshape(len(chosen), *shape) for row in (x, output)
        ]
        tiles = [np.sqrt(np.clip(tile, 0, None)) for tile in tiles]
    low, high = tiles[0].min(), max(float(np.ptp(tiles[0])), 1e-6)
    grid = np.concatenate(
        [np.concatenate(list(np.pad(row, ((0, 0), (1, 1), (1, 1)))), axis=1) for row in tiles]
    )
    pixels = (np.clip((grid - low) / high, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(pixels.repeat(unit, axis=0).repeat(unit, axis=1))
