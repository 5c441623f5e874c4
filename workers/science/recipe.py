"""Build a recipe, a frozen dataclass, from the plain JSON values that a user's form gives."""

from dataclasses import fields
from typing import Any, TypeVar

from workers.science.errors import RecipeError

R = TypeVar("R")


def read_recipe(kind: type[R], values: dict[str, Any]) -> R:
    """Build a recipe and refuse what it does not know.

    Parameters
    ----------
    kind : type
        A frozen dataclass whose `__post_init__` raises `RecipeError` on a contradiction.
    values : dict
        Settings by name; absent ones take their defaults.

    Returns
    -------
    recipe : kind
        The recipe.

    Raises
    ------
    RecipeError
        If a name is unknown, a value has another type than its default, or values contradict each other.
    """
    known = {field.name: field.default for field in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise RecipeError(
                f"Setting {name!r}", "no such setting", f"Use one of {', '.join(sorted(known))}"
            )
        _require_type(name, value, known[name])
    return kind(**values)


def _require_type(name: str, value: Any, default: Any) -> None:
    """Refuse a value that has another type than the default of its setting; None means "choose for me"."""
    if default is None:
        fits = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        wanted = "a number, or nothing"
    elif isinstance(default, float):
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    elif isinstance(default, bool) or not isinstance(default, int):
        fits, wanted = isinstance(value, type(default)), type(default).__name__
    else:
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    if not fits:
        raise RecipeError(f"Setting {name!r}", f"{value!r} is not {wanted}", f"The default is {default!r}")


def require_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside ``[low, high]``.

    Parameters
    ----------
    name : str
        The setting's name.
    value, low, high : float
        The number and its limits, both allowed.

    Raises
    ------
    RecipeError
        If the number is outside, or is not a number.
    """
    if not low <= value <= high:
        raise RecipeError(f"Setting {name!r}", f"{value} is out of range", f"Choose {low} to {high}")


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is none of the choices.

    Parameters
    ----------
    name, value : str
        The setting and its value.
    choices : tuple of str
        What is allowed.

    Raises
    ------
    RecipeError
        If the value is none of them.
    """
    if value not in choices:
        raise RecipeError(f"Setting {name!r}", f"{value!r} is unknown", f"Choose {', '.join(choices)}")
