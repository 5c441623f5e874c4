"""The classifier: an expert on shapes, a residual network after airynet, or both."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workers.science.classifier_input import network_levels
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.device import pick_device
from workers.science.errors import RecipeError
from workers.science.labelled_frames import LabelledFrames
from workers.science.network import in_one_line, load_card, load_tensors, require_kind
from workers.science.scale import DEFAULT, read_scale
from workers.science.shape_expert import ShapeExpert, expert_features
from workers.science.shapenet.network import ShapeNetwork, as_tensors, from_tensors, shape_network
from workers.science.two_point import two_point_correlation

LOG_SLOPE = 0.2  # `a` of the logarithmic activation, and the slope of the leaky ReLU, as published
BRIGHTNESS = 30.0  # mean of the input; puts the weak outer rings on the curved part of the logarithm
DARK = 1e-3  # counts per pixel; keeps a frame with nothing on it from being divided by zero
BATCH = 256


class LogActivation(nn.Module):
    """``f(x) = sign(x) * a * (ln(|x| + 1/e) + 1)`` with f(0) = 0 and slope ``a * e`` there.

    Zimmermann et al., Phys. Rev. E 99, 063309 (2019): takes counts over many decades without a logarithm of
    the image. Computed as ``a * log1p(e * |x|)``, which is the same and exact for small x.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply the activation to each element."""
        return x.sign() * LOG_SLOPE * (np.e * x.abs()).log1p()


class PreActivationBlock(nn.Module):
    """Two 3 x 3 convolutions, each behind its batch norm and leaky ReLU (He et al., arXiv:1603.05027)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(n_in), nn.BatchNorm2d(n_out)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        same = n_in == n_out and stride == 1
        self.shortcut = None if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the shortcut and the two convolutions."""
        activated = functional.leaky_relu(self.norm1(x), LOG_SLOPE)
        past = x if self.shortcut is None else self.shortcut(activated)
        new = self.conv1(activated)
        return past + self.conv2(functional.leaky_relu(self.norm2(new), LOG_SLOPE))


class AiryNet(nn.Module):
    """Pre-activation ResNet-18 on counts, with a logarithmic first layer.

    Parameters
    ----------
    width : int
        Channels of the first stage (64 as published).
    n_classes : int
        Outputs, as logits.
    """

    def __init__(self, width: int, n_classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 7, 2, 3, bias=False)
        self.activation = LogActivation()
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        blocks: list[nn.Module] = []
        for stage, (n_in, n_out) in enumerate(pairwise(widths)):
            blocks.append(PreActivationBlock(n_in, n_out, 1 if stage == 0 else 2))
            blocks.append(PreActivationBlock(n_out, n_out, 1))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(widths[-1])
        self.last = nn.Linear(widths[-1], n_classes)

    def forward(self, counts: Tensor) -> Tensor:
        """Return logits (b, k) of normalised counts (b, 1, h, w)."""
        x = functional.max_pool2d(self.activation(self.first(counts)), 3, 2, 1)  # a quarter of each side
        x = functional.leaky_relu(self.norm(self.blocks(x)), LOG_SLOPE)
        return self.last(x.mean(dim=(2, 3)))  # (b, 8 * width, h / 32, w / 32) -> (b, k)


def normalised_counts(levels: Tensor, good: Tensor, scale_max: float) -> Tensor:
    """Turn the grey levels of condensed frames into counts relative to the mean of their frame.

    Dividing by the mean leaves the shot's intensity out, which varies over two decades and says nothing
    about the shape.

    Parameters
    ----------
    levels : Tensor of shape (b, h, w), float32
        From `network_levels`.
    good : Tensor of shape (h, w), float32
        1 where the pixel carries signal, 0 where it is masked.
    scale_max : float
        Counts at level 1.

    Returns
    -------
    counts : Tensor of shape (b, 1, h, w), float32
        With mean `BRIGHTNESS` over the good pixels.
    """
    counts = torch.expm1(levels * float(np.log1p(scale_max))) * good
    mean = counts.sum(dim=(1, 2), keepdim=True) / good.sum().clamp(min=1.0)
    return (BRIGHTNESS * counts / (mean + DARK)).unsqueeze(1)


def residual_input(levels: Tensor, good: Tensor, scale_max: float, form: str) -> Tensor:
    """Return what the first layer of the residual network gets, (b, 1, h, w), of levels (b, h, w)."""
    counts = normalised_counts(levels, good, scale_max)
    return two_point_correlation(counts) if form == "correlation" else counts


@dataclass(frozen=True)
class Classifier:
    """A trained classifier in memory, with all that it takes to treat a new frame.

    Attributes
    ----------
    residual : AiryNet or None
    form : str
        What it sees of a frame: ``"polar"``, ``"image"`` or ``"correlation"``.
    shapes : ShapeExpert or None
        Of the two at least one is there.
    seeing : ShapeNetwork or None
        The network that the expert on shapes looks through.
    share : float
        Weight of the residual network's logits in their mean with those of the expert on shapes.
    temperature : float
        By which joined logits are divided, so that probabilities are as often right as they say.
    good : ndarray of shape (s, s), bool
        Pixels that carry signal.
    scale_max : float
        Counts at grey level 255.
    single_label : bool
    classes : list of str
    thresholds : list of float
    exclusive : list of int
        Columns of classes that stand alone.
    scale : {"log", "sqrt", "none"}
        How counts become grey levels.
    excludes : list of list of int
        Groups of columns of which a frame has one at most.
    """

    residual: AiryNet | None
    form: str
    shapes: ShapeExpert | None
    seeing: ShapeNetwork | None
    share: float
    temperature: float
    good: NDArray[np.bool_]
    scale_max: float
    single_label: bool
    classes: list[str]
    thresholds: list[float]
    exclusive: list[int]
    scale: str = DEFAULT
    excludes: list[list[int]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        frames: LabelledFrames,
        recipe: ClassifierRecipe,
        *,
        residual: AiryNet | None = None,
        shapes: ShapeExpert | None = None,
        share: float = 1.0,
        temperature: float = 1.0,
    ) -> "Classifier":
        """Return what was learned from labelled frames, with thresholds of 0.5."""
        return cls(
            residual,
            recipe.input,
            shapes,
            shape_network() if shapes is not None else None,
            share,
            temperature,
            frames.good,
            frames.scale_max,
            frames.single_label,
            frames.classes,
            [0.5] * len(frames.classes),
            [frames.classes.index(name) for name in recipe.exclusive],
            frames.scale,
            groups_of(frames.classes, recipe.excludes),
        )

    def logits(self, condensed: NDArray[np.uint8]) -> Tensor:
        """Return the joined logits (b, k), on the CPU, of one batch of condensed frames (b, s, s)."""
        residual, shapes = self.expert_logits(condensed)
        if residual is None or shapes is None:
            joined = shapes if residual is None else residual
        else:
            joined = self.share * residual + (1 - self.share) * shapes
        return joined / self.temperature

    def expert_logits(self, condensed: NDArray[np.uint8]) -> tuple[Tensor | None, Tensor | None]:
        """Return the logits (b, k), on the CPU, of the residual network and of the expert on shapes."""
        residual, shapes = None, None
        if self.residual is not None:
            device = next(self.residual.parameters()).device
            seen = network_levels(condensed, self.good, self.scale_max, self.form, self.scale)
            levels, good = (torch.from_numpy(part).to(device) for part in seen)
            residual = self.residual(residual_input(levels, good, self.scale_max, self.form)).cpu()
        if self.shapes is not None:
            features = expert_features(condensed, self.good, self.scale_max, self.scale, self.seeing)
            shapes = self.shapes(torch.from_numpy(features))
        return residual, shapes


def classify_frames(condensed: NDArray[np.uint8], network: Classifier) -> NDArray[np.float32]:
    """Sort condensed frames.

    Parameters
    ----------
    condensed : ndarray of shape (m, s, s), uint8
        Frames condensed with the geometry of the network.
    network : Classifier
        From `load_classifier`.

    Returns
    -------
    probabilities : ndarray of shape (m, k), float32
        One probability a class; rows sum to 1 if the network gives a single label.

    Raises
    ------
    RecipeError
        If the frames have another size or type than those that the network learned from.
    """
    if condensed.ndim != 3 or condensed.shape[1:] != network.good.shape or condensed.dtype != np.uint8:
        cause = f"{condensed.dtype} frames of {condensed.shape[1:]} pixels, the network knows uint8 frames of"
        cause = f"{cause} {network.good.shape}"
        raise RecipeError("Condensed frames", cause, "Condense the data with the network's recipe")
    probabilities = np.empty((len(condensed), len(network.classes)), np.float32)
    with torch.inference_mode():
        for start in range(0, len(condensed), BATCH):
            logits = network.logits(condensed[start : start + BATCH])
            found = logits.softmax(dim=1) if network.single_label else logits.sigmoid()
            probabilities[start : start + BATCH] = found.numpy()
    return probabilities


def load_classifier(folder: str | Path) -> Classifier:
    """Read a network folder that `classify.train_classifier` wrote.

    Parameters
    ----------
    folder : str or Path
        With ``network.safetensors``, ``card.json`` and ``geometry.npz``.

    Returns
    -------
    network : Classifier
        In evaluation mode, on the accelerator if there is one.

    Raises
    ------
    ScienceError
        If a file is missing or damaged, or the network is of another kind.
    """
    card, tensors = load_card(folder), load_tensors(folder)
    require_kind(card, "classifier")
    if "shapes" not in card["recipe"]:
        cause = "was trained by an earlier version of Fringe, with experts that are not there any more"
        raise RecipeError("This classifier", cause, "Train it again on the same labels")
    with in_one_line():
        return _assembled(folder, card, tensors)


def _assembled(folder: str | Path, card: dict[str, Any], tensors: dict[str, Tensor]) -> Classifier:
    classes, single_label = card["classes"], card["single_label"]
    device = pick_device()
    scale, scale_max = read_scale(folder)
    state, shapes, seeing = (_under(prefix, tensors) for prefix in ("residual.", "shapes.", "seeing."))
    residual = None
    if state:
        residual = AiryNet(card["recipe"]["width"], len(classes))
        residual.load_state_dict(state)
        residual = residual.to(device).eval()
    return Classifier(
        residual,
        card["recipe"]["input"],
        ShapeExpert.from_state(shapes) if shapes else None,
        from_tensors(seeing) if seeing else None,
        float(card["residual_share"]),
        float(card["temperature"]),
        tensors["good"].numpy().astype(np.bool_),
        scale_max,
        single_label,
        classes,
        card["thresholds"],
        [classes.index(name) for name in card["recipe"]["exclusive"]],
        scale,
        groups_of(classes, card["recipe"].get("excludes", [])),
    )


def groups_of(classes: list[str], excludes: Iterable[Iterable[str]]) -> list[list[int]]:
    """Return the columns of groups of classes; names that are none are left out."""
    return [[classes.index(name) for name in group if name in classes] for group in excludes]


def classifier_state(network: Classifier) -> dict[str, Tensor]:
    """Return all tensors of a classifier, by the names that `load_classifier` expects."""
    state = {"good": torch.from_numpy(network.good.astype(np.uint8))}
    if network.residual is not None:
        state |= {f"residual.{name}": value for name, value in network.residual.state_dict().items()}
    if network.shapes is not None and network.seeing is not None:
        state |= {f"shapes.{name}": value for name, value in network.shapes.state_dict().items()}
        state |= as_tensors(network.seeing, "seeing.")
    return state


def _under(prefix: str, tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
