"""Which classes cannot hold of one frame together."""

from collections.abc import Iterable

from webapp.labels.models import ClassScheme
from webapp.labels.naming import LabelError

ALL_BITS = (1 << 62) - 1


def driven_out(scheme: ClassScheme, mask: int) -> int:
    """Return the bits of the classes that go when those of `mask` are added to a frame."""
    others = ALL_BITS & ~mask
    if not mask:
        return 0
    alone = scheme.bits(scheme.exclusive)
    if scheme.single_label or mask & alone:
        return others
    groups = [scheme.bits(group) for group in scheme.excludes]
    return (alone | _any_of(group for group in groups if group & mask)) & others


def _any_of(bits: Iterable[int]) -> int:
    """Return all bits that any of `bits` has."""
    found = 0
    for some in bits:
        found |= some
    return found


def check_together(scheme: ClassScheme, classes: set[str]) -> None:
    """Refuse classes that exclude each other."""
    if len(classes) < 2:
        return
    if scheme.single_label:
        raise LabelError("Each frame has one class only here.")
    alone = classes & set(scheme.exclusive)
    if alone:
        raise LabelError(f"“{sorted(alone)[0]}” stands alone; it goes with no other class.")
    for group in scheme.excludes:
        both = [name for name in group if name in classes]
        if len(both) > 1:
            raise LabelError(f"“{both[0]}” and “{both[1]}” exclude each other; a frame has one of them.")


def excluded_by(scheme: ClassScheme) -> dict[str, list[str]]:
    """Return for each class the names of those that it drives out."""
    return {
        name: [other for place, other in enumerate(scheme.names) if driven_out(scheme, 1 << own) >> place & 1]
        for own, name in enumerate(scheme.names)
    }


def n_in_conflict(scheme: ClassScheme, sizes: dict[int, int]) -> int:
    """Return how many labelled frames have classes together that exclude each other."""
    found = 0
    for mask, n_frames in sizes.items():
        names = {name for place, name in enumerate(scheme.names) if mask >> place & 1}
        try:
            check_together(scheme, names)
        except LabelError:
            found += n_frames
    return found
