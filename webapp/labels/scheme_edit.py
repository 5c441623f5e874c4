"""Changes of classes that keep their labels: names, keys, colours, exclusions, and classes put away."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from webapp.labels.exclusions import n_in_conflict
from webapp.labels.models import ClassScheme
from webapp.labels.naming import LabelError, check_name
from webapp.labels.services import KEYS, groups_among, lock_labels
from webapp.labels.state_cache import current_labels

FEWEST_BETWEEN, MOST_BETWEEN = 2, 100
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class ClassEntry:
    """One class as a person wants it; its place among the others is the bit that it keeps."""

    name: str
    key: str
    colour: str
    stands_alone: bool = False
    is_hidden: bool = False


@transaction.atomic
def edit_scheme(
    *,
    scheme: ClassScheme,
    entries: list[ClassEntry],
    excludes: Iterable[Iterable[str]],
    single_label: bool,
    repeat_every: int = 0,
) -> int:
    """Change the classes; return how many labelled frames have classes together that now exclude each other.

    Labels stay as they are: exclusions hold for what is labelled from now on.
    """
    lock_labels(scheme.dataset)
    scheme.refresh_from_db()
    if len(entries) != len(scheme.classes):
        raise LabelError("Somebody else has added a class meanwhile. Load the page again.")
    names = _checked_names(entries)
    _check_keys(entries)
    if repeat_every and not FEWEST_BETWEEN <= repeat_every <= MOST_BETWEEN:
        raise LabelError(f"Frames come back each {FEWEST_BETWEEN}nd to {MOST_BETWEEN}th time, or never (0).")
    renamed = {old: new for old, new in zip(scheme.names, names, strict=True) if old != new}
    scheme.excludes = _groups(excludes, renamed, names)
    scheme.classes = [
        _entry(old, name, entry) for old, name, entry in zip(scheme.classes, names, entries, strict=True)
    ]
    scheme.exclusive = [name for name, entry in zip(names, entries, strict=True) if entry.stands_alone]
    scheme.single_label, scheme.repeat_every = single_label, repeat_every
    n_wrong = n_in_conflict(scheme, current_labels(scheme.dataset).sizes)
    if single_label and n_wrong:
        raise LabelError(
            f"{n_wrong} frames have several classes. Label them anew before each may have one only."
        )
    scheme.save()
    return n_wrong


def _checked_names(entries: list[ClassEntry]) -> list[str]:
    names = [check_name(entry.name) for entry in entries]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise LabelError(f"The class “{twice[0]}” is named twice.")
    if all(entry.is_hidden for entry in entries):
        raise LabelError("At least one class must be offered.")
    return names


def _check_keys(entries: list[ClassEntry]) -> None:
    for place, entry in enumerate(entries):
        if entry.key and (len(entry.key) > 1 or entry.key not in KEYS):
            raise LabelError(f"“{entry.key}” cannot be the key of a class. There are {' '.join(KEYS)}.")
        if entry.key and entry.key in [other.key for other in entries[:place]]:
            raise LabelError(f"The key {entry.key} is given to two classes.")
        if not _COLOUR.fullmatch(entry.colour):
            raise LabelError(f"“{entry.colour}” is no colour. Write it as #e69f00.")


def _groups(excludes: Iterable[Iterable[str]], renamed: dict[str, str], names: list[str]) -> list[list[str]]:
    groups = [
        [renamed.get(name, name) if name not in names else name for name in group] for group in excludes
    ]
    for group in groups:
        unknown = [name for name in group if name not in names]
        if unknown:
            raise LabelError(f"“{unknown[0]}” is none of the classes, so it can exclude none.")
        if len(set(group)) < 2:
            raise LabelError(
                f"“{', '.join(group)}” alone excludes nothing. Name two classes or more in a line."
            )
    return groups_among(groups, names)


def _entry(old: dict[str, object], name: str, entry: ClassEntry) -> dict[str, object]:
    former = list(old.get("former", []))
    if old["name"] != name:
        former = [*(each for each in former if each != name), old["name"]]
    found = {"name": name, "key": entry.key, "colour": entry.colour}
    return found | ({"former": former} if former else {}) | ({"hidden": True} if entry.is_hidden else {})
