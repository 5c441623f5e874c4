"""The job that works out what purity can be promised, and what it is given."""

from typing import Any

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.columns import Columns
from webapp.datasets.decisions import decision_rule
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle, submit
from webapp.labels.audits import called_now
from webapp.labels.looked_at import looked_at_frames
from webapp.labels.selectors import export_labels, last_event_id


def ask_for_promise(
    *,
    dataset: Dataset,
    classification: Handle,
    clustering: Handle | None = None,
    user: User | None = None,
) -> Handle:
    """Ask for what can be promised of a sorting; it takes seconds.

    A network that learned elsewhere has seen no label of this data set: it is judged by those there are now.
    """
    inputs = {"classification": classification} | ({"clustering": clustering} if clustering else {})
    product = Product.objects.filter(pk=classification.id).first()
    params = {}
    if product is not None and product.input("network").dataset_id != dataset.pk:
        params = {"labels_as_of": last_event_id(dataset)}
    return submit(
        kind="promise", group=dataset.group, dataset=dataset, inputs=inputs, params=params, user=user
    )


def promise_arguments(job: Job) -> dict[str, Any]:
    """Return the arguments of the step: the sorting, and which labels it is judged by."""
    products = {name: Product.objects.get(pk=pk) for name, pk in job.inputs.items()}
    classification, clustering = products["classification"], products.get("clustering")
    network, rule = classification.input("network"), decision_rule(classification)
    is_own, judged_in = network.dataset_id == job.dataset_id, str(network.folder)
    as_of = network.params.get("labels_as_of", 0) if is_own else job.params.get("labels_as_of", 0)
    frames, looked_at = looked_at_frames(job.dataset, as_of)
    if not is_own:
        judged_in = _judge_unseen(job, classification, rule["classes"], as_of) if len(frames) else None
    path = job.folder / "scratch" / "labelled.npz"
    np.savez(path, indices=frames, looked_at=looked_at)
    return {
        "classification_dir": str(classification.folder),
        "network_dir": judged_in,
        "cluster_dir": str(clustering.folder) if clustering else None,
        "labelled": str(path),
        **{name: rule[name] for name in ("classes", "single_label", "exclusive", "excludes")},
    }


def _judge_unseen(job: Job, classification: Product, classes: list[str], as_of: int) -> str:
    """Write what a network from elsewhere says of the labels here as `judged.npz`; return the folder."""
    labels, scheme = export_labels(job.dataset, as_of), job.dataset.scheme
    names = [called_now(scheme, name) for name in classes]
    none = np.zeros(len(labels.indices), bool)
    columns = [labels.matrix[:, labels.classes.index(n)] if n in labels.classes else none for n in names]
    probabilities = Columns(job.dataset, {"classify": classification}).class_probabilities
    folder = job.folder / "scratch"
    np.savez(
        folder / "judged.npz",
        indices=labels.indices,
        truth=np.column_stack(columns),
        probabilities=np.asarray(probabilities[labels.indices]),
    )
    return str(folder)
