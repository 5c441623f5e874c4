"""The clusterings of a data set: which came of which, what each is in words, and what was tried for it.

Clusterings that were read from one tree are a family. Its root found the neighbours; all others name in
their inputs the clustering that they were read from.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.models import ClusterOperation, Dataset
from webapp.jobs.models import Job, Product, State

TREE = "density"
SETTINGS = ("min_cluster_size", "min_samples", "method")
METHODS = {"eom": "few and stable clusters", "leaf": "many and fine clusters"}


def root_of(clustering: Product) -> Product:
    """Return the clustering whose tree this one was read from: itself, if it found its own."""
    return _ancestors(clustering)[-1]


def whole_of(clustering: Product) -> Product:
    """Return the last clustering on the way to this one that was read from the tree as a whole."""
    found = _ancestors(clustering)
    return next((item for item in found if within_of(item) is None and not merged_of(item)), found[-1])


def within_of(clustering: Product) -> int | None:
    """Return which cluster was looked into, if it came about so."""
    return clustering.params.get("within")


def merged_of(clustering: Product) -> list[list[int]]:
    """Return which clusters of the one that it was made from a person took together."""
    return clustering.params.get("merge") or []


def _ancestors(clustering: Product) -> list[Product]:
    """Return a clustering and those that it was read from, the root last."""
    found, before = [clustering], clustering.inputs.get("clustering")
    while before:
        product = Product.objects.filter(pk=before, dataset=clustering.dataset_id).first()
        if product is None or product in found:
            break
        found.append(product)
        before = product.inputs.get("clustering")
    return found


def has_tree(clustering: Product) -> bool:
    """Whether clusters can be read from it anew."""
    return (clustering.folder / TREE / "rows.npy").exists()


def most_neighbours(clustering: Product) -> int:
    """Return how many neighbours of each frame were kept: no reading can ask for more."""
    return np.load(clustering.folder / TREE / "rows.npy", mmap_mode="r", allow_pickle=False).shape[1]


def with_tree_for(root: Product, min_samples: int | None) -> Product:
    """Return who of a family has the tree for so many neighbours already; the root if nobody has."""
    name = f"ends-{min_samples}.npy"
    if min_samples is None or (root.folder / TREE / name).exists():
        return root
    others = Product.objects.filter(dataset=root.dataset_id, kind="cluster", inputs__clustering=str(root.pk))
    return next((item for item in others if (item.folder / TREE / name).exists()), root)


@dataclass(frozen=True)
class Settings:
    """One way to read clusters, sizes in frames of the whole data set; None where it is not known."""

    min_cluster_size: int | None
    min_samples: int | None
    method: str

    @property
    def words(self) -> str:
        """The settings as people read them."""
        parts = [f"at least {self.min_cluster_size} frames"] if self.min_cluster_size else []
        parts += [f"{self.min_samples} neighbours"] if self.min_samples else []
        return ", ".join([*parts, *([METHODS[self.method]] if self.method in METHODS else [])])


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and what came of them."""

    settings: Settings
    n_clusters: int
    noise_percent: float
    relative_validity: float
    agreement_percent: float | None
    modularity: float | None
    is_chosen: bool
    is_shown: bool


@dataclass(frozen=True)
class Sweep:
    """All that was tried on one tree, and why one of it was taken."""

    trials: list[Trial]
    reason: str
    clustering: UUID
    within: int | None


def settings_of(clustering: Product) -> Settings:
    """Return the settings by which clusters were read."""
    return _settings(clustering.facts.get("choice", {}), clustering)


def _settings(row: dict[str, Any], clustering: Product) -> Settings:
    size = row.get("min_cluster_size")
    n_fitted, n_frames = clustering.facts.get("n_fitted"), clustering.dataset.n_frames
    if size and n_fitted and n_frames:  # a sample was fitted, in which clusters are smaller by its share
        size = round(size * n_frames / n_fitted)
    return Settings(size, row.get("min_samples"), row.get("method", ""))


