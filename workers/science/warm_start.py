"""Begin a training with the weights of a network that is there already."""

from dataclasses import fields
from pathlib import Path

from torch import Tensor

from workers.science.errors import RecipeError
from workers.science.factorvae import FactorVAE, LearnRecipe
from workers.science.network import load_card, load_tensors, require_kind
from workers.science.recipe import read_recipe

OF_THE_TRAINING = frozenset(
    {
        *("gamma", "beta", "n_steps", "batch_size", "learning_rate", "discriminator_rate", "warm_up"),
        *("discriminator_width", "free_bits", "active_kl", "noise_level", "max_frames", "held_back"),
        *("patience", "processes", "consistency", "temperature"),
    }
)
"""Settings in which the two may differ; all others say what the network sees, and how big it is."""


def read_weights(folder: str | Path, recipe: LearnRecipe, n_features: int) -> dict[str, Tensor]:
    """Return the weights of a network, if they fit a training.

    Parameters
    ----------
    folder : str or Path
        The network's folder.
    recipe : LearnRecipe
        Of the training that is to begin.
    n_features : int
        Length of its input vectors.

    Returns
    -------
    weights : dict of str to Tensor
        State of a `FactorVAE`.

    Raises
    ------
    ScienceError
        If the network cannot be read, is of another kind, or has other layers or inputs.
    """
    card, tensors = load_card(folder), load_tensors(folder)
    require_kind(card, "factorvae")
    theirs = read_recipe(LearnRecipe, card["recipe"])
    for field in fields(LearnRecipe):
        own, other = getattr(recipe, field.name), getattr(theirs, field.name)
        if field.name not in OF_THE_TRAINING and own != other:
            raise _unfit(f"its {field.name} is {other}, that of the recipe {own}")
    weights = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    needed = {n: tuple(t.shape) for n, t in FactorVAE(recipe, n_features).state_dict().items()}
    found = {n: tuple(t.shape) for n, t in weights.items()}
    for name in sorted(needed.keys() | found.keys()):
        if needed.get(name) != found.get(name):
            raise _unfit(f"its layer {name} is {found.get(name)}, needed is {needed.get(name)}")
    return weights


def _unfit(cause: str) -> RecipeError:
    return RecipeError("Network to start from", cause, "Choose another network, or the recipe of this one")
