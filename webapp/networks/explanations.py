"""Why a frame got its class: asking a worker for it, and what it found."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.columns import Columns
from webapp.datasets.decisions import decide, decision_rule
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle, submit


@dataclass(frozen=True)
class ClassHeat:
    """One class of an explanation; `place` is its row in the heat."""

    name: str
    place: int
    percent: float | None
    is_decided: bool
    is_silent: bool


def ask_why(*, columns: Columns, frame: int, user: User | None = None) -> Handle:
    """Ask a worker which parts of a frame spoke for each class; what was asked before is found again."""
    dataset, condensation = columns.dataset, columns.products["condense"]
    return submit(
        kind="explain",
        group=dataset.group,
        dataset=dataset,
        inputs={"condensation": Handle.of(condensation), "network": Handle.of(columns.classifier)},
        params={"frame": frame},
        user=user,
        title=f"{dataset.name[:150]}: why frame {frame} got its class",
    )


def explanation_of(columns: Columns, frame: int) -> Product | None:
    """Return what was found out of a frame for the classifier that sorted it."""
    asked = _asked(columns)
    products = Product.objects.of_kind("explain").filter(dataset=columns.dataset, params={"frame": frame})
    return next((product for product in products if product.inputs == asked), None)


def explaining_job(columns: Columns, frame: int) -> Job | None:
    """Return the newest job that was asked why, if it has not been followed by its product."""
    asked = _asked(columns)
    jobs = Job.objects.filter(kind="explain", dataset=columns.dataset, params={"frame": frame})
    return next((job for job in jobs.order_by("-created_at") if job.inputs == asked), None)


def can_explain(columns: Columns) -> bool:
    """Whether there is a classifier that has sorted the frames, and frames to ask about."""
    return columns.classifier is not None and columns.condensed is not None


def class_heats(columns: Columns, frame: int, product: Product) -> list[ClassHeat]:
    """Return the classes of an explanation, the decided ones first, then the likeliest."""
    facts = product.facts
    decided = decide(
        np.asarray(columns.class_probabilities[frame : frame + 1]),
        decision_rule(columns.products["classify"]),
    )
    heats = [
        ClassHeat(
            name, place, None if p is None else 100 * p, bool(decided[0, place]), name in facts["silent"]
        )
        for place, (name, p) in enumerate(zip(facts["classes"], facts["probabilities"], strict=True))
    ]
    return sorted(heats, key=lambda heat: (not heat.is_decided, -(heat.percent or 0)))


def heat_bytes(product: Product, place: int) -> bytes:
    """Return the heat of one class, a byte a pixel, row by row."""
    return _heat(product.folder)[place].tobytes()


def _asked(columns: Columns) -> dict[str, str]:
    return {"condensation": str(columns.products["condense"].pk), "network": str(columns.classifier.pk)}


@lru_cache(maxsize=64)
def _heat(folder: Path) -> np.ndarray:
    return np.load(folder / "heat.npy", mmap_mode="r", allow_pickle=False)
