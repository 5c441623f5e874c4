"""A finished data set of any size, written in the layout of the steps without computing any of them."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from django.conf import settings
from PIL import Image

from webapp.accounts.models import Group
from webapp.datasets.models import Dataset, SourceFile
from webapp.jobs.models import Product
from webapp.labels.services import create_scheme, label_frames

SIDE, N_LATENTS, BLOCK = 64, 10, 1 << 14
CLASSES = ("Round", "Elliptical", "Streak", "Bent", "Empty")
N_CLUSTERS = 24
N_SINGLE_LABELS = 400


class Writer:
    """Writes the products of one data set.

    Parameters
    ----------
    group : Group
        To whom it belongs.
    n_frames : int
        How many frames.
    n_pictures : int, optional
        How many of the first frames show something; the file has holes for the others. All if not given.
    """

    def __init__(self, group: Group, n_frames: int, n_pictures: int | None = None) -> None:
        self.n, self.random = n_frames, np.random.default_rng(0)
        self.n_pictures = n_frames if n_pictures is None else min(n_frames, n_pictures)
        self.source = settings.ALLOWED_ROOTS[0] / f"run-of-{n_frames}.h5"
        self._write_source()
        self.dataset = Dataset.objects.create(
            group=group,
            name=f"run of {n_frames} frames",
            is_draft=False,
            n_frames=n_frames,
            height=SIDE,
            width=SIDE,
            dataset_path="/frames",
            roots=[str(self.source.parent)],
        )
        size = self.source.stat().st_size
        SourceFile.objects.create(dataset=self.dataset, order=0, path=str(self.source), size=size)

    def write(self) -> Dataset:
        """Write all products, classes and labels; return the data set."""
        n = {"n_frames": self.n}
        source = self._product("inspect", lambda out: _picture(out / "preview.png"), self._source_facts())
        index = self._product("index", self._write_index, n, {"source": source})
        inputs = {"source": source, "index": index}
        condensed = self._product("condense", self._write_condensed, n | {"size": SIDE}, inputs)
        frames = {"condensation": condensed}
        network = self._product("learn", lambda out: _network(out, condensed), _factorvae(self.n), frames)
        used = {"condensation": condensed, "network": network}
        embedding = self._product("embed", self._write_latents, n, used)
        latents = {"embedding": embedding, "network": network}
        facts = {"n_clusters": N_CLUSTERS, "n_noise": 0, "n_fitted": min(self.n, 50_000), "choice": {}}
        clusters = self._product("cluster", self._write_clusters, facts, latents)
        drawn = self._product("project", self._write_map, {"n_fitted": min(self.n, 50_000)}, latents)
        shown = {"condensation": condensed, "clustering": clusters, "map": drawn}
        self._product("gallery", lambda out: (out / "gallery.html").write_text("<!doctype html>"), {}, shown)
        last = self._label()
        classifier = self._product(
            "train", lambda out: _network(out, condensed), _classifier(self.n), frames, {"labels_as_of": last}
        )
        used = {"condensation": condensed, "network": classifier}
        sorting = self._product("classify", self._write_probabilities, n, used)
        inputs = {"source": source, "index": index, "clustering": clusters, "classification": sorting}
        counts = {"classes": dict.fromkeys(CLASSES, self.n // len(CLASSES)), "clusters": {}}
        self._product(
            "manifest", self._write_manifest, n | {"counts": counts}, inputs, {"labels_as_of": last}
        )
        return self.dataset

    def _product(
        self,
        kind: str,
        write: Callable[[Path], object],
        facts: dict[str, Any],
        inputs: dict[str, Product] | None = None,
        params: dict[str, Any] | None = None,
    ) -> Product:
        inputs, number = inputs or {}, uuid.uuid4()
        folder = settings.DATA_DIR / "products" / kind / f"{number}-1"
        folder.mkdir(parents=True)
        write(folder)
        files = {
            str(path.relative_to(folder)): {"size": path.stat().st_size, "sha256": uuid.uuid4().hex * 2}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        product = Product.objects.create(
            id=number,
            kind=kind,
            group=self.dataset.group,
            dataset=self.dataset,
            name=f"{self.dataset.name}: {kind}",
            params=params or {},
            inputs={role: str(parent.pk) for role, parent in inputs.items()},
            key=uuid.uuid4().hex * 2,
            folder_name=str(folder.relative_to(settings.DATA_DIR)),
            files=files,
            facts=facts,
        )
        product.parents.set(inputs.values())
        return product

    def _write_source(self) -> None:
        """Write a source whose frames are all the same chunk: only pages that show one read it."""
        import h5py

        frame = self.random.poisson(3.0, (SIDE, SIDE)).astype(np.uint16)
        with h5py.File(self.source, "w", libver="latest") as file:
            data = file.create_dataset("frames", (self.n, SIDE, SIDE), "u2", chunks=(1, SIDE, SIDE))
            for index in range(0, self.n, max(1, self.n // 1000)):
                data[index] = frame

    def _source_facts(self) -> dict[str, Any]:
        path, size = str(self.source), self.source.stat().st_size
        shape = [self.n, SIDE, SIDE]
        return {
            "format": "hdf5",
            "reader": "hdf5",
            "files": [{"path": path, "size": size, "fingerprint": "f" * 16, "linked": False}],
            "candidates": [{"path": "/frames", "shape": shape, "dtype": "uint16", "n_frames": self.n}],
            "dataset_path": "/frames",
            "n_frames": self.n,
            "height": SIDE,
            "width": SIDE,
            "dtype": "uint16",
            "mask_path": None,
            "columns": {},
            "label_names": [],
            "states": [],
            "warnings": [],
            "roots": self.dataset.roots,
            "lit_threshold": 0.0,
            "segments": [{"file": path, "path": "/frames", "n_frames": self.n, "ids": {}}],
        }

    def _write_index(self, out: Path) -> None:
        numbers, total = np.arange(self.n), self.random.lognormal(9, 1, self.n).round()
        lit = self.random.integers(50, SIDE * SIDE, self.n)
        columns = {
            "index": pa.array(numbers),
            "source": _repeated(str(self.source), self.n),
            "path": _repeated("/frames", self.n),
            "source_index": pa.array(numbers),
            "train_id": pa.array(10_000_000 + numbers),
            "pulse_id": pa.nulls(self.n, pa.int64()),
            "cell_id": pa.nulls(self.n, pa.int64()),
            "state": pa.array(np.zeros(self.n, np.int8)),
            "total": pa.array(total),
            "photons": pa.array(total),
            "maximum": pa.array((total / lit * 8).round()),
            "lit_pixels": pa.array(lit),
            "hit_score": pa.array(lit / 300),
            "is_hit": pa.array(lit > 300),
            "is_background": pa.nulls(self.n, pa.bool_()),
            "saturated_pixels": pa.array(np.zeros(self.n, np.int64)),
            "masked_share": pa.array(np.full(self.n, 0.05)),
        }
        # As the index is joined from its ranges, each a group of rows.
        pyarrow.parquet.write_table(pa.table(columns), out / "frames.parquet", row_group_size=BLOCK)
        pattern = np.full((SIDE, SIDE), 3, np.float32)
        np.savez(out / "patterns.npz", mean=pattern, max=pattern)
        for name in ("mean.png", "max.png"):
            _picture(out / name)

    def _write_condensed(self, out: Path) -> None:
        shape = (self.n, SIDE, SIDE)
        frames = np.lib.format.open_memmap(out / "condensed.npy", "w+", np.uint8, shape)
        pattern = self.random.integers(0, 256, (BLOCK, SIDE, SIDE), np.uint8)
        for start in range(0, self.n_pictures, BLOCK):
            frames[start : start + BLOCK] = pattern[: self.n - start]
        frames.flush()
        middle = (SIDE - 1) / 2
        facts = {"centre": (middle, middle), "scale_max": 400.0, "size": SIDE, "crop": float(SIDE)}
        np.savez(out / "geometry.npz", mask=np.ones((SIDE, SIDE), bool), **facts)
        words = {**facts, "height": SIDE, "width": SIDE, "masked_share": 0.05}
        (out / "geometry.json").write_text(json.dumps(words))

    def _write_latents(self, out: Path) -> None:
        latents = np.lib.format.open_memmap(out / "latents.npy", "w+", np.float32, (self.n, N_LATENTS))
        for start in range(0, self.n, BLOCK):
            latents[start : start + BLOCK] = self.random.normal(size=latents[start : start + BLOCK].shape)
        latents.flush()

    def _clusters(self) -> np.ndarray:
        """Return the cluster of each frame: sizes fall off, and every tenth frame is noise."""
        shares = 1 / np.arange(1, N_CLUSTERS + 1)
        shares = np.concatenate([0.9 * shares / shares.sum(), [0.1]])
        labels = np.random.default_rng(1).choice(N_CLUSTERS + 1, self.n, p=shares).astype(np.int32)
        return np.where(labels == N_CLUSTERS, -1, labels).astype(np.int32)

    def _write_clusters(self, out: Path) -> None:
        labels = self._clusters()
        probabilities = np.where(labels < 0, 0, self.random.random(self.n)).astype(np.float32)
        np.save(out / "labels.npy", labels)
        np.save(out / "probabilities.npy", probabilities)
        np.save(out / "outlier_scores.npy", 1 - probabilities)
        listed = []
        for cluster in range(N_CLUSTERS):
            members = np.flatnonzero(labels == cluster)
            entry = {"id": cluster, "size": len(members), "persistence": 0.5, "mean_probability": 0.5}
            listed.append(entry | {"exemplars": members[:16].tolist()})
        (out / "clusters.json").write_text(json.dumps(listed))

    def _write_map(self, out: Path) -> None:
        labels = self._clusters()
        angle = 2 * np.pi * labels / N_CLUSTERS
        middles = 8 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        positions = middles + self.random.normal(size=(self.n, 2)) * np.where(labels < 0, 9, 1)[:, None]
        np.save(out / "map.npy", positions.astype(np.float32))

    def _write_probabilities(self, out: Path) -> None:
        probabilities = self.random.random((self.n, len(CLASSES)), np.float32) ** 3
        np.save(out / "probabilities.npy", probabilities)

    def _write_manifest(self, out: Path) -> None:
        for name in ("manifest.csv", "manifest.parquet"):
            with (out / name).open("wb") as file:
                file.truncate(200 * self.n)
        card = {"n_frames": self.n, "n_labelled": N_SINGLE_LABELS, "columns": ["index", "classes"]}
        card |= {"networks": [], "steps": [], "sources": self._source_facts()["files"]}
        (out / "manifest.json").write_text(json.dumps(card | {"dataset_path": "/frames"}))

    def _label(self) -> int:
        """Label single frames and whole clusters; return the number of the last act."""
        create_scheme(dataset=self.dataset, names=CLASSES)
        labels, event = self._clusters(), None
        for frame in range(N_SINGLE_LABELS):
            name = CLASSES[frame % len(CLASSES)]
            event = label_frames(
                dataset=self.dataset, frames=np.array([7 * frame % self.n]), operation="set", classes=[name]
            )
        for cluster in range(3, 6):
            members = np.flatnonzero(labels == cluster)
            event = label_frames(
                dataset=self.dataset, frames=members, operation="set", classes=[CLASSES[cluster % 4]]
            )
        return event.pk


def _repeated(text: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), [text]).cast(pa.string())


def _picture(path: Path) -> None:
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(path)


def _network(out: Path, condensation: Product) -> None:
    (out / "network.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (out / "card.json").write_text("{}")
    (out / "geometry.npz").write_bytes((condensation.folder / "geometry.npz").read_bytes())
    _picture(out / "reconstructions.png")


def _factorvae(n_frames: int) -> dict[str, Any]:
    figures = {"kl_per_latent": [1.0] * N_LATENTS, "active_latents": list(range(8))}
    curve = [{"step": step, "loss": 90 / (1 + step / 50)} for step in range(0, 1500, 10)]
    return _card("factorvae", n_frames, figures, curve)


def _classifier(n_frames: int) -> dict[str, Any]:
    row = {"decided": 9, "precision": 0.9, "recall": 0.8, "f1": 0.85, "average_precision": 0.9}
    row |= {"mcc": 0.8, "support": 10}
    metrics = {
        "n_frames": 40,
        "macro_f1": 0.85,
        "macro_average_precision": 0.9,
        "mcc": 0.8,
        "constant_macro_f1": 0.2,
        "per_class": [{"class": name, **row} for name in CLASSES],
        "confusion": (np.eye(len(CLASSES), dtype=int) * 10).tolist(),
    }
    figures = {"metrics": metrics, "figures_from": "held-back labels", "n_held_back": 40}
    curve = [{"step": step, "loss": 1 / (1 + step / 10)} for step in range(0, 240, 4)]
    card = _card("classifier", n_frames, figures, curve)
    card["recipe"] = {"exclusive": ["Empty"]}
    rule = {"classes": list(CLASSES), "single_label": False, "thresholds": [0.5] * len(CLASSES)}
    return card | rule | {"metrics": metrics, "warnings": [], "residual_share": 0.5}


def _card(kind: str, n_frames: int, figures: dict[str, Any], curve: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "kind": kind,
        "recipe": {},
        "seed": 0,
        "versions": {"python": "3.11"},
        "data": {"n_frames": n_frames, "sha256": "0" * 64},
        "n_steps": 1500,
        "seconds": 30.0,
        "figures": figures,
        "curve": curve,
    }
