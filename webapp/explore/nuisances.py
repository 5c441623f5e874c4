"""The nuisance report of a clustering: what the page shows of it, and asking for one."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.accounts.models import User
from webapp.datasets.cluster_names import ClusterName, name_of
from webapp.datasets.columns import NOISE, read_json
from webapp.datasets.services import measure_frames
from webapp.explore.services import report_nuisances
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import Handle

MOST_ROWS = 200
SHADES = 9


@dataclass(frozen=True)
class Cell:
    """One number of a heat table: a share from 0 to 1, or None where nothing can be said."""

    share: float | None
    words: str = ""

    @property
    def percent(self) -> str:
        """The share as people read it."""
        return "–" if self.share is None else f"{100 * self.share:.0f}"

    @property
    def shade(self) -> int:
        """The shade of the cell, 0 to 9."""
        return round(SHADES * (self.share or 0))


@dataclass(frozen=True)
class Row:
    """A cluster or a latent, with a cell for each nuisance that can be used."""

    id: int
    name: str
    cells: list[Cell]
    words: str = ""
    is_artefact: bool = False


@dataclass(frozen=True)
class Report:
    """The nuisance report as the page shows it."""

    nuisances: list[dict[str, Any]]
    unused: list[dict[str, Any]]
    clusters: list[Row]
    n_groups: int
    n_real: int
    latents: list[Row]
    n_artefacts: int
    strong: float

    @property
    def strong_percent(self) -> int:
        """From here on a nuisance tells a cluster."""
        return round(100 * self.strong)


def report_product(clustering: Product | None) -> Product | None:
    """Return the newest report of a clustering."""
    return _newest(Product.objects.of_kind("nuisance"), clustering)


def report_job(clustering: Product | None) -> Job | None:
    """Return the last job that was to write the report of a clustering, unless it is written."""
    job = _newest(Job.objects.filter(kind="nuisance").order_by("-created_at"), clustering)
    return job if job and job.state != State.SUCCEEDED else None


def _newest(rows: Any, clustering: Product | None) -> Any:
    """Return the first of the rows that has a clustering as its input."""
    if clustering is None:
        return None
    rows = rows.filter(dataset=clustering.dataset_id)
    return next((row for row in rows if row.inputs.get("clustering") == str(clustering.pk)), None)


def flags_of(clustering: Product | None) -> dict[int, dict[str, str]]:
    """Return for each cluster the sentences by which it looks like an artefact, or is merely sorted."""
    product = report_product(clustering)
    entries = read_json(product.folder / "report.json")["clusters"] if product else []
    return {entry["id"]: {name: entry[name] for name in ("artefact", "sorted_by")} for entry in entries}


def read_report(product: Product, names: dict[int, ClusterName] | None = None) -> Report:
    """Read a report for the page: flagged clusters are always among those that are listed."""
    found = read_json(product.folder / "report.json")
    used = [nuisance for nuisance in found["nuisances"] if not nuisance["problem"]]
    used_names = [nuisance["name"] for nuisance in used]
    entries = found["clusters"]
    if len(entries) > MOST_ROWS:
        entries = [entry for at, entry in enumerate(entries) if at < MOST_ROWS or entry["artefact"]]
    return Report(
        nuisances=used,
        unused=[nuisance for nuisance in found["nuisances"] if nuisance["problem"]],
        clusters=[_cluster_row(entry, used_names, names or {}) for entry in entries],
        n_groups=len(found["clusters"]),
        n_real=sum(entry["id"] != NOISE for entry in found["clusters"]),
        latents=[_latent_row(entry, used_names) for entry in found["latents"]],
        n_artefacts=sum(bool(entry["artefact"]) for entry in found["clusters"]),
        strong=found["strong"],
    )


def _cluster_row(entry: dict[str, Any], names: list[str], called: dict[int, ClusterName]) -> Row:
    cells = [Cell(entry["told"][name], entry["words"].get(name, "")) for name in names]
    most = max(names, key=lambda name: entry["told"][name] or 0, default="")
    return Row(
        id=entry["id"],
        name=name_of(called, entry["id"]).name,
        cells=cells,
        words=entry["artefact"] or entry["sorted_by"] or entry["words"].get(most, ""),
        is_artefact=bool(entry["artefact"]),
    )


def _latent_row(entry: dict[str, Any], names: list[str]) -> Row:
    cells = [Cell(entry["explained"][name]) for name in names]
    return Row(entry["id"], f"Latent {entry['id']}", cells, "" if entry["active"] else "not used")


def write_report(
    *, origin: Product, clustering: Handle | None = None, user: User | None = None
) -> Handle | None:
    """Ask for the report of a clustering, and for the measures if need be.

    `clustering` is one made, or being made, of the latents of `origin`; else `origin` itself is meant.
    None where what it was made from is not there any more.
    """
    embedding = _product(origin, "embedding")
    network, condensation = _product(origin, "network"), _product(embedding, "condensation")
    index, source = _product(condensation, "index"), _product(condensation, "source")
    found = (embedding, network, condensation, index, source)
    if any(product is None for product in found):
        return None
    latents, learned, condensed, frames, looked_into = (Handle.of(product) for product in found)
    common = {"dataset": origin.dataset, "index": frames, "condensation": condensed, "user": user}
    measures = measure_frames(source=looked_into, **common)
    clusters = clustering or Handle.of(origin)
    return report_nuisances(
        measures=measures, embedding=latents, network=learned, clustering=clusters, **common
    )


def _product(product: Product | None, name: str) -> Product | None:
    pk = product.inputs.get(name) if product else None
    return Product.objects.filter(pk=UUID(pk), dataset=product.dataset_id).first() if pk else None
