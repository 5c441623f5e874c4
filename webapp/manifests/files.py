"""The files that a manifest can have: what each is for, and why one does not apply to a data set."""

from dataclasses import dataclass

from webapp.manifests.frozen import ManifestColumns


@dataclass(frozen=True)
class FileKind:
    """A format, as the form offers it; `needs` is why it cannot be written, empty where it can."""

    name: str
    title: str
    words: str
    needs: str = ""


DEFAULT = ("csv", "parquet")
_FILES = (
    FileKind("csv", "CSV", "One row a frame with all columns, for spreadsheets and everything else."),
    FileKind("jsonl", "JSON Lines", "The same rows, one JSON object a line, for scripts of any language."),
    FileKind(
        "parquet", "Parquet", "The same rows with their types, small and quick, for pandas and the like."
    ),
)


def files_of(columns: ManifestColumns) -> list[FileKind]:
    """Return the files that can be asked for, each with what is in its way."""
    return list(_FILES)
