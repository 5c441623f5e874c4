"""Step: learn a FactorVAE from condensed frames, with no labels."""

import hashlib
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workers.science.errors import TrainingError
from workers.science.factorvae import LearnRecipe, kl_per_latent
from workers.science.inputs import CHUNK, InputMap, prepare_inputs
from workers.science.latents import DIRECTIONS, PRECISION, REACH, sample_rows
from workers.science.network import WEIGHTS, save_network
from workers.science.pictures import (
    Traversal,
    reconstruction_picture,
    reconstruction_rows,
    traversals_picture,
    traverse,
)
from workers.science.preprocess import load_geometry
from workers.science.processes import count_processes, train_in_processes
from workers.science.progress import Progress, silent
from workers.science.recipe import read_recipe
from workers.science.reference import make_reference, save_reference
from workers.science.row_subset import RowSubset
from workers.science.train import FactorVAETraining, train_factorvae
from workers.science.warm_start import read_weights

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
    start_from: str | None = None,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``network.safetensors``, ``card.json``, ``geometry.npz`` and two pictures.

    ``reconstructions.png`` shows frames and what the network makes of them, ``traversals.png`` the frames
    along each active latent (absent if none is active).

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
    start_from : str, optional
        Folder of a network of the same inputs and layers, whose weights the training begins with.
    on_progress : Progress
        Told steps and points of the curve.

    Returns
    -------
    card : dict
        As in ``card.json``.

    Raises
    ------
    RecipeError
        If the recipe has unknown settings or contradicts itself, or does not fit the network to start from.
    TrainingError
        If there are no frames, a loss is no longer a number, or a process was killed.
    """
    settings, folder, work = read_recipe(LearnRecipe, recipe), Path(condensed_dir), Path(scratch)
    n_processes = count_processes(settings)
    # The layers of a form of features are too small to share: threads would wait for each other.
    torch.set_num_threads(threads if settings.input == "image" else 1)
    every = np.load(folder / "condensed.npy", mmap_mode="r", allow_pickle=False)
    if len(every) == 0:
        raise TrainingError("Data set", "it has no frames", "Condense a data set that has frames")
    chosen = _choose_frames(len(every), settings, seed)
    frames: Any = every if len(chosen) == len(every) else RowSubset(every, chosen)
    digest = _sha256(folder / "condensed.npy")
    geometry = load_geometry(folder)
    inputs, features = prepare_inputs(
        frames,
        settings,
        geometry.small_mask,
        geometry.scale_max,
        work / "inputs.npy",
        stretch=geometry.scale,
        threads=threads,
        on_progress=on_progress,
    )
    begin: dict[str, Any] = {"seed": seed, "data_sha256": digest, "weights_sha256": ""}
    if start_from:
        begin["weights"] = read_weights(start_from, settings, features.shape[-1])
        begin["weights_sha256"] = _sha256(Path(start_from) / WEIGHTS)
    if n_processes > 1:
        others = {name: value for name, value in begin.items() if name != "weights"}
        where = {"features": work / "inputs.npy", "scratch": work, "start_from": start_from}
        train_in_processes(
            n_processes, recipe=settings, threads=threads, on_progress=on_progress, **where, **others
        )
    # After several processes this finds a checkpoint in which all is done.
    training = train_factorvae(features, settings, scratch=work, on_progress=on_progress, **begin)
    data = {"n_frames": len(every), "n_learned_from": len(frames), "sha256": digest}
    card = _write_card(training, begin, data, n_processes)
    found = traverse(training.model, settings, training.batches, card["figures"]["active_latents"])
    card["traversals"] = [{"latent": one.latent, "frames": chosen[one.rows].tolist()} for one in found]
    model = {f"model.{name}": value for name, value in training.model.state_dict().items()}
    save_network(out, {**model, **inputs.tensors()}, card, folder)
    save_reference(out, make_reference(folder))
    _draw(Path(out), training, inputs, frames, found)
    return card


def _choose_frames(n: int, recipe: LearnRecipe, seed: int) -> NDArray[np.int64]:
    """Return the numbers of all frames, or of a random subset of a data set larger than the recipe allows."""
    return np.arange(n) if n <= recipe.max_frames else sample_rows(n, recipe.max_frames, seed)


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_card(
    training: FactorVAETraining, begin: dict[str, Any], data: dict[str, Any], n_processes: int
) -> dict[str, Any]:
    """Return the card: everything that was done, and how it went."""
    return {
        "kind": "factorvae",
        "recipe": asdict(training.recipe),
        "seed": begin["seed"],
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "computed_on": f"{n_processes} x {training.computing.words}",
        "data": {**data, "n_held_back": len(training.held_back)},
        "started_from_sha256": begin["weights_sha256"] or None,
        "n_steps": training.step,
        "ended": training.ending,
        "seconds": round(training.seconds, 1),
        "figures": _final_figures(training),
        "curve": training.curve,
    }


def _final_figures(training: FactorVAETraining) -> dict[str, Any]:
    """Return the last losses and what each latent carries, over frames spread evenly through the data set."""
    chosen = np.unique(np.linspace(0, len(training.features) - 1, N_JUDGED).astype(int))
    kl, reconstruction = torch.zeros(training.recipe.n_latents), 0.0
    means, inputs = [], []
    with torch.inference_mode():
        for start in range(0, len(chosen), CHUNK):
            x = training.batches.rows(torch.from_numpy(chosen[start : start + CHUNK]))
            mean, log_variance = training.model.encode(x)
            means.append(mean.cpu().numpy())
            inputs.append(x.cpu().numpy())
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
        "compared": _compared(training),
        "reach_per_latent": _reach(np.concatenate(means), np.concatenate(inputs)),
    }


def _reach(means: NDArray[np.float32], inputs: NDArray[np.float32]) -> list[float]:
    """Return how far the features move with each latent, by least squares, per unit of the latent."""
    apart = means - means.mean(axis=0)
    moved = np.linalg.norm(apart.T @ (inputs - inputs.mean(axis=0)), axis=1) / len(apart)
    return [round(value, 4) for value in (moved / np.maximum(apart.var(axis=0), 1e-4)).tolist()]


def _compared(training: FactorVAETraining) -> str:
    """Say which distance between latents means something."""
    if training.batches.n_views > 1 and training.recipe.consistency > 0:
        return DIRECTIONS
    return REACH if training.recipe.input == "shapes" else PRECISION


def _draw(
    out: Path,
    training: FactorVAETraining,
    inputs: InputMap,
    frames: Any,
    found: list[Traversal],
) -> None:
    """Write both pictures."""
    shown = np.asarray(frames[reconstruction_rows(len(frames))])
    unscaled = inputs.mean, inputs.scale
    reconstruction_picture(
        training.model, training.recipe, training.batches, shown, inputs.mask, unscaled
    ).save(out / "reconstructions.png")
    if found:
        nearest = np.stack([np.asarray(frames[one.rows]) for one in found])
        traversals_picture(found, nearest, inputs.mask).save(out / "traversals.png")
