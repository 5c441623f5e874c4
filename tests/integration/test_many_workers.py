"""Workers share one job: each shard is done once, and who joins later takes a share."""

from collections import Counter

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from tests.integration.conftest import wait_until
from webapp.accounts.models import Group
from webapp.datasets.services import index_frames, inspect_source, register_dataset
from webapp.jobs.models import Job, Product, Shard, State

N_FRAMES = 12_000


@pytest.fixture
def long_run(tmp_path):
    """Write frames that take a second a shard to read: compressed, one chunk each."""
    path = tmp_path / "run.h5"
    random = np.random.default_rng(4)
    with h5py.File(path, "w") as file:
        frames = file.create_dataset(
            "data", (N_FRAMES, 64, 64), "u2", chunks=(1, 64, 64), compression="gzip", compression_opts=1
        )
        for start in range(0, N_FRAMES, 1000):
            frames[start : start + 1000] = random.poisson(2, (1000, 64, 64))
    return path


def test_no_shard_is_done_twice_and_a_third_worker_takes_its_share(settings, monkeypatch, outside, long_run):
    from webapp.supervisor.group import ProcessGroup, worker_command

    settings.CPU_WORKERS = 2
    with ProcessGroup(say=print) as group:
        beam_time = Group.objects.create(name="beam time")
        dataset = register_dataset(group=beam_time, name="run", paths=[long_run], roots=[long_run.parent])
        source = inspect_source(dataset=dataset)
        wait_until(lambda: Product.objects.filter(pk=source.id).exists(), tend=group.tend)
        index = index_frames(dataset=dataset, source=source)
        shards = Shard.objects.filter(job=index.job, stage=0)
        wait_until(lambda: shards.filter(state=State.RUNNING).count() == 2, tend=group.tend)
        group._add("worker-cpu-3", worker_command("cpu"), {"OMP_NUM_THREADS": "1"})
        wait_until(lambda: not Job.objects.active().exists(), tend=group.tend, seconds=120)
    done = list(shards)
    assert all(shard.state == State.SUCCEEDED and shard.attempt == 1 for shard in done)
    shares = Counter(shard.worker for shard in done)
    assert len(shares) == 3, shares
    frames = pyarrow.parquet.read_table(Product.objects.get(pk=index.id).path("frames.parquet"))
    assert frames["index"].to_pylist() == list(range(N_FRAMES))
