"""One group with something of everything: what the tests of all routes and of all pages walk through."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils import timezone
from PIL import Image

from tests.webapp.classifier_figures import figures_of
from tests.webapp.drawn_frames import KIND_NAMES, draw_frames
from tests.webapp.explained import explain
from tests.webapp.factories import make_classified, make_dataset, make_product, make_sorted_dataset
from tests.webapp.judged import judge
from tests.webapp.nuisance_reports import make_report
from webapp.accounts.models import Group
from webapp.datasets.masks import save_mask
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job, submit
from webapp.labels.models import LabelEvent
from webapp.labels.services import create_scheme, label_frames
from webapp.live.models import LiveSession
from webapp.live.services import start_session
from webapp.uploads.models import Upload, UploadSet
from webapp.uploads.services import Offer, begin_upload

N_FRAMES = 300


@dataclass(frozen=True)
class World:
    """The rows that pages are about; every name that a stranger could recognise is in `names`."""

    group: Group
    dataset: Dataset
    draft: Dataset
    running: Job
    failed: Job
    manifest: Product
    session: LiveSession
    label_event: LabelEvent
    upload: Upload
    names: tuple[str, ...]

    @property
    def upload_set(self) -> UploadSet:
        """The set of the upload under way."""
        return self.upload.upload_set

    def product(self, kind: str) -> Product:
        """Return the data set's newest product of a kind."""
        return Product.objects.filter(dataset=self.dataset).of_kind(kind).first()


def make_world(name: str) -> World:
    """Create group `name` with a data set sorted to the end, a draft, jobs, and a live session."""
    group = Group.objects.create(name=name)
    dataset = make_sorted_dataset(group, N_FRAMES, f"run of {name}")
    create_scheme(dataset=dataset, names=KIND_NAMES)
    label_frames(dataset=dataset, frames=np.arange(12), operation="set", classes=["Round"])
    event = label_frames(dataset=dataset, frames=np.arange(12, 24), operation="set", classes=["Streak"])
    make_product(dataset, "plan", lambda out: (out / "geometry.json").write_text("{}"))
    save_mask(dataset=dataset, bits=bytes([128]) + bytes(511))
    make_report(dataset)
    make_label_file(dataset)
    classification = make_classified(dataset)
    network = classification.input("network")
    network.facts |= {"figures": figures_of(KIND_NAMES, False)}
    network.save()
    draft = make_dataset(group, 60, f"draft of {name}")
    Dataset.objects.filter(pk=draft.pk).update(is_draft=True, dataset_path="")
    explain(dataset, 3)
    judge(network, {5: 0.1, 2: 0.03}, given="Round", said="Streak", n=24)
    failed = submit(kind="learn", group=group, dataset=dataset, params={"seed": 1}).job
    end_job(failed, State.FAILED, f"The disk of {name} is full.")
    session = _watch(name, network)
    upload = _begin_to_upload(name, group)
    return World(
        group=group,
        dataset=dataset,
        draft=draft,
        running=_run(submit(kind="learn", group=group, dataset=dataset, params={"seed": 2}).job),
        failed=failed,
        manifest=_write_manifest(dataset, classification, event),
        session=session,
        label_event=event,
        upload=upload,
        names=(name, str(dataset.pk), str(draft.pk), str(session.pk), str(failed.pk), str(network.pk)),
    )


def make_label_file(dataset: Dataset) -> Product:
    """Show a file of labels as a worker has read it."""

    def write(out: Path) -> None:
        np.savez(
            out / "labels.npz", indices=np.arange(30, 42), matrix=np.eye(2, dtype=bool)[np.arange(12) % 2]
        )

    facts = {
        "what": "CSV, the labels of people",
        "by": "source file, path and number in it",
        "classes": ["Round", "Halo"],
        "n_sets": 2,
        "adds": False,
        "n_rows": 14,
        "n_found": 12,
        "n_frames": 12,
        "counts": {"Round": 6, "Halo": 6},
        "missing": ["run_9.h5 12", "run_9.h5 13"],
    }
    params = {"name": "manifest.csv", "dataset": str(dataset.pk)}
    return make_product(dataset, "label-file", write, facts, params=params)


