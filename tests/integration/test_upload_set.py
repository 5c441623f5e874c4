"""A master and the data files that it links to by name, sent together, become one data set."""

import json
import uuid

import h5py
import numpy as np
import pytest

from tests.integration.conftest import wait_until
from tests.integration.tus_client import TusClient, WebServer
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product, State
from webapp.uploads.models import Upload
from workers.science.io import open_source

FRAMES = np.random.default_rng(4).poisson(3, (5, 32, 48)).astype(np.uint16)


@pytest.fixture
def client(outside, group):
    server = WebServer(outside)
    server.start()
    yield TusClient(server)
    server.kill()


@pytest.fixture
def files(tmp_path):
    """Write an Eiger master and two data files; return their paths, the master last."""
    parts = {"data_000001": FRAMES[:2], "data_000002": FRAMES[2:]}
    for name, frames in parts.items():
        with h5py.File(tmp_path / f"lyso_{name}.h5", "w") as file:
            file["entry/data/data"] = frames
    with h5py.File(tmp_path / "lyso_master.h5", "w") as file:
        file["entry/definition"] = "NXmx"
        for name in parts:
            file[f"entry/data/{name}"] = h5py.ExternalLink(f"lyso_{name}.h5", "/entry/data/data")
    return [*(tmp_path / f"lyso_{name}.h5" for name in parts), tmp_path / "lyso_master.h5"]


def test_a_master_is_sent_with_its_data_files_and_read_with_them(client, group, files):
    told = {"set": str(uuid.uuid4()), "n_files": str(len(files))}
    for file in files:
        body = file.read_bytes()
        path = client.create(len(body), filename=f"folder/{file.name}", **told)
        half = len(body) // 2
        assert client.patch(path, 0, body[:half], checked=True) == 204
        assert client.offset(path) == half
        assert client.patch(path, half, body[half:]) == 204
    finish = f"/uploads/sets/{told['set']}/finish/"
    answer = wait_until(lambda: found if (found := ask(client, finish))["state"] == "registered" else None)
    dataset = Dataset.objects.get(pk=answer["url"].split("/")[-3])
    wait_until(
        lambda: not Job.objects.filter(dataset=dataset).active().exists(), tend=group.tend, seconds=120
    )
    job = Job.objects.get(dataset=dataset)
    assert job.state == State.SUCCEEDED, job.error
    look = Product.objects.get(dataset=dataset, kind="inspect")
    assert [item["linked"] for item in look.facts["files"]] == [False, True, True]
    with open_source(look.facts) as reader:
        assert np.array_equal(reader.read(0, reader.n_frames), FRAMES)
    folder = Upload.objects.filter(upload_set_id=told["set"]).first().place.parent
    assert sorted(path.name for path in folder.iterdir()) == sorted(file.name for file in files)
    assert dataset.roots == [str(folder)]


def ask(client, path):
    return json.loads(client.ask("POST", path)[2])
