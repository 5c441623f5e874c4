"""Labels, a classifier with figures as the step gives them, and manifests, for tests of their pages."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.webapp.factories import make_classified, make_product
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.labels.services import create_scheme, label_frames

CLASSES = ("Disc", "Streak", "Empty/none")


def label_some(dataset: Dataset, n: int = 12) -> None:
    """Choose classes, and label `n` frames of each of the first two."""
    create_scheme(dataset=dataset, names=CLASSES, exclusive=(CLASSES[2],))
    for place, name in enumerate(CLASSES[:2]):
        frames = np.arange(place * n, (place + 1) * n)
        label_frames(dataset=dataset, frames=frames, operation="set", classes=[name])


def classify(dataset: Dataset, labels_as_of: int = 1) -> Product:
    """Add a classifier, with its figures where `classify.train_classifier` has them."""
    classification = make_classified(dataset, CLASSES)
    network = classification.input("network")
    row = {"precision": 0.9, "recall": 0.8, "f1": 0.85, "average_precision": 0.91, "mcc": 0.8}
    metrics: dict[str, Any] = {
        "n_frames": 40,
        "macro_f1": 0.8512,
        "macro_average_precision": 0.91,
        "mcc": 0.7733,
        "constant_macro_f1": 0.2,
        "per_class": [{"class": name, **row, "support": 10, "decided": 9} for name in CLASSES],
        "confusion": [[9, 1, 0], [0, 10, 0], [0, 0, 0]],
    }
    network.facts |= {
        "figures": {"metrics": metrics, "figures_from": "40 held-back frames", "n_held_back": 40},
        "warnings": ["Empty/none: no frame has this label, so the network will not find it."],
    }
    network.params = {"labels_as_of": labels_as_of}
    network.save()
    return classification


def add_manifest(dataset: Dataset, labels_as_of: int = 0, **inputs: Product) -> Product:
    """Add a manifest with small files."""
    inputs = {"source": dataset.products.get(kind="inspect"), **inputs}
    card = {
        "dataset": {"id": str(dataset.pk), "name": dataset.name, "group": dataset.group.name},
        "dataset_path": dataset.dataset_path,
        "sources": inputs["source"].facts["files"],
        "columns": ["index", "classes"],
        "n_labelled": 3,
        "networks": [],
        "steps": [],
    }

    def write(out: Path) -> None:
        (out / "manifest.csv").write_text("index,classes\n0,Disc\n1,Streak\n")
        (out / "manifest.parquet").write_bytes(bytes(range(256)) * 8)
        (out / "manifest.json").write_text(json.dumps(card))

    facts = {"n_frames": 2, "counts": {"classes": {"Disc": 1, "Streak": 1}, "clusters": {"-1": 2}}}
    return make_product(dataset, "manifest", write, facts, inputs, params={"labels_as_of": labels_as_of})
