"""What a manifest is written from, and what its card says of where everything came from."""

from pathlib import Path
from typing import Any

import numpy as np

from webapp.datasets.models import Dataset
from webapp.datasets.scopes import frames_of_scope, title_of_scope
from webapp.jobs.models import Job, Product
from webapp.labels.models import ClassScheme
from webapp.labels.selectors import export_labels
from webapp.manifests.files import needs_source
from webapp.manifests.frozen import manifest_columns


def manifest_arguments(job: Job) -> dict[str, Any]:
    """Return the arguments of the step that writes the manifest of `job`."""
    products = {name: Product.objects.get(pk=pk) for name, pk in job.inputs.items()}
    has_scheme = ClassScheme.objects.filter(dataset=job.dataset).exists()
    labels = export_labels(job.dataset, job.params["labels_as_of"]) if has_scheme else None
    path, chosen = None, None
    if labels is not None and len(labels.indices):
        path = str(labels.save(job.folder / "scratch" / "labels.npz"))
    card = manifest_card(job, products)
    if "scope" in job.params:
        frames, card["selection"] = _choose(job, products)
        chosen = str(_save_frames(frames, job.folder / "scratch" / "chosen.npy"))
    clustering, classification = products.get("clustering"), products.get("classification")
    measures = products.get("measures")
    return {
        "index_dir": str(products["index"].folder),
        "cluster_dir": str(clustering.folder) if clustering else None,
        "classification_dir": str(classification.folder) if classification else None,
        "labels": path,
        "classes": labels.classes if labels else [],
        "single_label": labels.single_label if labels else False,
        "card": card,
        "hit_threshold": job.params.get("hit_threshold"),
        "measures_dir": str(measures.folder) if measures else None,
        "cluster_names": job.params.get("cluster_names", {}),
        "chosen": chosen,
        "formats": job.params.get("formats"),
        "promise": job.params.get("promise"),
        **_makings(job, products),
    }


def _makings(job: Job, products: dict[str, Product]) -> dict[str, Any]:
    """Return what some formats are made of: the source files and the condensed frames."""
    formats, condensation = job.params.get("formats", ()), products.get("condensation")
    source = {**products["source"].facts, "moved": job.dataset.moved} if needs_source(formats) else None
    return {"source": source, "condensed_dir": str(condensation.folder) if condensation else None}


def _choose(job: Job, products: dict[str, Product]) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the numbers of the frames that the job's scope names, and what the card says of the choice."""
    columns = manifest_columns(
        job.dataset,
        products,
        threshold=job.params.get("hit_threshold"),
        labels_as_of=job.params["labels_as_of"],
        promise=job.params.get("promise"),
    )
    scope = job.params["scope"]
    frames = frames_of_scope(columns, scope)
    told = {"rule": scope, "words": title_of_scope(columns, scope)}
    return frames, told | {"n_frames": len(frames), "of": columns.n_frames}


def _save_frames(frames: np.ndarray, path: Path) -> Path:
    np.save(path, frames)
    return path


def manifest_card(job: Job, products: dict[str, Product]) -> dict[str, Any]:
    """Return the provenance of a manifest: sources, steps, networks and their SHA-256."""
    source = products["source"].facts
    return {
        "dataset": {"id": str(job.dataset_id), "name": job.dataset.name, "group": job.group.name},
        "sources": [
            {**file, "sha256": products["index"].facts.get("sha256", {}).get(file["path"])}
            for file in source["files"]
        ],
        "dataset_path": source["dataset_path"],
        "labels_as_of_event": job.params["labels_as_of"],
        "hit_threshold": job.params.get("hit_threshold", products["index"].facts.get("hit_threshold")),
        "cluster_names": job.params.get("cluster_names", {}),
        "selection": None,
        "size_unit": products["measures"].facts.get("size_unit") if "measures" in products else None,
        "steps": [_step(product) for product in _ancestors(products.values())],
        "networks": [
            network_entry(product, job.dataset)
            for name, product in products.items()
            if name.startswith("network_")
        ],
    }


def network_entry(product: Product, dataset: Dataset) -> dict[str, Any]:
    """Return how a manifest of `dataset` names a network, which may have learned from another one."""
    facts, source = product.facts, product.dataset
    return {
        "id": str(product.id),
        "name": product.name,
        "kind": facts.get("kind"),
        "seed": facts.get("seed"),
        "recipe": facts.get("recipe"),
        "versions": facts.get("versions"),
        "figures": facts.get("figures"),
        "temperature": facts.get("temperature"),
        "n_labelled": facts.get("data", {}).get("n_labelled"),
        "learned_from": {"id": str(source.pk), "name": source.name} if source else _elsewhere(product),
        "is_of_another_data_set": product.dataset_id != dataset.pk,
        "sha256": product.files["network.safetensors"]["sha256"],
    }


def _elsewhere(network: Product) -> dict[str, Any] | None:
    """Return what an imported network says that it learned from."""
    name = network.params.get("learned_from")
    return {"id": None, "name": name} if name else None


def _step(product: Product) -> dict[str, Any]:
    return {
        "kind": product.kind,
        "id": str(product.id),
        "made_at": product.created_at.isoformat(),
        "params": {name: value for name, value in product.params.items() if name != "files"},
        "sha256": {name: entry["sha256"] for name, entry in product.files.items() if "/" not in name},
    }


def _ancestors(products: Any) -> list[Product]:
    """Return the products and all that they came from, the oldest first."""
    found: dict[Any, Product] = {}
    waiting = list(products)
    while waiting:
        product = waiting.pop()
        if product.pk not in found:
            found[product.pk] = product
            waiting.extend(product.parents.all())
    return sorted(found.values(), key=lambda product: product.created_at)
