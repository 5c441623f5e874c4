"""People, groups and data sets for tests; the files are real, small, and laid out as the steps do."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from django.conf import settings
from PIL import Image

from tests.webapp.drawn_frames import (
    KIND_NAMES,
    SCALE_MAX,
    SIZE,
    DrawnFrames,
    count_map,
    draw_frames,
)
from webapp.accounts.models import Group, Membership, User
from webapp.datasets.models import Dataset, SourceFile
from webapp.jobs.models import Product

TRIED = [
    {"min_cluster_size": size, "min_samples": samples, "method": method}
    | {"n_clusters": n, "noise_share": noise, "relative_validity": validity, "score": validity}
    for size, samples, method, n, noise, validity in (
        (10, 5, "eom", 3, 0.1, 0.61),
        (10, 5, "leaf", 5, 0.4, 0.35),
        (20, 15, "eom", 2, 0.2, -0.12),
    )
]
CHOICE = {
    **TRIED[0],
    "n_tried": 3,
    "reason": "Of 3 settings the best.",
    "table": TRIED,
}
MOST_NEIGHBOURS = 21
VERSIONS = {"python": "3.11", "torch": "2.13.0", "numpy": "2.0"}


def make_group(name: str = "beam time 1") -> Group:
    """Return the group of that name, made if need be."""
    return Group.objects.get_or_create(name=name)[0]


def make_user(
    name: str = "ada", group: Group | None = None, role: str = "member", password: str = "x"
) -> User:
    """Create a person, who is a member of `group` where one is given."""
    user = User.objects.create_user(username=name, password=password)
    if group is not None:
        Membership.objects.create(group=group, user=user, role=role)
    return user


def make_dataset(group: Group, n_frames: int = 600, name: str = "run 7", seed: int = 0) -> Dataset:
    """Create a confirmed data set with a source file and what the dry run found, and no more."""
    dataset = Dataset.objects.create(
        group=group,
        name=name,
        is_draft=False,
        n_frames=n_frames,
        height=SIZE,
        width=SIZE,
        dataset_path="/entry/data/data",
        roots=[str(settings.DATA_DIR / "sources")],
    )
    path = settings.DATA_DIR / "sources" / f"{dataset.pk}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_source(path, count_map(draw_frames(n_frames, seed).condensed))
    SourceFile.objects.create(dataset=dataset, order=0, path=str(path), size=path.stat().st_size)
    found = {
        "path": dataset.dataset_path,
        "shape": [n_frames, SIZE, SIZE],
        "dtype": "uint16",
        "n_frames": n_frames,
    }
    facts = {
        "format": "hdf5",
        "files": [{"path": str(path), "size": path.stat().st_size, "fingerprint": _fingerprint(path)}],
        "candidates": [found],
        "dataset_path": dataset.dataset_path,
        "n_frames": n_frames,
        "height": SIZE,
        "width": SIZE,
        "dtype": "uint16",
        "mask_path": None,
        "warnings": [],
        "roots": dataset.roots,
        "segments": [{"file": str(path), "path": dataset.dataset_path, "n_frames": n_frames}],
    }

    def write(out: Path) -> None:
        _save_picture(out / "preview.png")
        (out / "source.json").write_text(json.dumps(facts))

    make_product(dataset, "inspect", write, facts)
    return dataset


def make_sorted_dataset(group: Group, n_frames: int = 600, name: str = "run 7", seed: int = 0) -> Dataset:
    """Create a data set with all products from the index to the map; no labels, no classifier."""
    dataset, drawn = make_dataset(group, n_frames, name, seed), draw_frames(n_frames, seed)
    source = dataset.products.get(kind="inspect")
    index = make_product(
        dataset,
        "index",
        lambda out: _write_index(out, dataset, drawn),
        {"n_frames": n_frames},
        {"source": source},
    )
    condensation = make_product(
        dataset,
        "condense",
        lambda out: _write_condensed(out, drawn),
        {"n_frames": n_frames, "size": SIZE},
        {"source": source, "index": index},
    )
    card = _factorvae_card(n_frames, condensation)
    network = make_product(
        dataset,
        "learn",
        lambda out: _write_network(out, card, condensation),
        card,
        {"condensation": condensation},
        name=f"{name}: FactorVAE, seed 0",
    )
    embedding = make_product(
        dataset,
        "embed",
        lambda out: np.save(out / "latents.npy", drawn.latents),
        {"n_frames": n_frames},
        {"condensation": condensation, "network": network},
    )
    latents = {"embedding": embedding, "network": network}
    facts = {"n_clusters": 3, "n_noise": int((drawn.labels < 0).sum()), "choice": CHOICE}
    make_product(dataset, "cluster", lambda out: _write_clusters(out, drawn), facts, latents)
    make_product(dataset, "project", lambda out: np.save(out / "map.npy", drawn.positions), {}, latents)
    return dataset


def make_classified(
    dataset: Dataset, classes: tuple[str, ...] = KIND_NAMES, single_label: bool = False
) -> Product:
    """Add a classifier and its classification to a sorted data set; return the classification."""
    drawn, condensation = draw_frames(dataset.n_frames), dataset.products.filter(kind="condense").first()
    truth = np.eye(max(len(classes), 4), dtype=np.float32)[drawn.kinds][:, : len(classes)]
    wobble = np.random.default_rng(1).uniform(0, 0.3, truth.shape)
    probabilities = np.abs(truth - wobble).astype(np.float32)
    card = _classifier_card(dataset.n_frames, list(classes), single_label, condensation)
    network = make_product(
        dataset,
        "train",
        lambda out: _write_network(out, card, condensation),
        card,
        {"condensation": condensation},
        params={"labels_as_of": 1},
        name=f"{dataset.name}: classifier",
    )
    return make_product(
        dataset,
        "classify",
        lambda out: np.save(out / "probabilities.npy", probabilities),
        {"n_frames": dataset.n_frames},
        {"condensation": condensation, "network": network},
    )


def make_product(
    dataset: Dataset,
    kind: str,
    write: Callable[[Path], object],
    facts: dict[str, Any] | None = None,
    inputs: dict[str, Product] | None = None,
    params: dict[str, Any] | None = None,
    name: str = "",
    pk: uuid.UUID | None = None,
) -> Product:
    """Write a product's files with `write(folder)` and create its row."""
    inputs, number = inputs or {}, pk or uuid.uuid4()
    folder = settings.DATA_DIR / "products" / kind / f"{number}-1"
    folder.mkdir(parents=True)
    write(folder)
    product = Product.objects.create(
        id=number,
        kind=kind,
        group=dataset.group,
        dataset=dataset,
        name=name,
        params=params or {},
        inputs={role: str(parent.pk) for role, parent in inputs.items()},
        key=hashlib.sha256(number.bytes).hexdigest(),
        folder_name=str(folder.relative_to(settings.DATA_DIR)),
        files=_seal(folder),
        facts=facts or {},
    )
    product.parents.set(inputs.values())
    return product


