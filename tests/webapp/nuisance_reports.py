"""Nuisance reports as the step writes them, for pages."""

import json
from pathlib import Path
from typing import Any

from tests.webapp.factories import make_product
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product

WHY = "Looks like an artefact: 97 % from cell <7>, where 3 % of all frames are."
SORTED = "Sorted by brightness: brighter than 90 % of the rest."


def describe(name: str, title: str, problem: str = "", words: str = "") -> dict[str, Any]:
    """Return what a report says of a nuisance itself."""
    known = 0.0 if problem else 0.75
    state = {"problem": problem, "words": words, "known": known}
    return {"name": name, "title": title, "unit": "", "kind": "detector", **state}


def judge(
    number: int, cell: float | None, total: float, artefact: str = "", sorted_by: str = ""
) -> dict[str, Any]:
    """Return what a report says of a cluster."""
    shares = {"cell": cell, "total": total}
    words = {"total": "brighter than 80 % of the rest"} if total else {}
    flags = {"artefact": artefact, "sorted_by": sorted_by}
    return {"id": number, "size": 10, "told": shares, "explained": shares, "words": words, **flags}


def make_report(dataset: Dataset, clusters: list[dict[str, Any]] | None = None) -> Product:
    """Add a report of the clusters of a sorted data set: an artefact, a sorted one, one that is neither."""
    few = [judge(0, 0.0, 0.31), judge(1, 0.97, 0.0, artefact=WHY), judge(2, None, 0.8, sorted_by=SORTED)]
    constant = describe("masked_share", "Masked share", "constant", "the same in all frames (0.1)")
    report = {
        "n_frames": dataset.n_frames,
        "strong": 0.6,
        "nuisances": [describe("cell", "Cell"), describe("total", "Brightness"), constant],
        "clusters": clusters or [*few, judge(-1, 0.1, 0.0)],
        "latents": [{"id": 0, "active": False, "explained": {"cell": 0.25, "total": None}}],
    }

    def write(out: Path) -> None:
        (out / "report.json").write_text(json.dumps(report))

    clustering = dataset.products.filter(kind="cluster").latest("created_at")
    return make_product(dataset, "nuisance", write, {}, {"clustering": clustering})
