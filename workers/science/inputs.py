"""What a FactorVAE sees of a condensed frame: a vector of features, the same for learning and embedding."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from workers.science.chunks import in_chunks
from workers.science.factorvae import LearnRecipe
from workers.science.features import angular_features, image_features, shape_features, spectral_features
from workers.science.progress import Progress, silent
from workers.science.scale import DEFAULT, SCALES, from_levels
from workers.science.shapenet.network import ShapeNetwork, as_tensors, from_tensors, shape_network
from workers.science.views import N_VIEWS
from workers.science.whitening import fit_directions

CHUNK = 64
"""Frames that are turned into features at a time: bounds the memory."""
N_FITTED = 2048
"""Frames from whose views the directions are taken, at most, spread evenly through the data set."""
SHAPES = "input.shapes."


@dataclass(frozen=True)
class InputMap:
    """The map from condensed frames to features, with what it took from the data set.

    `mask` (s, s) bool is True where a condensed frame may be used. `mean` and `scale` (n_features,) float32
    standardise the features; they are 0 and 1 for images. `stretch` is the scale of the condensed frames.
    `axes` (n_raw, n_features) float32 are the directions of `whitening` that spectra are taken along, first.
    `shapes` is the shape network where it is used, of which each network keeps its own copy.
    """

    recipe: LearnRecipe
    scale_max: float
    mask: NDArray[np.bool_]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    stretch: str = DEFAULT
    axes: NDArray[np.float32] | None = None
    shapes: ShapeNetwork | None = None

    def features(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return standardised features.

        Parameters
        ----------
        frames : ndarray of shape (m, s, s), uint8
            Condensed frames.

        Returns
        -------
        features : ndarray of shape (m, n_features), float32
            In units of the data set's spread.
        """
        return self.standardised(self.raw_features(frames))

    def standardised(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return features (..., n_features) of what `raw_features` returned, (..., n_raw)."""
        if self.axes is not None:
            raw = raw @ self.axes
        return (raw - self.mean) / self.scale

    def raw_features(
        self, frames: NDArray[np.uint8], random: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """Return features before standardisation, of shape (m, n_raw), float32.

        With `random`, which only spectra know, they are those of another view of each frame.
        """
        if self.recipe.input == "image":
            return image_features(frames)
        counts = from_levels(frames, self.stretch, self.scale_max)
        if self.recipe.input == "angular":
            return angular_features(counts, self.mask, self.recipe)
        if self.recipe.input == "spectral":
            return spectral_features(counts, self.mask, self.recipe, random)
        return shape_features(counts, self.mask, self.recipe, self.shapes)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what must be stored beside the weights to embed new frames."""
        return {
            "input.mask": torch.from_numpy(self.mask.astype(np.uint8)),
            "input.mean": torch.from_numpy(self.mean),
            "input.scale": torch.from_numpy(self.scale),
            "input.scale_max": torch.tensor(self.scale_max, dtype=torch.float64),
            "input.stretch": torch.tensor(SCALES.index(self.stretch)),
            **({} if self.axes is None else {"input.axes": torch.from_numpy(self.axes)}),
            **({} if self.shapes is None else as_tensors(self.shapes, SHAPES)),
        }

    @classmethod
    def from_tensors(cls, recipe: LearnRecipe, tensors: dict[str, torch.Tensor]) -> "InputMap":
        """Rebuild the map of a stored network."""
        return cls(
            recipe=recipe,
            scale_max=float(tensors["input.scale_max"]),
            mask=tensors["input.mask"].numpy().astype(bool),
            mean=tensors["input.mean"].numpy(),
            scale=tensors["input.scale"].numpy(),
            stretch=SCALES[int(tensors["input.stretch"])] if "input.stretch" in tensors else DEFAULT,
            axes=tensors["input.axes"].numpy() if "input.axes" in tensors else None,
            shapes=from_tensors(tensors, SHAPES) if recipe.input == "shapes" else None,
        )


def prepare_inputs(
    condensed: NDArray[np.uint8],
    recipe: LearnRecipe,
    mask: NDArray[np.bool_],
    scale_max: float,
    path: Path,
    *,
    stretch: str = DEFAULT,
    threads: int = 1,
    on_progress: Progress = silent,
) -> tuple[InputMap, NDArray[np.float32]]:
    """Compute the features of a data set once, into a file, and the map that made them.

    Parameters
    ----------
    condensed : ndarray of shape (n, s, s), uint8
        Condensed frames, usually a memory map.
    recipe : LearnRecipe
        Which features.
    mask : ndarray of shape (s, s), bool
        True where the frames may be used.
    scale_max : float
        Counts that 255 stands for.
    path : Path
        The file to write, float32 of shape (n, n_features); an older one is replaced.
    stretch : {"log", "sqrt", "none"}
        How counts became levels.
    threads : int, default=1
        Chunks worked on at a time.
    on_progress : Progress
        Told the frames done.

    Returns
    -------
    inputs : InputMap
        With the mean and scale of this data set.
    features : ndarray of shape (n, n_features) or (n, n_views, n_features), float32
        Standardised, a memory map of `path`. Spectra come in several views, the first of the frame as it is.
    """
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    shapes = shape_network() if recipe.input == "shapes" else None
    inputs = InputMap(recipe, scale_max, mask, mean=zero, scale=one, stretch=stretch, shapes=shapes)
    if recipe.input == "spectral":
        return _prepare_views(condensed, inputs, path, threads, on_progress)
    n_features = inputs.raw_features(condensed[:1]).shape[1]
    features = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float32, shape=(len(condensed), n_features)
    )

    def raw(start: int, stop: int) -> NDArray[np.float32]:
        return inputs.raw_features(np.asarray(condensed[start:stop]))

    for start, stop, found in in_chunks(raw, len(condensed), CHUNK, threads):
        features[start:stop] = found
        on_progress(stop, len(condensed), note="preparing frames")
    mean, scale = _standardisation(features, recipe)
    for start in range(0, len(condensed), CHUNK):
        features[start : start + CHUNK] = (features[start : start + CHUNK] - mean) / scale
    return replace(inputs, mean=mean, scale=scale), features