def _begin_to_upload(name: str, group: Group) -> Upload:
    """Show an upload as it is when the browser was closed half way."""
    upload = begin_upload(group=group, user=None, offer=Offer(f"{name}.h5", 2000, f"upload of {name}"))
    token, _ = upload.part.take_turn()
    upload.part.append(token, 0, b"0" * 700)
    return upload


def _run(job: Job) -> Job:
    """Show the job as it is while a worker is at it."""
    now = timezone.now()
    curve = [
        {"step": step, "loss": 90 / (1 + step / 50), "kl": 8.0 - step / 400} for step in range(0, 900, 30)
    ]
    Job.objects.filter(pk=job.pk).update(state=State.RUNNING, started_at=now, curve=curve)
    job.shards.update(
        state=State.RUNNING, done=900, total=3000, rate=24.0, unit="steps", note="learning", attempt=1
    )
    job.refresh_from_db()
    return job


def _write_manifest(dataset: Dataset, classification: Product, event: LabelEvent) -> Product:
    source = dataset.products.get(kind="inspect")
    card = {
        "dataset": {"id": str(dataset.pk), "name": dataset.name, "group": dataset.group.name},
        "dataset_path": dataset.dataset_path,
        "sources": source.facts["files"],
        "columns": ["index", "classes"],
        "n_labelled": 24,
        "networks": [],
        "steps": [],
        "methods": "HDBSCAN (McInnes & Healy, 2017) found 3 clusters.",
        "selection": {
            "rule": {"sorted": ["Round"]},
            "words": "Frames sorted as Round",
            "n_frames": 2,
            "of": 300,
        },
    }

    def write(out: Path) -> None:
        (out / "manifest.csv").write_text("index,classes\n0,Round\n1,Streak\n")
        (out / "manifest.parquet").write_bytes(bytes(range(256)))
        (out / "manifest.json").write_text(json.dumps(card))

    facts = {
        "n_frames": N_FRAMES,
        "counts": {"classes": {"Round": 150, "Streak": 45}, "clusters": {"0": 150}},
    }
    inputs = {"source": source, "classification": classification}
    return make_product(dataset, "manifest", write, facts, inputs, {"labels_as_of": event.pk})


def _watch(name: str, network: Product) -> LiveSession:
    folder = settings.ALLOWED_ROOTS[0] / name
    folder.mkdir(parents=True, exist_ok=True)
    session = start_session(name=f"shift of {name}", folder=folder, sorter=network)
    Job.objects.filter(pk=session.job_id).update(state=State.RUNNING, started_at=timezone.now())
    session.job.shards.update(state=State.RUNNING, note="watching", attempt=1)
    (session.folder / "thumbnails").mkdir(parents=True)
    rows = [_sort(session.folder, name, number) for number in range(8)]
    (session.folder / "ledger.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spread = {"median": 104.0, "p95": 180.0, "n": 8}
    counts = {
        "updated_at": timezone.now().isoformat(timespec="milliseconds"),
        "n_files": 2, "n_frames": 8, "n_skipped": 0, "n_failed": 0, "n_failed_files": 1,
        "n_without_class": 1, "rate_per_s": 12.5, "classes": {"Round": 5, "Streak": 2},
        "latency_ms": spread, "processing_ms": spread, "recent": rows[::-1],
        "problems": [
            {"time": "2026-01-01T00:00:00+00:00", "file": "broken.h5", "index": None, "state": "failed",
             "reason": "The file is truncated."}
        ],
        "waiting": ["growing.h5"], "n_waiting": 1,
    }  # fmt: skip
    (session.folder / "counts.json").write_text(json.dumps(counts))
    return session


def _sort(folder: Path, name: str, number: int) -> dict[str, object]:
    """Draw one thumbnail and return what the ledger and the page say of its frame."""
    Image.fromarray(draw_frames(60).condensed[number]).save(folder / "thumbnails" / f"{number}.webp", "WEBP")
    return {
        "number": number,
        "time": "2026-01-01T00:00:00+00:00",
        "file": f"{name}.h5",
        "index": number,
        "classes": [["Round", 0.91]] if number else [],
        "best": [["Round", 0.91 if number else 0.3]],
        "latency_ms": 100.0 + number,
    }
