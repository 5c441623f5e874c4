"""From condensed frames to latents, with a stored FactorVAE."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from workers.science.chunks import in_chunks
from workers.science.device import pick_device
from workers.science.errors import ScienceError
from workers.science.factorvae import FactorVAE, LearnRecipe
from workers.science.inputs import CHUNK, InputMap
from workers.science.network import in_one_line, load_card, load_tensors, require_kind
from workers.science.progress import Progress, silent
from workers.science.recipe import read_recipe


@dataclass(frozen=True)
class Embedder:
    """A trained encoder and the map from frames to its inputs."""

    inputs: InputMap
    model: FactorVAE
    n_latents: int


def load_embedder(folder: str | Path) -> Embedder:
    """Read a FactorVAE for embedding.

    Parameters
    ----------
    folder : str or Path
        The network's folder.

    Returns
    -------
    embedder : Embedder
        On the accelerator if there is one.

    Raises
    ------
    ScienceError
        If the network cannot be read or is of another kind.
    """
    card, tensors = load_card(folder), load_tensors(folder)
    require_kind(card, "factorvae")
    with in_one_line():
        recipe = read_recipe(LearnRecipe, card["recipe"])
        inputs = InputMap.from_tensors(recipe, tensors)
        model = FactorVAE(recipe, len(inputs.mean))
        model.load_state_dict(
            {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
        )
        return Embedder(inputs, model.to(pick_device()).eval(), recipe.n_latents)


def embed_frames(
    condensed: NDArray[np.uint8], network: Embedder, *, threads: int = 1, on_progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the posterior means of frames.

    Parameters
    ----------
    condensed : ndarray of shape (m, s, s), uint8
        Condensed frames; may be a memory map, it is read in chunks.
    network : Embedder
        From `load_embedder`.
    threads : int, default=1
        Chunks worked on at a time.
    on_progress : Progress
        Told the frames done.

    Returns
    -------
    latents : ndarray of shape (m, d), float32
        All latents, also the inactive ones; in standard deviations of the prior.

    Raises
    ------
    ScienceError
        If the frames are of another size than those that the network learned from.
    """
    if condensed.shape[1:] != network.inputs.mask.shape:
        raise ScienceError(
            "Frames",
            f"they are {condensed.shape[1:]} pixels, the network learned from {network.inputs.mask.shape}",
            "Condense the data set with the geometry of the network",
        )
    latents = np.empty((len(condensed), network.n_latents), np.float32)
    device = next(network.model.parameters()).device

    def embed(start: int, stop: int) -> NDArray[np.float32]:
        features = network.inputs.features(np.asarray(condensed[start:stop]))
        with torch.inference_mode():  # counts for one thread only
            return network.model.encode(torch.from_numpy(features).to(device))[0].cpu().numpy()

    for start, stop, found in in_chunks(embed, len(condensed), CHUNK, threads):
        latents[start:stop] = found
        on_progress(stop, len(condensed), note="embedding")
    return latents