def _prepare_views(
    condensed: NDArray[np.uint8], inputs: InputMap, path: Path, threads: int, on_progress: Progress
) -> tuple[InputMap, NDArray[np.float32]]:
    """Find the directions from a part of the frames, then write all frames in all views along them."""
    n = len(condensed)
    fitted = np.unique(np.linspace(0, n - 1, min(n, N_FITTED)).astype(int))
    n_all, raw = len(fitted) + n, []
    work = partial(_raw_views, inputs, condensed, fitted)
    for _, stop, found in in_chunks(work, len(fitted), CHUNK, threads):
        raw.append(found)
        on_progress(stop, n_all, note="preparing frames")
    views = np.concatenate(raw)
    axes = fit_directions(views)
    along = views @ axes
    scale = np.maximum(along.std(axis=(0, 1)), 1e-3)
    inputs = replace(inputs, axes=axes, mean=along.mean(axis=(0, 1)), scale=scale)
    features = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, N_VIEWS, axes.shape[1]))
    work = partial(_raw_views, inputs, condensed, np.arange(n))
    for start, stop, found in in_chunks(work, n, CHUNK, threads):
        features[start:stop] = inputs.standardised(found)
        on_progress(len(fitted) + stop, n_all, note="preparing frames")
    return inputs, features


def _raw_views(
    inputs: InputMap, condensed: NDArray[np.uint8], rows: NDArray[np.int64], start: int, stop: int
) -> NDArray[np.float32]:
    """Return some rows in all views, (m, n_views, n_raw); the same ones for the same rows."""
    frames = np.asarray(condensed[rows[start:stop]])
    random = np.random.default_rng(int(rows[start]))
    others = [inputs.raw_features(frames, random) for _ in range(N_VIEWS - 1)]
    return np.stack([inputs.raw_features(frames), *others], axis=1)


def _standardisation(
    features: NDArray[np.float32], recipe: LearnRecipe
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and scale per feature.

    The scale is the standard deviation plus a tenth of the greatest one, so that features that hardly
    vary, which are noise, are not blown up to the size of the others. Of shapes it is the same for all, as
    distances between them mean something.
    """
    n_features = features.shape[1]
    if recipe.input == "image":
        return np.zeros(n_features, np.float32), np.ones(n_features, np.float32)
    mean = features.mean(axis=0, dtype=np.float64)
    spread = np.zeros(n_features)
    for start in range(0, len(features), CHUNK):
        spread += np.square(features[start : start + CHUNK] - mean).sum(axis=0)
    spread = np.sqrt(spread / len(features))
    scale = spread + 0.1 * spread.max()
    if recipe.input == "shapes":
        scale = np.full(n_features, np.sqrt(np.square(spread).mean()))
    return mean.astype(np.float32), np.where(scale > 1e-6, scale, 1.0).astype(np.float32)
