"""How a classifier is trained, as one frozen value that refuses contradictions."""

from dataclasses import asdict, dataclass
from typing import Any

from workers.science.errors import RecipeError
from workers.science.recipe import read_recipe, require_choice, require_range


@dataclass(frozen=True)
class ClassifierRecipe:
    """Settings of the supervised network; the defaults are ours, `PUBLISHED` are Zimmermann's.

    The default is the expert on shapes: eight labels a class suffice it, and it is fitted in a second
    (decision 0026). The published settings want 30 000 steps at width 64 on a GPU. Those of the residual
    network here are for two CPU cores: AdamW with one cycle of the learning rate comes to rest within a
    fixed, small number of steps without tuning, where Nesterov at a constant rate needs ten times as many;
    rotations are free labels, because the in-plane angle of a particle is random.

    Attributes
    ----------
    shapes : bool
        Use the expert on shapes.
    folds : int
        Parts into which labels are divided for its figures: each part is judged by a fit on the others.
    n_unlabelled : int
        Frames without a label that it learns from as well, at most.
    residual : bool
        Use a residual network, with all settings below; joined with the expert on shapes if both are used.
    input : str
        What the residual network sees: ``"polar"`` maps, on which a turn is a shift, the ``"image"``, or the
        two-point cross-``"correlation"`` of polar maps.
    width : int
        Channels of the first stage; the others have 2, 4 and 8 times as many.
    n_steps, batch : int
        Steps of each fit, and frames a step.
    optimiser : str
        ``"adamw"`` (decoupled weight decay, one cycle) or ``"nesterov"`` (momentum 0.9, constant rate, L2).
    learning_rate, weight_decay, l1 : float
        Peak rate; decay (L2); weight of the sum of absolute values of the convolutions.
    rotate : str
        ``"any"`` in-plane angle, ``"quarter"`` turns, or ``"none"``.
    flip : bool
        Mirror frames at random.
    gain : float
        Frames are dimmed by a random factor down to ``1 / gain``, with the photon noise that goes with it.
    shift : float
        Largest shift of the centre of an image, in pixels; polar maps lie about a centre of their own.
    smoothing : float
        Share of each label that is given to the opposite (or the other classes).
    held_back : float
        Share of the labels that its first fit does not see; all figures are from them.
    refit : bool
        Train it once more on all labels, for the network that is kept.
    exclusive : tuple of str
        Classes that stand alone, such as "Empty".
    excludes : tuple of tuple of str
        Groups of classes of which a frame has one at most.
    """

    shapes: bool = True
    folds: int = 5
    n_unlabelled: int = 4000
    residual: bool = False
    input: str = "polar"
    width: int = 16
    n_steps: int = 240
    batch: int = 32
    optimiser: str = "adamw"
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    l1: float = 0.0
    rotate: str = "any"
    flip: bool = True
    gain: float = 3.0
    shift: float = 1.5
    smoothing: float = 0.05
    held_back: float = 0.2
    refit: bool = True
    exclusive: tuple[str, ...] = ()
    excludes: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in _LIMITS:
            require_range(name, getattr(self, name), low, high)
        for name, choices in _CHOICES.items():
            require_choice(name, getattr(self, name), choices)
        if not self.shapes and not self.residual:
            cause = "without both the expert on shapes and the residual network there is nothing to train"
            raise RecipeError("Settings 'shapes' and 'residual'", cause, "Switch one of them on")

    @classmethod
    def from_dict(cls, recipe: dict[str, Any]) -> "ClassifierRecipe":
        """Build a recipe from plain JSON values; what is not named takes its default.

        Raises
        ------
        RecipeError
            If a name is unknown, a value of the wrong kind, or out of its range.
        """
        names, groups = recipe.get("exclusive", ()), recipe.get("excludes", ())
        if not _are_names(names):
            raise RecipeError(
                "Setting 'exclusive'", f"{names!r} is not a list of classes", "Give their names"
            )
        if not isinstance(groups, list | tuple) or not all(_are_names(group) for group in groups):
            cause = f"{groups!r} is not a list of lists of classes"
            raise RecipeError("Setting 'excludes'", cause, "Give the names of each group")
        given = {"exclusive": tuple(names), "excludes": tuple(tuple(group) for group in groups)}
        return read_recipe(cls, recipe | given)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, from which `from_dict` builds the same recipe."""
        lists = {"exclusive": list(self.exclusive), "excludes": [list(group) for group in self.excludes]}
        return asdict(self) | lists


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


_LIMITS = [
    ("folds", 2, 20),
    ("n_unlabelled", 0, 20_000),
    ("width", 2, 256),
    ("n_steps", 1, 1_000_000),
    ("batch", 2, 1024),
    ("learning_rate", 1e-6, 1.0),
    ("weight_decay", 0.0, 1.0),
    ("l1", 0.0, 1.0),
    ("gain", 1.0, 100.0),
    ("shift", 0.0, 16.0),
    ("smoothing", 0.0, 0.4),
    ("held_back", 0.0, 0.5),
]
_CHOICES = {
    "input": ("polar", "image", "correlation"),
    "optimiser": ("adamw", "nesterov"),
    "rotate": ("any", "quarter", "none"),
}

PUBLISHED = {
    "shapes": False,
    "residual": True,
    "input": "image",
    "width": 64,
    "n_steps": 30_000,
    "batch": 24,
    "optimiser": "nesterov",
    "learning_rate": 0.1 * 24 / 128,
    "weight_decay": 1e-5,
    "l1": 1e-5,
    "rotate": "none",
    "gain": 1.0,
    "shift": 0.0,
    "smoothing": 0.0,
}
"""Settings of Zimmermann et al., Phys. Rev. E 99, 063309 (2019), as far as a recipe can state them.

With ``"input": "correlation"`` the alternative of the paper that withstands noise.
"""
