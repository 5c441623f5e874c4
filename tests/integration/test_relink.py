"""Files that move, grow and are calibrated anew, with real workers between the clicks."""

import shutil

import h5py
import numpy as np
import pytest

from tests.integration.conftest import wait_until
from tests.science.synthetic import diffraction_frames
from webapp.accounts.models import Group
from webapp.datasets.drafts import confirm_draft
from webapp.datasets.models import Dataset
from webapp.datasets.relink import Found, look_again
from webapp.datasets.services import inspect_source, register_dataset
from webapp.jobs.models import Job, Product, State
from webapp.labels.selectors import export_labels, last_event_id
from webapp.labels.services import create_scheme, label_frames

N_FRAMES = 40


def write_run(path, frames, bunches):
    """Write a file that grows: chunked, with a number for each shot."""
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "entry/data", data=frames, chunks=(1, *frames.shape[1:]), maxshape=(None, *frames.shape[1:])
        )
        file.create_dataset("entry/bunches", data=bunches, chunks=(16,), maxshape=(None,))


def append(path, frames, bunches):
    with h5py.File(path, "a") as file:
        for name, values in (("entry/data", frames), ("entry/bunches", bunches)):
            dataset = file[name]
            dataset.resize(len(dataset) + len(values), axis=0)
            dataset[-len(values) :] = values


@pytest.fixture
def run(tmp_path):
    frames, _ = diffraction_frames(N_FRAMES, 32, seed=5)
    bunches = np.arange(1000, 1000 + N_FRAMES)
    write_run(tmp_path / "run.h5", frames, bunches)
    return tmp_path / "run.h5", frames, bunches


def settled(group, condition=lambda: True):
    """Wait until no job is left, and fail with the words of the first that failed."""
    wait_until(
        lambda: not Job.objects.active().exists() and condition(), tend=group.tend, seconds=120, every=0.2
    )
    failed = Job.objects.filter(state=State.FAILED).first()
    assert failed is None, failed.error + failed.error_detail


def register(group, path):
    beam_time = Group.objects.create(name="beam time")
    dataset = register_dataset(group=beam_time, name="run 1", paths=[path], roots=[path.parent])
    inspect_source(dataset=dataset)
    settled(group)
    dataset.refresh_from_db()
    confirm_draft(dataset=dataset, user=None)
    settled(group)
    dataset.refresh_from_db()
    create_scheme(dataset=dataset, names=["Round", "Streak"])
    label_frames(dataset=dataset, frames=np.array([3, 7]), operation="set", classes=["Round"])
    return dataset


def test_a_data_set_follows_grows_and_gets_a_successor_with_its_labels(group, run, tmp_path):
    path, frames, bunches = run
    dataset = register(group, path)
    condensed = Product.objects.filter(dataset=dataset).of_kind("condense").get()

    moved = tmp_path / "archive" / "run_0001.h5"
    moved.parent.mkdir()
    shutil.move(path, moved)
    look_again(dataset=dataset, paths=[moved], roots=[tmp_path])
    settled(group, lambda: Dataset.objects.count() == 1)  # the draft goes after its job has ended
    dataset.refresh_from_db()
    assert dataset.last_look["words"] == Found.MOVED.value
    assert dataset.source_files.get().path == str(moved)
    assert Product.objects.filter(dataset=dataset).of_kind("condense").get() == condensed

    append(moved, frames[:8], np.arange(1040, 1048))
    look_again(dataset=dataset, paths=[moved], roots=[tmp_path])
    settled(group)
    dataset.refresh_from_db()
    assert dataset.last_look["words"] == Found.GROWN.value
    assert dataset.n_frames == N_FRAMES + 8
    newest = Product.objects.filter(dataset=dataset).of_kind("condense").first()
    assert newest.facts["n_frames"] == N_FRAMES + 8
    assert condensed.folder.is_dir()

    anew = tmp_path / "calibrated.h5"
    order = np.random.default_rng(1).permutation(N_FRAMES)[:30]
    order = np.union1d(order, [3, 7])[::-1]
    write_run(anew, frames[order] // 2, bunches[order])
    draft = look_again(dataset=dataset, paths=[anew], roots=[tmp_path])
    settled(group)
    draft.refresh_from_db()
    assert draft.is_draft
    confirm_draft(dataset=draft, user=None)
    settled(group)
    labels = export_labels(draft, last_event_id(draft))
    assert sorted(bunches[order][labels.indices]) == [1003, 1007]
    assert export_labels(dataset, last_event_id(dataset)).indices.tolist() == [3, 7]
