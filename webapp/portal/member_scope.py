"""The scope `member`: the frames of a group of any result of a data set, be it current or not."""

from typing import Any

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.scopes import ScopeError, register_scope
from webapp.portal.groupings import LABELS, Group, Grouping, grouping_of


def register() -> None:
    """Let scopes name `[result, group]`: a product or “labels”, and the number or name of its group."""
    register_scope("member", _frames, _words)


def _frames(columns: Columns, value: Any) -> np.ndarray:
    grouping, place = _named(columns, value)
    return np.flatnonzero(grouping.members[:, place][grouping.codes])


def _words(columns: Columns, value: Any) -> str:
    grouping, place = _named(columns, value)
    group = grouping.groups[place]
    if grouping.key == LABELS:
        return f"labelled {group.name}"
    return f"in {group.name} of another clustering" if grouping.clustering else f"once sorted as {group.name}"


def _named(columns: Columns, value: Any) -> tuple[Grouping, int]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise ScopeError("A member scope names a result and one of its groups.")
    grouping = grouping_of(columns.dataset, value[0])
    if grouping is None:
        raise ScopeError("This result is not there any more. Load the page again.")
    for place, group in enumerate(grouping.groups):
        if _matches(group, value):
            return grouping, place
    raise ScopeError("This result has no such group.")


def _matches(group: Group, value: list[Any]) -> bool:
    if group.scope == {"member": value}:
        return True
    names = (group.scope or {}).values()
    return any(name is value[1] or (type(name) is type(value[1]) and name == value[1]) for name in names)
