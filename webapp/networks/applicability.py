"""Which registered networks fit a data set: what is asked, and what was found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.accounts.models import User
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle, submit
from webapp.networks.describe import offered

KIND = "applicability"
MOST_TRIED = 40
ORDER = {"fits": 0, "care": 1, "": 2, "unfit": 3}


@dataclass(frozen=True)
class Candidate:
    """A network of another data set, and whether it fits; `verdict` is empty where nobody has looked yet."""

    network: Product
    verdict: str = ""
    sentence: str = ""
    score: float = 0.0
    likeness: dict[str, Any] | None = None
    answers: dict[str, Any] | None = None

    @property
    def called(self) -> str:
        """What people call the network."""
        entry = getattr(self.network, "entry", None)
        return str(entry or self.network)

    @property
    def fits(self) -> bool:
        """Whether it is worth trying."""
        return self.verdict in ("fits", "care")


def networks_for(dataset: Dataset, kind: str) -> list[Product]:
    """Return the networks of the group that learned from other data sets, the newest first."""
    found = offered(Product.objects.filter(group=dataset.group_id).exclude(dataset=dataset)).of_kind(kind)
    return list(found.select_related("dataset", "entry")[:MOST_TRIED])


def see_which_fit(*, dataset: Dataset, user: User | None = None) -> Handle | None:
    """Ask which networks of the group fit a data set; None where there are no frames or no networks."""
    condensation = newest(dataset, "condense")
    networks = [*networks_for(dataset, "train"), *networks_for(dataset, "learn")]
    if condensation is None or not networks:
        return None
    inputs = {f"network_{product.pk.hex[:12]}": Handle.of(product) for product in networks}
    return submit(
        kind=KIND,
        group=dataset.group,
        dataset=dataset,
        inputs={"condensation": Handle.of(condensation), **inputs},
        params={"seed": 0},
        user=user,
        title=f"Which networks fit {dataset.name[:150]}",
    )


def candidates_of_job(job: Job) -> list[dict[str, Any]]:
    """Return what the step that judges networks is told of each."""
    named = {pk for name, pk in job.inputs.items() if name.startswith("network_")}
    networks = Product.objects.filter(pk__in=named).order_by("created_at")
    return [
        {"id": str(product.pk), "network_dir": str(product.folder), "condensed_dir": _learned_from(product)}
        for product in networks
    ]


def _learned_from(network: Product) -> str | None:
    condensation = Product.objects.filter(pk=network.inputs.get("condensation")).first()
    folder: Path | None = condensation.folder if condensation else None
    return str(folder) if folder is not None and folder.is_dir() else None


def judging_job(dataset: Dataset) -> Job | None:
    """Return the job that looks which networks fit, if it is under way or failed after the last answer."""
    job = Job.objects.filter(dataset=dataset, kind=KIND).first()
    answer = newest(dataset, KIND)
    if job is None or job.is_active:
        return job
    is_told = answer is not None and answer.created_at > job.created_at
    return job if job.state == "failed" and not is_told else None


def candidates_for(dataset: Dataset, kind: str) -> list[Candidate]:
    """Return the networks of a kind that could be used here, those that fit best first."""
    answer, condensation = newest(dataset, KIND), newest(dataset, "condense")
    told: dict[str, dict[str, Any]] = {}
    if answer and condensation and answer.inputs.get("condensation") == str(condensation.pk):
        told = {row["id"]: row for row in answer.facts.get("verdicts", [])}
    found = [_candidate(product, told.get(str(product.pk))) for product in networks_for(dataset, kind)]
    return sorted(found, key=lambda one: (ORDER[one.verdict], -one.score))


def _candidate(network: Product, row: dict[str, Any] | None) -> Candidate:
    if row is None:
        return Candidate(network)
    known = (row["verdict"], row["sentence"], row["score"])
    return Candidate(network, *known, likeness=row.get("likeness"), answers=row.get("answers"))