def _seal(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        str(path.relative_to(folder)): {
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _write_source(path: Path, counts: np.ndarray) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["/entry/data/data"] = counts.round().astype(np.uint16)


def _fingerprint(path: Path) -> str:
    """Return what the guard knows a file by, as it stands in a source description."""
    head, tail = path.read_bytes()[: 2**16], path.read_bytes()[-(2**16) :]
    stat = path.stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}-{hashlib.sha256(head + tail).hexdigest()}"


def _save_picture(path: Path, levels: np.ndarray | None = None) -> None:
    Image.fromarray(np.zeros((SIZE, SIZE), np.uint8) if levels is None else levels).save(path)


def _write_index(out: Path, dataset: Dataset, drawn: DrawnFrames) -> None:
    n, counts = len(drawn.kinds), count_map(drawn.condensed)
    numbers = np.arange(n)
    columns = {
        "index": pa.array(numbers, pa.int64()),
        "source": pa.array([dataset.source_files.get().path] * n),
        "path": pa.array([dataset.dataset_path] * n),
        "source_index": pa.array(numbers, pa.int64()),
        "train_id": pa.array(10_000_000 + numbers, pa.int64()),
        "pulse_id": pa.nulls(n, pa.int64()),
        "cell_id": pa.nulls(n, pa.int64()),
        "total": pa.array(counts.sum(axis=(1, 2))),
        "lit_pixels": pa.array((counts > 0.5).sum(axis=(1, 2)), pa.int64()),
        "maximum": pa.array(counts.max(axis=(1, 2))),
    }
    pyarrow.parquet.write_table(pa.table(columns), out / "frames.parquet")
    mean, peak = counts.mean(axis=0).astype(np.float32), counts.max(axis=0).astype(np.float32)
    np.savez(out / "patterns.npz", mean=mean, max=peak)
    _save_picture(out / "mean.png", drawn.condensed.mean(axis=0).astype(np.uint8))
    _save_picture(out / "max.png", drawn.condensed.max(axis=0))


def _write_condensed(out: Path, drawn: DrawnFrames) -> None:
    np.save(out / "condensed.npy", drawn.condensed)
    middle = (SIZE - 1) / 2
    np.savez(
        out / "geometry.npz",
        mask=drawn.mask,
        centre=np.array([middle, middle]),
        scale_max=np.float64(SCALE_MAX),
        size=np.int64(SIZE),
        crop=np.float64(SIZE),
    )
    summary = {"height": SIZE, "width": SIZE, "centre": [middle, middle], "crop": SIZE, "size": SIZE}
    summary |= {"scale_max": SCALE_MAX, "masked_share": float(1 - drawn.mask.mean())}
    (out / "geometry.json").write_text(json.dumps(summary))


def _write_network(out: Path, card: dict[str, Any], condensation: Product) -> None:
    (out / "network.safetensors").write_bytes(
        (2).to_bytes(8, "little") + b"{}"
    )  # a valid file without tensors
    (out / "card.json").write_text(json.dumps(card))
    shutil.copy(condensation.folder / "geometry.npz", out / "geometry.npz")
    if card["kind"] == "factorvae":
        _save_picture(out / "reconstructions.png")


def _factorvae_card(n_frames: int, condensation: Product) -> dict[str, Any]:
    curve: list[dict[str, Any]] = [
        {"step": step, "loss": 90 / (1 + step / 50), "kl": 8.0, "tc": 0.4} for step in range(0, 500, 50)
    ]
    for point in curve:
        point["kl_per_latent"] = [1.2 * point["step"] / 450] * 8 + [0.001] * 2
    figures = {"loss": curve[-1]["loss"], "reconstruction": 8.1, "tc": 0.4, "discriminator": 0.69}
    figures |= {"kl_per_latent": [1.2] * 8 + [0.001] * 2, "active_latents": list(range(8))}
    return {
        "kind": "factorvae",
        "recipe": {"n_latents": 10, "n_steps": 500},
        "seed": 0,
        "versions": VERSIONS,
        "data": {"n_frames": n_frames, "sha256": condensation.files["condensed.npy"]["sha256"]},
        "n_steps": 500,
        "seconds": 12.5,
        "figures": figures,
        "curve": curve,
        "ended": "all steps done",
        "traversals": [
            {"latent": latent, "frames": [(5 * latent + place) % n_frames for place in range(5)]}
            for latent in range(8)
        ],
    }


def _classifier_card(
    n_frames: int, classes: list[str], single_label: bool, condensation: Product
) -> dict[str, Any]:
    row = {"precision": 0.9, "recall": 0.8, "f1": 0.85, "average_precision": 0.9, "mcc": 0.8, "support": 10}
    metrics = {
        "n_frames": 40,
        "macro_f1": 0.85,
        "macro_average_precision": 0.9,
        "mcc": 0.8,
        "constant_macro_f1": 0.2,
        "per_class": [{"class": name, "decided": 9, **row} for name in classes],
        "confusion": (np.eye(len(classes), dtype=int) * 10).tolist(),
    }
    return {
        "kind": "classifier",
        "recipe": {"n_steps": 100, "exclusive": []},
        "seed": 0,
        "versions": VERSIONS,
        "data": {"n_frames": n_frames, "sha256": condensation.files["condensed.npy"]["sha256"]},
        "n_steps": 100,
        "seconds": 3.0,
        "figures": {"metrics": metrics, "figures_from": "held-back labels", "n_held_back": 40},
        "metrics": metrics,
        "classes": classes,
        "single_label": single_label,
        "thresholds": [0.5] * len(classes),
        "warnings": [],
        "curve": [{"step": step, "loss": 1 / (1 + step / 10)} for step in range(0, 100, 10)],
    }


def _write_clusters(out: Path, drawn: DrawnFrames) -> None:
    np.save(out / "labels.npy", drawn.labels)
    np.save(out / "probabilities.npy", drawn.probabilities)
    np.save(out / "outlier_scores.npy", drawn.outlier_scores)
    clusters = []
    for cluster in np.unique(drawn.labels[drawn.labels >= 0]).tolist():
        members = np.flatnonzero(drawn.labels == cluster)
        best = members[np.argsort(-drawn.probabilities[members], kind="stable")]
        clusters.append(
            {
                "id": cluster,
                "size": len(members),
                "persistence": 0.3 + 0.1 * cluster,
                "exemplars": best[:8].tolist(),
                "mean_probability": float(drawn.probabilities[members].mean()),
            }
        )
    clusters.sort(key=lambda entry: -entry["size"])
    (out / "clusters.json").write_text(json.dumps(clusters))
    n = len(drawn.kinds)
    (out / "density").mkdir()
    np.save(out / "density" / "rows.npy", np.zeros((n, MOST_NEIGHBOURS), np.int32))
    np.savez(out / "tree.npz", **_tree_rows(drawn))


def _tree_rows(drawn: DrawnFrames) -> dict[str, np.ndarray]:
    """Return hdbscan's tree of the three clusters: the first splits off the other two, then those part."""
    n, labels = len(drawn.kinds), drawn.labels
    sizes = np.bincount(labels[labels >= 0], minlength=3)
    last_part = np.array([n + 1, n + 3, n + 4, n])[labels]  # noise leaves the root, n
    return {
        "parent": np.concatenate([[n, n, n + 2, n + 2], last_part]),
        "child": np.concatenate([np.arange(n + 1, n + 5), np.arange(n)]),
        "lambda_val": np.concatenate(
            [[0.5, 0.5, 0.7, 0.7], np.where(labels < 0, 0.3, 1 + drawn.probabilities)]
        ),
        "child_size": np.concatenate([[sizes[0], sizes[1] + sizes[2], sizes[1], sizes[2]], np.ones(n, int)]),
    }
