"""Writes about manifests."""

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.jobs.services import Handle, submit


def write_manifest(
    *,
    dataset: Dataset,
    source: Handle,
    index: Handle,
    clustering: Handle | None = None,
    classification: Handle | None = None,
    networks: list[Handle] | None = None,
    labels_as_of: int = 0,
    user: User | None = None,
) -> Handle:
    """Ask for the sorted list of all frames, frozen: columns, labels as of an event, provenance."""
    inputs = {"source": source, "index": index, "clustering": clustering, "classification": classification}
    inputs |= {f"network_{place}": network for place, network in enumerate(networks or [])}
    return submit(
        kind="manifest",
        group=dataset.group,
        dataset=dataset,
        inputs={name: handle for name, handle in inputs.items() if handle},
        params={"labels_as_of": labels_as_of},
        user=user,
        title=f"Manifest of {dataset.name}",
    )
