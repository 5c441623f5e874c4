"""The per-frame columns of a data set's products, memory-mapped: a page never reads more than it shows."""

import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow.parquet

from webapp.datasets.lineage import choices_of, order_by_choice
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product

PHYSICS = {
    "total": "counts",
    "photons": "photons",
    "maximum": "counts",
    "lit_pixels": "pixels",
    "hit_score": "",
    "is_hit": "",
    "is_background": "",
    "saturated_pixels": "pixels",
    "masked_share": "",
}
MEASURES = {
    "centre_row": "px",
    "centre_column": "px",
    "radial_q50": "px",
    "radial_q90": "px",
    "radial_slope": "",
    "ring_spacing": "px",
    "size_estimate": "1/px",
}
KINDS = ("index", "condense", "measure", "embed", "cluster", "project", "classify")
TABLES = {"index": "frames.parquet", "measure": "measures.parquet"}
SOURCE = "source_"
NOISE = -1


@dataclass
class Columns:
    """What is known of each frame; a column is None where its product is not there yet.

    `products` holds one product a kind. All columns share the order of `frames.parquet`.
    """

    dataset: Dataset
    products: dict[str, Product] = field(default_factory=dict)

    @property
    def n_frames(self) -> int:
        """The number of frames that pages can show."""
        return len(self.condensed) if self.condensed is not None else self.dataset.n_frames or 0

    @property
    def condensed(self) -> np.ndarray | None:
        """Condensed frames, uint8 (n, s, s)."""
        return self._array("condense", "condensed.npy")

    @property
    def latents(self) -> np.ndarray | None:
        """Latents, float32 (n, d)."""
        return self._array("embed", "latents.npy")

    @property
    def clusters(self) -> np.ndarray | None:
        """The cluster of each frame, int32 (n,), -1 for noise."""
        return self._array("cluster", "labels.npy")

    @property
    def membership(self) -> np.ndarray | None:
        """The probability with which each frame belongs to its cluster, float32 (n,)."""
        return self._array("cluster", "probabilities.npy")

    @property
    def outlier_scores(self) -> np.ndarray | None:
        """GLOSH outlier scores, float32 (n,)."""
        return self._array("cluster", "outlier_scores.npy")

    @property
    def positions(self) -> np.ndarray | None:
        """The places of the frames on the map, float32 (n, 2)."""
        return self._array("project", "map.npy")

    @property
    def class_probabilities(self) -> np.ndarray | None:
        """What the classifier says, float32 (n, k)."""
        return self._array("classify", "probabilities.npy")

    @cached_property
    def classifier(self) -> Product | None:
        """The network that made `class_probabilities`."""
        classification = self.products.get("classify")
        return classification.input("network") if classification else None

    @property
    def cluster_list(self) -> list[dict[str, Any]]:
        """The clusters, the largest first, noise left out."""
        product = self.products.get("cluster")
        return read_json(product.folder / "clusters.json") if product else []

    def physics(self, name: str) -> np.ndarray | None:
        """Return a column of what is known about each frame, float64, int64 or bool (n,)."""
        if name not in PHYSICS and name not in MEASURES and not name.startswith(SOURCE):
            raise KeyError(name)
        if name in ("is_hit", "hit_score") and (threshold := self.hit_threshold) is not None:
            lit = self._column("lit_pixels")
            if lit is None:
                return None
            return lit >= threshold if name == "is_hit" else lit / max(threshold, 1e-9)
        return self._column(name)

    @cached_property
    def hit_threshold(self) -> float | None:
        """The least number of lit pixels of a hit: what a person set, else what the index found."""
        if self.dataset.hit_threshold is not None:
            return self.dataset.hit_threshold
        index = self.products.get("index")
        return index.facts.get("hit_threshold") if index else None

    @cached_property
    def units(self) -> dict[str, str]:
        """The columns about each frame that are there, with their units."""
        there: set[str] = set()
        for kind, file in TABLES.items():
            if kind in self.products:
                there |= _parquet_names(self.products[kind].folder / file)
        if self.hit_threshold is not None and "lit_pixels" in there:
            there |= {"is_hit", "hit_score"}
        units = {name: unit for name, unit in (PHYSICS | MEASURES).items() if name in there}
        if "size_estimate" in units:
            units["size_estimate"] = self.products["measure"].facts.get("size_unit", "1/px")
        return units

    @property
    def source_names(self) -> list[str]:
        """The columns that came with the source files."""
        index = self.products.get("index")
        names = _parquet_names(index.folder / TABLES["index"]) if index else frozenset()
        return sorted(name for name in names if name.startswith(SOURCE) and name != "source_index")

    def _column(self, name: str) -> np.ndarray | None:
        kind = "measure" if name in MEASURES else "index"
        product = self.products.get(kind)
        path = product.folder / TABLES[kind] if product else None
        if path is None or name not in _parquet_names(path):
            return None
        column = _parquet_column(path, name)
        return column if len(column) == self.n_frames else None

    def identity(self, index: int) -> dict[str, Any]:
        """Return the row of one frame: source, path, number in it, train, pulse and cell, physics."""
        row: dict[str, Any] = {}
        for kind, file in TABLES.items():
            if kind in self.products:
                row |= _parquet_row(self.products[kind].folder / file, index)
        lit = row.get("lit_pixels")
        if lit is not None and (threshold := self.hit_threshold) is not None:
            row |= {"is_hit": lit >= threshold, "hit_score": lit / max(threshold, 1e-9)}
        return row

    def _array(self, kind: str, name: str) -> np.ndarray | None:
        product = self.products.get(kind)
        array = _open_array(product.folder / name) if product else None
        if array is None or kind == "condense" or len(array) == self.n_frames:
            return array
        return None  # made before the source files grew; it is stale as a whole


