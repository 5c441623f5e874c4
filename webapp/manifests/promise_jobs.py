"""The job that works out what purity can be promised, and what it is given."""

from typing import Any

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.decisions import decision_rule
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle, submit
from webapp.labels.looked_at import looked_at_frames


def ask_for_promise(
    *,
    dataset: Dataset,
    classification: Handle,
    clustering: Handle | None = None,
    user: User | None = None,
) -> Handle:
    """Ask for what can be promised of a sorting; it takes seconds."""
    inputs = {"classification": classification} | ({"clustering": clustering} if clustering else {})
    return submit(kind="promise", group=dataset.group, dataset=dataset, inputs=inputs, user=user)


def promise_arguments(job: Job) -> dict[str, Any]:
    """Return the arguments of the step: the sorting, and which labels it is judged by."""
    products = {name: Product.objects.get(pk=pk) for name, pk in job.inputs.items()}
    classification, clustering = products["classification"], products.get("clustering")
    network, rule = classification.input("network"), decision_rule(classification)
    is_own = network.dataset_id == job.dataset_id
    frames, looked_at = np.zeros(0, np.int64), np.zeros(0, bool)
    if is_own:
        frames, looked_at = looked_at_frames(job.dataset, network.params.get("labels_as_of", 0))
    path = job.folder / "scratch" / "labelled.npz"
    np.savez(path, indices=frames, looked_at=looked_at)
    return {
        "classification_dir": str(classification.folder),
        "network_dir": str(network.folder) if is_own else None,
        "cluster_dir": str(clustering.folder) if clustering else None,
        "labelled": str(path),
        **{name: rule[name] for name in ("classes", "single_label", "exclusive")},
    }
