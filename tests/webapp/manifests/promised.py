"""Sortings of which a purity can be promised, as the step leaves them, for tests of pages."""

import uuid
from pathlib import Path

import numpy as np

from tests.webapp.factories import make_classified, make_product
from webapp.accounts.models import User
from webapp.datasets.decisions import decision_rule
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.labels.audits import frames_of
from webapp.labels.models import SelectionAudit
from webapp.labels.readings import record_reading
from workers.science.steps.promise import promise


def make_promise(dataset: Dataset, classification: Product, n_labels: int) -> Product:
    """Run the step on a sorting, with `n_labels` random frames judged by what the network says of them."""
    rule = decision_rule(classification)
    said = np.load(classification.folder / "probabilities.npy")
    rows = np.sort(np.random.default_rng(5).permutation(len(said))[:n_labels])
    network = classification.input("network")
    np.savez(network.folder / "judged.npz", indices=rows, truth=said[rows] >= 0.5, probabilities=said[rows])
    labelled = network.folder / "labelled.npz"
    np.savez(labelled, indices=rows, looked_at=np.ones(len(rows), bool))

    def write(out: Path) -> None:
        promise(
            classification_dir=str(classification.folder),
            network_dir=str(network.folder),
            cluster_dir=None,
            labelled=str(labelled),
            out=str(out),
            **{name: rule[name] for name in ("classes", "single_label", "exclusive", "excludes")},
        )

    return make_product(dataset, "promise", write, {}, {"classification": classification})


def classify_promised(dataset: Dataset, classes: tuple[str, ...], n_labels: int) -> Product:
    """Sort a data set, and work out what can be promised; return the classification."""
    classification = make_classified(dataset, classes)
    make_promise(dataset, classification, n_labels)
    return classification


def read(audit: SelectionAudit, user: User, n: int, wrong: int = 0, start: int = 0) -> None:
    """Let somebody read the next `n` frames of an audit, the first `wrong` of them as another class."""
    for place, frame in enumerate(frames_of(audit)[start : start + n].tolist()):
        record_reading(
            dataset=audit.dataset,
            frames=np.array([frame]),
            operation="set",
            classes=[] if place < wrong else [audit.class_name],
            purpose="picked",
            user=user,
            client_id=uuid.uuid4(),
        )