def columns_of(
    dataset: Dataset, *, clustering: UUID | None = None, drawn: UUID | None = None
) -> Columns | None:
    """Return the newest columns; with `clustering` or `drawn`, those of the map that a page has shown.

    None where one of the named products is not (or no longer) one of the data set's.
    """
    rows = Product.objects.filter(dataset=dataset, kind__in=KINDS).defer("files", "facts")
    rows = list(rows.order_by("-created_at"))
    found = order_by_choice(rows, *choices_of(dataset))
    wanted = {"cluster": clustering, "project": drawn}
    products: dict[str, Product] = {}
    for product in found:
        name = wanted.get(product.kind)
        if name is None or product.pk == name:
            products.setdefault(product.kind, product)
    if any(pk is not None and kind not in products for kind, pk in wanted.items()):
        return None
    _follow(products, found, pinned=drawn is not None)
    return Columns(dataset, products)


def _follow(products: dict[str, Product], found: list[Product], *, pinned: bool) -> None:
    """Take the latents that were clustered and the map drawn from them, not newer ones of another network."""
    clustering = products.get("cluster")
    if clustering is None:
        return
    embedding = clustering.inputs.get("embedding")
    same = [product for product in found if str(product.pk) == embedding]
    if same:
        products["embed"] = same[0]
    maps = [p for p in found if p.kind == "project" and p.inputs.get("embedding") == embedding]
    if maps and not pinned:
        products["project"] = maps[0]


# The folders of products never change, so a file that was opened once can be kept open by its path.


@lru_cache(maxsize=256)
def _open_array(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


@lru_cache(maxsize=256)
def _parquet_names(path: Path) -> frozenset[str]:
    return frozenset(pyarrow.parquet.read_schema(path).names)


@lru_cache(maxsize=32)
def _parquet_column(path: Path, name: str) -> np.ndarray:
    column = pyarrow.parquet.read_table(path, columns=[name], memory_map=True).column(0)
    if column.null_count and pyarrow.types.is_boolean(column.type):
        column = column.cast(pyarrow.int8())  # so that what is not known becomes NaN, not an object
    array = column.to_numpy()
    array.setflags(write=False)
    return array


@lru_cache(maxsize=64)
def read_json(path: Path) -> list[dict[str, Any]]:
    """Return what a JSON file of a product holds; do not change it, it is kept."""
    return json.loads(path.read_text())


def _parquet_row(path: Path, index: int) -> dict[str, Any]:
    file = pyarrow.parquet.ParquetFile(path, memory_map=True)
    for group in range(file.metadata.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        if index < n_rows:
            return file.read_row_group(group).slice(index, 1).to_pylist()[0]
        index -= n_rows
    return {}
