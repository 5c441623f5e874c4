"""The recipe by which frames are condensed: what a person may choose, and what is chosen for them."""

from dataclasses import dataclass
from typing import Any

from workers.science.errors import RecipeError
from workers.science.recipe import read_recipe, require_choice, require_range
from workers.science.scale import SCALES

DEFAULT_SIZE = 96
_SMALLEST, _LARGEST = 8, 1024


@dataclass(frozen=True)
class CondenseRecipe:
    """How frames are condensed.

    Parameters
    ----------
    size : int, optional
        Side of a condensed frame, in pixels; 96 if neither it nor `bin` is given.
    bin : int, optional
        Instead of a size: detector pixels along one side of a condensed pixel.
    crop : float, optional
        Side of the square that is cut out about the beam, in detector pixels. If not given, the largest
        square that lies inside the frame; or one as wide as the frame's shorter side, where the beam is far
        from the middle.
    scale : {"log", "sqrt", "none"}
        How counts become brightness: by their logarithm, by their square root, or in proportion.
    scale_max : float, optional
        Counts that become 255. If not given, a high percentile of the maximum pattern.
    scale_percentile : float, default=99.9
        That percentile, over the good pixels of the cut-out.
    centre_row, centre_column : float, optional
        The beam on the detector, in pixels. If not given, it is looked for.
    use_file_mask, find_dead, find_hot, find_noisy : bool, default=True
        What is masked: the bad pixels that the file names, and those that the patterns show.
    drawn_mask : str, default=""
        SHA-256 of the mask that a person drew; empty for none.
    hole_radius : float, default=0
        Pixels nearer to the beam than this are masked.
    """

    size: int | None = None
    bin: int | None = None
    crop: float | None = None
    scale: str = "log"
    scale_max: float | None = None
    scale_percentile: float = 99.9
    centre_row: float | None = None
    centre_column: float | None = None
    use_file_mask: bool = True
    find_dead: bool = True
    find_hot: bool = True
    find_noisy: bool = True
    drawn_mask: str = ""
    hole_radius: float = 0.0

    def __post_init__(self) -> None:
        require_choice("scale", self.scale, SCALES)
        for name, low, high in (("size", _SMALLEST, _LARGEST), ("bin", 1, 1024)):
            _require_whole(name, getattr(self, name), low, high)
        if self.size is not None and self.bin is not None:
            raise RecipeError("The size", "both a size and a bin are given", "Give one of them")
        require_range("scale_percentile", self.scale_percentile, 50, 100)
        require_range("hole_radius", self.hole_radius, 0, 1e5)
        if self.crop is not None:
            require_range("crop", self.crop, 4, 1e5)
        if self.scale_max is not None:
            require_range("scale_max", self.scale_max, 1e-6, 1e12)
        if (self.centre_row is None) != (self.centre_column is None):
            raise RecipeError("The centre", "only one of row and column is given", "Give both, or neither")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CondenseRecipe":
        """Build the recipe from plain values; raises RecipeError on what it does not know."""
        return read_recipe(cls, values)

    def fit_size(self, crop: float) -> tuple[int, float]:
        """Return the side of a condensed frame, and the side of the cut-out that fits it.

        Parameters
        ----------
        crop : float
            Side of the cut-out that is wanted, in detector pixels.

        Returns
        -------
        size : int
            In condensed pixels.
        crop : float
            In detector pixels; a multiple of the bin where there is one, and not larger than wanted.

        Raises
        ------
        RecipeError
            If the bin leaves too few pixels, or too many.
        """
        if self.bin is None:
            return self.size or DEFAULT_SIZE, crop
        size = int(crop / self.bin + 1e-6)
        if not _SMALLEST <= size <= _LARGEST:
            cause = f"{self.bin} pixels of {crop:g} leave {size}, which is not {_SMALLEST} to {_LARGEST}"
            raise RecipeError("Setting 'bin'", cause, "Choose another bin or another crop")
        return size, float(size * self.bin)


def _require_whole(name: str, value: float | None, low: int, high: int) -> None:
    if value is None:
        return
    if not isinstance(value, int):
        raise RecipeError(f"Setting {name!r}", f"{value!r} is not a whole number", "Leave out the fraction")
    require_range(name, value, low, high)