def sweeps_of(clustering: Product) -> list[Sweep]:
    """Return what was tried within the cluster that was looked into, and for all frames."""
    whole, within = whole_of(clustering), within_of(clustering)
    shown = settings_of(whole) if within is None and not merged_of(clustering) else None
    tried = next((item for item in (whole, root_of(whole)) if "table" in item.facts.get("choice", {})), None)
    found = [_sweep(tried, shown, clustering.pk, None)] if tried else []
    if within is not None and "table" in clustering.facts.get("choice", {}):
        parent = UUID(clustering.inputs["clustering"])
        found.insert(0, _sweep(clustering, settings_of(clustering), parent, within))
    return found


def _sweep(tried: Product, shown: Settings | None, clustering: UUID, within: int | None) -> Sweep:
    choice = tried.facts["choice"]
    chosen = settings_of(tried)
    trials = []
    for row in choice["table"]:
        settings = _settings(row, tried)
        agreed = 100 * row["agreement"] if "agreement" in row else None
        found = (row["n_clusters"], 100 * row["noise_share"], row["relative_validity"])
        found += (agreed, row.get("modularity"))
        trials.append(Trial(settings, *found, is_chosen=settings == chosen, is_shown=settings == shown))
    return Sweep(trials, choice.get("reason", ""), clustering, within)


@dataclass(frozen=True)
class Reading:
    """A clustering as the list of all of them shows it."""

    product: Product
    words: str
    noise_percent: float | None
    is_current: bool
    is_shown: bool


def readings_of(dataset: Dataset, shown: Product, current: Product) -> list[Reading]:
    """Return the clusterings of a data set, the newest first; from `current` the line goes on."""
    products = list(Product.objects.filter(dataset=dataset).of_kind("cluster").select_related("created_by"))
    for product in products:
        product.dataset = dataset
    asked = ClusterOperation.objects.filter(dataset=dataset, kind__in=("split", "merge"))
    told = {item.clustering: item.params["words"] for item in asked}
    return [
        Reading(
            product=product,
            words=reading_words(product, shown, told.get(product.pk, "")),
            noise_percent=_noise_percent(product),
            is_current=product == current,
            is_shown=product == shown,
        )
        for product in products
    ]


def reading_words(product: Product, beside: Product, told: str = "") -> str:
    """Say how a clustering came about, and whether it is of the same latents as the one beside it.

    `told` is what was written down when it was asked for, in the names that its clusters had then.
    """
    words = settings_of(product).words or "with the default settings"
    choice = product.facts.get("choice", {})
    if (within := within_of(product)) is not None:
        n_parts = choice.get("n_parts", 0)
        parts = f"{n_parts} part{'' if n_parts == 1 else 's'}" if n_parts else "nothing found in it"
        words = f"{told or f'Cluster {within} looked into'}: {parts}"
    elif merged := merged_of(product):
        numbers = [", ".join(str(each) for each in group) for group in merged]
        words = told or f"Clusters {' and '.join(numbers)} merged"
    elif "table" in choice:
        words = f"{words} (chosen among {len(choice['table'])})"
    is_alike = product.inputs.get("embedding") == beside.inputs.get("embedding")
    return words if is_alike else f"{words}; of another network"


def _noise_percent(product: Product) -> float | None:
    n_noise, n_frames = product.facts.get("n_noise"), product.dataset.n_frames
    return 100 * n_noise / n_frames if n_frames and n_noise is not None else None


def reading_job(dataset: Dataset, was: str = "") -> Job | None:
    """Return the reading that a page tells of: one under way, else the last one if it failed.

    `was` names the job of which the page told before; how that one ended is told, too.
    """
    jobs = Job.objects.filter(dataset=dataset, kind="recluster")
    if active := jobs.active().order_by("created_at").first():
        return active
    last = jobs.order_by("-created_at").first()
    return last if last and (last.state == State.FAILED or str(last.pk) == was) else None
