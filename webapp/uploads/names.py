"""Under which name an uploaded file lies beside the others of its set, so that links by name find it."""

import re
import unicodedata
from collections.abc import Collection

MAX_LENGTH = 120
_OTHER = re.compile(r"[^A-Za-z0-9 ._+=,@()-]+")


def stored_name(filename: str, ending: str, taken: Collection[str]) -> str:
    """Return what a file is called in the folder of its set: its own name, as far as that is harmless.

    Folders before the name, dots at its beginning and all but plain letters, digits and a few marks go. It
    has at most `MAX_LENGTH` characters, keeps its ending, and differs from what is `taken` by more than case.
    """
    bare = re.split(r"[/\\]", filename)[-1]
    stem, tail = bare[: -len(ending)], bare[-len(ending) :]
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(letter)
    )
    stem = _OTHER.sub("_", plain).lstrip(". ") or "file"
    there, number = {name.lower() for name in taken}, 1
    while True:
        counted = "" if number == 1 else f"-{number}"
        name = stem[: MAX_LENGTH - len(tail) - len(counted)] + counted + tail
        if name.lower() not in there:
            return name
        number += 1
