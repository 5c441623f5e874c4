"""A network and the frames of another data set: seen with their mask and scale, not with its own."""

import filecmp
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.classifier import Classifier, load_classifier
from workers.science.embed import Embedder, load_embedder
from workers.science.errors import RecipeError
from workers.science.network import GEOMETRY
from workers.science.preprocess import load_geometry
from workers.science.scale import read_scale

N_FRAMES_FOR_MASK = 512  # a pixel that is dark on all of so many frames carries no signal


def classifier_for(network_dir: str | Path, condensed_dir: str | Path) -> Classifier:
    """Load a classifier as it treats the frames of a data set.

    Of its own data set it knows which pixels carry signal. On frames that were condensed in another way, or
    by another detector, other pixels are masked, and a grey level stands for other counts.

    Parameters
    ----------
    network_dir : str or Path
        Folder of the classifier.
    condensed_dir : str or Path
        Folder with ``condensed.npy`` and ``geometry.npz``.

    Returns
    -------
    network : Classifier

    Raises
    ------
    RecipeError
        If the classifier sees images of one size, and these frames have another.
    ScienceError
        If the network cannot be read.
    """
    network = load_classifier(network_dir)
    if is_own(network_dir, condensed_dir):
        return network
    good = signal_pixels(condensed_dir)
    if network.residual is not None and network.form == "image" and good.shape != network.good.shape:
        raise RecipeError("Condensed frames", size_words(good.shape, network.good.shape), _REMEDY)
    scale, scale_max = read_scale(condensed_dir)
    return replace(network, good=good, scale=scale, scale_max=scale_max)


def embedder_for(network_dir: str | Path, condensed_dir: str | Path) -> Embedder:
    """Load a FactorVAE as it sees the frames of a data set; with arguments and errors of `classifier_for`.

    Features of polar maps know no size. A network of images sees pixels, so that the frames must be like its
    own.
    """
    network = load_embedder(network_dir)
    if is_own(network_dir, condensed_dir):
        return network
    geometry, inputs = load_geometry(condensed_dir), network.inputs
    if inputs.recipe.input == "image":
        if geometry.small_mask.shape != inputs.mask.shape:
            raise RecipeError(
                "Condensed frames", size_words(geometry.small_mask.shape, inputs.mask.shape), _REMEDY
            )
        return network
    seen = replace(inputs, mask=geometry.small_mask, scale_max=geometry.scale_max, stretch=geometry.scale)
    return replace(network, inputs=seen)


def is_own(network_dir: str | Path, condensed_dir: str | Path) -> bool:
    """Whether a network learned from frames of this very geometry."""
    paths = Path(network_dir) / GEOMETRY, Path(condensed_dir) / GEOMETRY
    return all(path.is_file() for path in paths) and filecmp.cmp(*paths, shallow=False)


def signal_pixels(condensed_dir: str | Path) -> NDArray[np.bool_]:
    """Return which pixels of condensed frames carry signal, bool (s, s): not masked, and lit on some frame.

    Of few and dim frames nothing can be said by what is lit, so that then the mask alone counts.
    """
    condensed = np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False)
    good = load_geometry(condensed_dir).small_mask
    if good.shape != condensed.shape[1:]:  # condensed by hand: the frames themselves say it
        good = np.ones(condensed.shape[1:], bool)
    if len(condensed) >= N_FRAMES_FOR_MASK:
        lit = np.asarray(condensed[:: len(condensed) // N_FRAMES_FOR_MASK].max(axis=0) > 0)
        good = good & lit if (good & lit).any() else good
    return good


def size_words(given: tuple[int, ...], known: tuple[int, ...]) -> str:
    """Say that frames have another size than a network knows."""
    return f"they are {given[0]} × {given[1]} pixels, the network sees images of {known[0]} × {known[1]}"


_REMEDY = "Condense the data set to that size, or choose a network that sees polar maps"
