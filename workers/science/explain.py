"""Why a frame got its class: which parts of it spoke for each, for both recipes of a classifier."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import zoom

from workers.science.classifier import Classifier, residual_input
from workers.science.classifier_input import CENTRE_REACH, network_levels
from workers.science.gradcam import gradcam
from workers.science.occlusion import occlusion_heat
from workers.science.polar import EMPTY, find_centres
from workers.science.polar_places import on_image
from workers.science.scale import level_counts

OF_SHAPES = "what the class loses where parts of rings are smoothed away"
OF_RESIDUAL = "Grad-CAM on the residual network"


@dataclass(frozen=True)
class Explanation:
    """Why a frame got its class.

    Attributes
    ----------
    heat : ndarray of shape (k, s, s), float32
        On the pixels of the condensed frame, from 0 (said nothing for the class) to 1; all 0 where nothing
        spoke for it.
    method : str
        How it was found, for people.
    """

    heat: NDArray[np.float32]
    method: str


def explain_frame(frame: NDArray[np.uint8], network: Classifier) -> Explanation:
    """Tell which parts of a frame spoke for each class.

    Parameters
    ----------
    frame : ndarray of shape (s, s), uint8
        Condensed.
    network : Classifier

    Returns
    -------
    explanation : Explanation
    """
    heat, methods = np.zeros((len(network.classes), *frame.shape), np.float32), []
    if network.shapes is not None:
        heat += (1 - network.share) * _of_shapes(frame, network)
        methods.append(OF_SHAPES)
    if network.residual is not None:
        heat += network.share * _of_residual(frame, network)
        methods.append(OF_RESIDUAL)
    return Explanation(_scaled(heat * network.good), " and ".join(methods))


def _of_shapes(frame: NDArray[np.uint8], network: Classifier) -> NDArray[np.float32]:
    assert network.shapes is not None
    assert network.seeing is not None
    counts = level_counts(network.scale, network.scale_max)[frame] * network.good
    heat, centre = occlusion_heat(
        counts, network.good, network.shapes, network.seeing, single_label=network.single_label
    )
    return _scaled(on_image(heat, network.good, centre))


def _of_residual(frame: NDArray[np.uint8], network: Classifier) -> NDArray[np.float32]:
    assert network.residual is not None
    device = next(network.residual.parameters()).device
    seen = network_levels(frame[None], network.good, network.scale_max, network.form, network.scale)
    levels, good = (torch.from_numpy(part).to(device) for part in seen)
    given = residual_input(levels, good, network.scale_max, network.form)
    heat = gradcam(network.residual, given, single_label=network.single_label).cpu().numpy()
    if network.form == "image":
        larger = zoom(
            heat, (1, *np.divide(frame.shape, heat.shape[1:])), order=1, grid_mode=True, mode="nearest"
        )
        return _scaled(larger)
    if network.form == "correlation":  # it is by turn and not by angle: only rings are left
        heat = np.broadcast_to(heat.mean(axis=2, keepdims=True), heat.shape)
    counts = level_counts(network.scale, network.scale_max)[frame] * network.good
    roots = np.sqrt(counts + np.float32(EMPTY))[None]
    centre = find_centres(roots, network.good, reach=CENTRE_REACH * len(network.good))[0]
    return _scaled(on_image(heat.astype(np.float32), network.good, centre))


def _scaled(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep what spoke for each class, with 1 at the most."""
    kept = np.maximum(heat, 0)
    peak = kept.max(axis=(1, 2), keepdims=True)
    return (kept / np.where(peak > 1e-6, peak, 1) * (peak > 1e-6)).astype(np.float32)
