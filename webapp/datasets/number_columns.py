"""The numbers that are known of each frame: what was measured, recorded, clustered, and predicted."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from webapp.datasets.columns import MEASURES, PHYSICS, SOURCE, TABLES, Columns
from webapp.jobs.models import Product

CLASS = "class:"
OF_CLUSTERS = {"probability": "Probability of the cluster", "outlier": "Outlier score"}


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, and how people speak of it; `kind` is the heading under which it is listed."""

    name: str
    title: str
    unit: str
    kind: str


def number_columns(columns: Columns) -> list[NumberColumn]:
    """Return the columns of numbers that a data set has."""
    found = [NumberColumn(name, _spaced(name), unit, "Measured") for name, unit in columns.units.items()]
    found += _recorded(columns)
    if columns.clusters is not None:
        found += [NumberColumn(name, title, "", "Clusters") for name, title in OF_CLUSTERS.items()]
    if columns.class_probabilities is not None and columns.classifier:
        found += [
            NumberColumn(f"{CLASS}{name}", f"Probability of {name}", "", "Classifier")
            for name in columns.classifier.facts["classes"]
        ]
    return found


def number_column(columns: Columns, name: str) -> np.ndarray | None:
    """Return a column of numbers, float32, float64, int64 or bool (n,); None where there is no such one."""
    if name in OF_CLUSTERS:
        return columns.membership if name == "probability" else columns.outlier_scores
    if name.startswith(CLASS):
        return _class_probability(columns, name.removeprefix(CLASS))
    if name in PHYSICS or name in MEASURES:
        return columns.physics(name)
    if name.startswith(SOURCE) and name in _numeric_names(columns):
        return columns.physics(name)
    return None


def _class_probability(columns: Columns, name: str) -> np.ndarray | None:
    if columns.class_probabilities is None or not columns.classifier:
        return None
    classes = columns.classifier.facts["classes"]
    return columns.class_probabilities[:, classes.index(name)] if name in classes else None


def _recorded(columns: Columns) -> list[NumberColumn]:
    names = _numeric_names(columns)
    if not names:
        return []
    source = columns.products["index"].inputs.get("source")
    told = Product.objects.filter(pk=source).values_list("facts__columns", flat=True).first() or {}
    about = {name: told.get(name.removeprefix(SOURCE), {}) for name in names}
    return [
        NumberColumn(
            name,
            about[name].get("title") or _spaced(name.removeprefix(SOURCE)),
            about[name].get("unit", ""),
            "Recorded",
        )
        for name in names
    ]


def _numeric_names(columns: Columns) -> list[str]:
    index = columns.products.get("index")
    there = set(columns.source_names)
    return [n for n in _numeric(index.folder / TABLES["index"]) if n in there] if index and there else []


@lru_cache(maxsize=64)
def _numeric(path: Path) -> tuple[str, ...]:
    types = pyarrow.types
    return tuple(
        field.name
        for field in pyarrow.parquet.read_schema(path)
        if types.is_integer(field.type) or types.is_floating(field.type) or types.is_boolean(field.type)
    )


def _spaced(name: str) -> str:
    return name.replace("_", " ")
