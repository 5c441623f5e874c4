"""Read what masks are made from: the patterns of an index, and the picture of a mask that a person drew."""

from pathlib import Path

import numpy as np
from PIL import Image

from workers.science.errors import RecipeError, SourceError
from workers.science.mask_reasons import DrawnMask, Patterns

_MOST_PIXELS = 256 * 2**20


def load_patterns(index_dir: str | Path, n_frames: int) -> Patterns:
    """Read the patterns of an index.

    Parameters
    ----------
    index_dir : str or Path
        Folder written by `merge_index`.
    n_frames : int
        Frames of the data set.

    Returns
    -------
    patterns : Patterns
        Without variance where the index is of a time when it was not measured.
    """
    with np.load(Path(index_dir) / "patterns.npz", allow_pickle=False) as patterns:
        return Patterns(patterns["mean"], patterns["max"], n_frames, patterns.get("variance"))


def read_drawn_mask(path: str | None, words: str, sha256: str) -> DrawnMask | None:
    """Read the mask that a recipe names.

    Parameters
    ----------
    path : str or None
        The picture, white where masked.
    words : str
        Whose it is, and which.
    sha256 : str
        What the recipe names; empty for no mask.

    Returns
    -------
    drawn : DrawnMask or None
        None if the recipe names none.

    Raises
    ------
    RecipeError
        If the recipe names a mask that is not given.
    SourceError
        If the picture cannot be read.
    """
    if not sha256:
        return None
    if path is None:
        cause = f"{sha256[:12]}… is no mask of this data set"
        raise RecipeError("Setting 'drawn_mask'", cause, "Choose a version of the drawn mask, or none")
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise ValueError("too many pixels")
            return DrawnMask(np.asarray(picture.convert("1"), bool), words)
    except (OSError, ValueError) as error:
        raise SourceError(f"The mask {words}", f"cannot be read ({error})", "Draw it again") from error
