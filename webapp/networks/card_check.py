"""What may stand in the card of a network from elsewhere: plain numbers and words, where pages look."""

import math
from typing import Any

MOST_CLASSES, MOST_NAME = 62, 200
MOST_POINTS = 5000
_FIGURES = {"learn": ("loss", "reconstruction", "mean_reconstruction", "tc", "discriminator"), "train": ()}
_METRICS = ("macro_f1", "macro_average_precision", "mcc", "constant_macro_f1")
_OF_CLASS = ("precision", "recall", "f1", "average_precision", "mcc")


class CardError(ValueError):
    """Something in a card that is not what it should be; for a sentence."""


def kind_of(card: dict[str, Any]) -> str:
    """Return of which kind of product a card is."""
    kinds = {"factorvae": "learn", "classifier": "train"}
    if card.get("kind") not in kinds:
        raise CardError("it is of no network of Fringe")
    return kinds[card["kind"]]


def checked_card(card: dict[str, Any]) -> dict[str, Any]:
    """Return of a card what pages use, each value of its kind; what they do not know is left out."""
    kind = kind_of(card)
    recipe = _flat(card, "recipe")
    found: dict[str, Any] = {"kind": card["kind"], "recipe": recipe, "versions": _flat(card, "versions")}
    found["seed"] = _whole(card.get("seed", 0), "seed")
    found["n_steps"] = _whole(card.get("n_steps", 0), "n_steps")
    found["seconds"] = _number(card.get("seconds", 0), "seconds")
    data = _flat(card, "data")
    found["data"] = {name: data[name] for name in ("n_frames", "n_labelled", "sha256") if name in data}
    found["curve"] = _curve(card.get("curve", []))
    found["warnings"] = [_words(each, "warnings") for each in _list(card.get("warnings", []), "warnings")][
        :50
    ]
    if kind == "train":
        return found | _classifier(card, recipe)
    return found | {"figures": _latents(card.get("figures", {})), "traversals": []}


def _classifier(card: dict[str, Any], recipe: dict[str, Any]) -> dict[str, Any]:
    classes = [_words(name, "classes") for name in _list(card.get("classes"), "classes")]
    if not 1 <= len(classes) <= MOST_CLASSES or len(set(classes)) < len(classes) or "" in classes:
        raise CardError(f"it names {len(classes)} classes, or one of them twice")
    thresholds = [_number(each, "thresholds") for each in _list(card.get("thresholds"), "thresholds")]
    exclusive = recipe.setdefault("exclusive", [])
    groups = [exclusive, *recipe.get("excludes", [])]
    apart = [name for group in groups for name in _list(group, "exclusive classes")]
    if len(thresholds) != len(classes) or not all(name in classes for name in apart):
        raise CardError("its thresholds or exclusive classes are not those of its classes")
    if not isinstance(card.get("single_label"), bool):
        raise CardError("it does not say whether a frame has one class")
    figures = card.get("figures") if isinstance(card.get("figures"), dict) else {}
    return {
        "classes": classes,
        "thresholds": thresholds,
        "single_label": card["single_label"],
        "residual_share": _number(card.get("residual_share", 0), "residual_share"),
        "temperature": _number(card.get("temperature", 1), "temperature"),
        "figures": {
            "metrics": _metrics(figures.get("metrics"), classes),
            "figures_from": _words(figures.get("figures_from") or "", "figures_from", 500),
            "n_held_back": _whole(figures.get("n_held_back", 0), "n_held_back"),
        },
    }


def _metrics(given: Any, classes: list[str]) -> dict[str, Any] | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise CardError("its figures are none")
    found: dict[str, Any] = {name: _maybe(given.get(name), name) for name in _METRICS}
    found["n_frames"] = _whole(given.get("n_frames", 0), "n_frames")
    rows = _list(given.get("per_class"), "per_class")
    if [row.get("class") if isinstance(row, dict) else None for row in rows] != classes:
        raise CardError("its figures are of other classes")
    found["per_class"] = [
        {"class": row["class"]}
        | {name: _maybe(row.get(name), name) for name in _OF_CLASS}
        | {name: _whole(row.get(name, 0), name) for name in ("support", "decided")}
        for row in rows
    ]
    table = [
        [_whole(n, "confusion") for n in _list(row, "confusion")]
        for row in _list(given.get("confusion"), "confusion")
    ]
    if len(table) != len(classes) or any(len(row) != len(classes) for row in table):
        raise CardError("its confusion is of other classes")
    found["confusion"] = table
    intervals = given.get("intervals")
    if isinstance(intervals, dict):
        f1 = _list(intervals.get("f1", [None] * len(classes)), "intervals")
        if len(f1) != len(classes):
            raise CardError("its intervals are of other classes")
        found["intervals"] = {
            "macro_f1": _bounds(intervals.get("macro_f1")),
            "mcc": _bounds(intervals.get("mcc")),
            "f1": [_bounds(each) for each in f1],
        }
    return found


def _latents(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise CardError("its figures are none")
    found: dict[str, Any] = {
        name: _number(given[name], name) for name in _FIGURES["learn"] if given.get(name) is not None
    }
    kl = [_number(each, "kl_per_latent") for each in _list(given.get("kl_per_latent"), "kl_per_latent")]
    active = [_whole(each, "active_latents") for each in _list(given.get("active_latents"), "active_latents")]
    if len(kl) > 1024 or any(each >= len(kl) for each in active):
        raise CardError("its latents are not those of its figures")
    found |= {"kl_per_latent": kl, "active_latents": active}
    if isinstance(given.get("compared"), str):
        found["compared"] = _words(given["compared"], "compared")
    if given.get("reach_per_latent") is not None:
        reach = _list(given["reach_per_latent"], "reach_per_latent")
        found["reach_per_latent"] = [_number(each, "reach_per_latent") for each in reach]
    return found


def _curve(given: Any) -> list[dict[str, float]]:
    points = _list(given, "curve")[:MOST_POINTS]
    if not all(isinstance(point, dict) for point in points):
        raise CardError("its curve is none")
    kept = [{name: value for name, value in point.items() if _is_number(value)} for point in points]
    return kept if all("step" in point for point in kept) else []


def _flat(card: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object of words, numbers and lists of words."""
    given = card.get(name, {})
    if not isinstance(given, dict) or len(given) > 200:
        raise CardError(f"its {name} is no object")
    for key, value in given.items():
        if not _is_plain(value) or len(key) > MOST_NAME:
            raise CardError(f"“{key[:40]}” in its {name} is nothing that stands there")
    return dict(given)


def _is_plain(value: Any, depth: int = 2) -> bool:
    """Whether a value is a word, a number, or a list of such, at most a list of lists."""
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(each, depth - 1) for each in value)
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: Any, name: str) -> float:
    if not _is_number(value):
        raise CardError(f"its {name} is no number")
    return value


def _maybe(value: Any, name: str) -> float | None:
    return None if value is None else _number(value, name)


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise CardError(f"its {name} is no whole number")
    return value


def _bounds(value: Any) -> list[float] | None:
    if value is None:
        return None
    found = [_number(each, "intervals") for each in _list(value, "intervals")]
    if len(found) != 2:
        raise CardError("an interval has two ends")
    return found


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise CardError(f"its {name} is no list")
    return value


def _words(value: Any, name: str, most: int = MOST_NAME) -> str:
    if not isinstance(value, str) or any(ord(letter) < 32 for letter in value):
        raise CardError(f"its {name} is no line of text")
    return value[:most]
