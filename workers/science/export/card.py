"""The card of a manifest: where everything came from, what is in it, and the SHA-256 of its files."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workers.science.export.methods import methods_of
from workers.science.manifest import ManifestTable

CARD, SUMS = "manifest.json", "SHA256SUMS"


def write_card(table: ManifestTable, out: Path, columns: list[str], card: dict[str, Any]) -> dict[str, Any]:
    """Complete `card` with what the other files in `out` hold, and write it as ``manifest.json``.

    The methods paragraph, its citations and the list of SHA-256 are written beside it.

    Returns
    -------
    counts : dict
        ``classes``: frames per class in the sorted result; ``clusters``: frames per cluster, "-1" is noise.
    """
    counts = {
        "classes": table.class_counts,
        "clusters": {str(cluster): n for cluster, n in sorted(table.cluster_counts.items())},
    }
    complete = card | {
        "n_frames": table.n_frames,
        "n_labelled": table.n_labelled,
        "counts": counts,
        "columns": columns,
    }
    text, bibtex = methods_of(complete)
    (out / "methods.txt").write_text(text, encoding="utf-8")
    if bibtex:
        (out / "methods.bib").write_text(bibtex, encoding="utf-8")
    complete |= {
        "methods": text.strip(),
        "sha256": {path.name: file_sha256(path) for path in sorted(out.iterdir())},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps(complete, indent=2, ensure_ascii=False, allow_nan=False)
    (out / CARD).write_text(text + "\n", encoding="utf-8")
    sums = complete["sha256"] | {CARD: file_sha256(out / CARD)}
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))
    (out / SUMS).write_text(lines, encoding="utf-8")
    return counts


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as a hexadecimal string."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
