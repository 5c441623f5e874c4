"""Begin the training of a classifier with what an earlier one knows of the classes that both have."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from workers.science.classifier import AiryNet, Classifier, load_classifier
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.errors import RecipeError
from workers.science.network import load_card
from workers.science.prior import Prior


@dataclass(frozen=True)
class Earlier:
    """What an earlier classifier knows, in the classes of the one that is to be trained.

    Attributes
    ----------
    prior : Prior, or None
        Of the expert on shapes.
    residual : dict of str to Tensor, or None
        Weights of the residual network; rows of the last layer are those of `columns`.
    columns : list of int
        For each class of the training its column there, -1 for one that is new.
    """

    prior: Prior | None
    residual: dict[str, Tensor] | None
    columns: list[int]

    def begin(self, network: AiryNet) -> None:
        """Give a residual network the weights; those for new classes stay as they are."""
        if self.residual is None:
            return
        state, own = dict(self.residual), network.state_dict()
        for name in ("last.weight", "last.bias"):
            rows = own[name].clone()
            for place, column in enumerate(self.columns):
                if column >= 0:
                    rows[place] = self.residual[name][column]
            state[name] = rows
        network.load_state_dict(state)


def read_earlier(
    folder: str | Path,
    recipe: ClassifierRecipe,
    classes: list[str],
    single_label: bool,
    data_sha256: str = "",
) -> Earlier:
    """Read a classifier to begin with.

    Parameters
    ----------
    folder : str or Path
        The network's folder.
    recipe : ClassifierRecipe
        Of the training that is to begin.
    classes : list of str
        Of the training.
    single_label : bool
    data_sha256 : str
        Of the condensed frames that are to be learned from.

    Returns
    -------
    earlier : Earlier

    Raises
    ------
    ScienceError
        If the network cannot be read, sees something else, shares no class, or learned from these frames:
        a fit that began with it would have seen the labels that it is judged by.
    """
    card, network = load_card(folder), load_classifier(folder)
    theirs = ClassifierRecipe.from_dict(card["recipe"])
    if data_sha256 and card.get("data", {}).get("sha256") == data_sha256:
        raise _unfit("it learned from these very frames, so that all figures would flatter")
    columns = [network.classes.index(name) if name in network.classes else -1 for name in classes]
    if max(columns) < 0:
        raise _unfit(f"it knows none of the classes {', '.join(classes)}")
    if network.single_label != single_label:
        said = "one class a frame" if network.single_label else "any number of classes a frame"
        raise _unfit(f"it gives {said}, which is not what these labels do")
    if recipe.shapes and network.shapes is None:
        raise _unfit("it has no expert on shapes, and this training has one")
    if recipe.residual:
        if network.residual is None:
            raise _unfit("it has no residual network, and this training has one")
        for name in ("input", "width"):
            if getattr(recipe, name) != getattr(theirs, name):
                cause = (
                    f"its {name} is {getattr(theirs, name)}, that of this training {getattr(recipe, name)}"
                )
                raise _unfit(cause)
    prior = _prior(network, columns) if recipe.shapes else None
    residual = network.residual.cpu().state_dict() if recipe.residual and network.residual else None
    return Earlier(prior, residual, columns)


def _prior(network: Classifier, columns: list[int]) -> Prior:
    """Return the linear layer on features as they come, in the classes of the training."""
    expert = network.shapes
    weight = (expert.linear.weight / expert.spread).detach().numpy() / network.temperature
    bias = expert.linear.bias.detach().numpy() / network.temperature - weight @ expert.mean.numpy()
    if network.single_label:  # of a softmax only differences count: then a new class begins in the middle
        weight, bias = weight - weight.mean(axis=0), bias - bias.mean()
    slopes = np.zeros((len(columns), weight.shape[1]), np.float32)
    biases = np.zeros(len(columns), np.float32)
    for place, column in enumerate(columns):
        if column >= 0:
            slopes[place], biases[place] = weight[column], bias[column]
    return Prior(slopes, biases, np.array(columns) >= 0)


def _unfit(cause: str) -> RecipeError:
    return RecipeError(
        "Classifier to start from", cause, "Choose another one, or start from the labels alone"
    )
