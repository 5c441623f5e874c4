"""Sources as they are named on a command line: files, folders and patterns."""

import os
from pathlib import Path

from webapp.datasets.browse import natural_key
from webapp.datasets.expand import is_pattern


def in_order(sources: list[str]) -> list[str]:
    """Return full paths; several in natural order, because a shell spells a pattern out by the alphabet."""
    return sorted((str(Path(source).absolute()) for source in sources), key=natural_key)


def roots_of(sources: list[str]) -> list[str]:
    """Return the folders in which the sources lie: all that a reader needs to see."""
    return list(dict.fromkeys(str(_folder(source)) for source in sources))


def _folder(source: str) -> Path:
    path = Path(source)
    if path.is_dir():
        return path
    if os.path.lexists(source):
        return path.parent
    parts = path.parts[:-1]
    plain = next((number for number, part in enumerate(parts) if is_pattern(part)), len(parts))
    return Path(*parts[:plain])
