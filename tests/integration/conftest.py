"""A real Fringe for the tests: Redis, workers and reaper on the database of the test."""

import os
import time

import h5py
import numpy as np
import pytest
from django.conf import settings
from django.db import connection

from tests.science.synthetic import diffraction_frames, write_cxi
from webapp.datasets.drafts import confirm_draft
from webapp.datasets.services import inspect_source, register_dataset
from webapp.jobs.models import Job, State


def database_url() -> str:
    """Return the URL of the test's database, for processes that are not the test; empty for SQLite."""
    given = connection.settings_dict
    if given["ENGINE"].endswith("sqlite3"):
        return ""
    login = f"{given['USER']}:{given['PASSWORD']}" if given["PASSWORD"] else given["USER"]
    host = given["HOST"]
    place = (
        f"@/{given['NAME']}?host={host}"
        if host.startswith("/")
        else f"@{host}:{given['PORT'] or 5432}/{given['NAME']}"
    )
    return f"postgresql://{login}{place}"


@pytest.fixture
def outside(monkeypatch, transactional_db):
    """Give processes that the test starts the settings of production, on the test's database."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "webapp.settings")
    monkeypatch.setenv("DATABASE_URL", database_url())
    monkeypatch.setenv("FRINGE_DATA", str(settings.DATA_DIR))
    monkeypatch.setenv("REAP_EVERY_S", "1")
    return dict(os.environ)


@pytest.fixture
def group(outside):
    """Start Redis, workers and the reaper, and end them with the test."""
    from webapp.supervisor.group import ProcessGroup

    with ProcessGroup(say=print) as processes:
        yield processes


@pytest.fixture
def cxi_file(tmp_path):
    """Write a small CXI file with a few clearly different classes of frames, some of them labelled."""
    frames, classes = diffraction_frames(600, 48, seed=3)
    path = tmp_path / "run_0001.cxi"
    write_cxi(path, frames)
    with h5py.File(path, "a") as file:
        tags = np.arange(600)[None] % 50 == np.arange(2)[:, None]
        file["entry_1/instrument_1/detector_1/tags"] = tags.astype(np.int8)
        file["entry_1/instrument_1/detector_1/tags"].attrs["headings"] = ["rings", "wide"]
    return path, classes


def wait_until(condition, *, tend=lambda: None, seconds=60.0, every=0.02):
    """Wait for `condition()` to hold and return its value; fail the test when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        tend()
        time.sleep(every)
    raise AssertionError(f"{condition} did not come true within {seconds} s")


def settled(group):
    """Wait until no job is left to do; fail if one failed."""
    wait_until(lambda: not Job.objects.active().exists(), tend=group.tend, seconds=240, every=0.2)
    failed = Job.objects.filter(state=State.FAILED).first()
    assert failed is None, f"{failed.kind}: {failed.error} {failed.error_detail}"


def condensed_dataset(group, beam_time, path, frames):
    """Write frames into a file, register it as a person does, and let workers condense it."""
    write_cxi(path, frames)
    dataset = register_dataset(group=beam_time, name=path.stem, paths=[path], roots=[path.parent])
    inspect_source(dataset=dataset)
    settled(group)
    dataset.refresh_from_db()
    confirm_draft(dataset=dataset, user=None)
    settled(group)
    dataset.refresh_from_db()
    return dataset
