"""Several processes that train one network, over gloo on the CPU, started by torchrun as on GPUs."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from workers.science.errors import Cancelled, TrainingError
from workers.science.factorvae import LearnRecipe
from workers.science.processes import train_in_processes
from workers.science.progress import silent
from workers.science.train import train_factorvae

RECIPE = LearnRecipe(
    n_latents=3, n_steps=20, hidden_width=16, discriminator_width=8, batch_size=8, free_bits=0.3, patience=3
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def features(tmp_path):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(300, 2)) @ rng.normal(size=(2, 12)) + 0.1 * rng.normal(size=(300, 12))).astype(
        "f4"
    )
    np.save(tmp_path / "inputs.npy", rows)
    return tmp_path / "inputs.npy"


def in_two(features, scratch, *, recipe=RECIPE, on_progress=silent):
    scratch.mkdir(exist_ok=True)
    train_in_processes(
        2,
        **{
            "features": features,
            "recipe": recipe,
            "scratch": scratch,
            "threads": 2,
            "on_progress": on_progress,
        },
        **{"seed": 0, "data_sha256": "a", "weights_sha256": "", "start_from": None},
    )
    # What the processes left is a training that has ended: this reads it.
    return train_factorvae(np.load(features), recipe, seed=0, scratch=scratch, data_sha256="a")


def test_two_processes_learn_what_one_learns_from_batches_of_twice_the_size(features, tmp_path):
    """Sums are taken in another order, so weights agree to 2e-5 after 20 steps, and losses to 1e-4."""
    points = []
    two = in_two(features, tmp_path / "two", on_progress=lambda *_, point=None, **__: points.append(point))
    (tmp_path / "one").mkdir()
    recipe = replace(RECIPE, batch_size=16)
    one = train_factorvae(np.load(features), recipe, seed=0, scratch=tmp_path / "one", data_sha256="a")
    assert two.step == one.step == 20
    for name, value in one.model.state_dict().items():
        assert torch.allclose(two.model.state_dict()[name], value, atol=2e-5), name
    assert points == two.curve
    for here, there in zip(one.curve, two.curve, strict=True):
        assert here.keys() == there.keys()
        assert here["reconstruction"] == pytest.approx(there["reconstruction"], rel=1e-4)
        assert here["total_correlation"] == pytest.approx(there["total_correlation"], abs=1e-4)
    moved = train_factorvae(np.load(features), RECIPE, seed=0, scratch=tmp_path, data_sha256="a")
    assert not torch.allclose(moved.model.encoder.linear.weight, one.model.encoder.linear.weight, atol=2e-5)


def test_a_killed_process_ends_all_with_a_sentence(features, tmp_path):
    """It goes on from its checkpoint afterwards; what is killed is found among our own descendants."""
    killed = []

    def kill_one(*_, **__):
        if not killed:
            killed.append(max(rank_processes()))
            os.kill(killed[0], signal.SIGKILL)

    endless = replace(RECIPE, n_steps=40_000)
    with pytest.raises(TrainingError, match=r"process [12] of 2 was killed \(SIGKILL\)"):
        in_two(features, tmp_path / "killed", recipe=endless, on_progress=kill_one)
    assert not rank_processes()


def test_a_cancelled_training_leaves_no_process(features, tmp_path):
    def cancel(*_, **__):
        raise Cancelled

    with pytest.raises(Cancelled):
        in_two(features, tmp_path / "cancelled", recipe=replace(RECIPE, n_steps=40_000), on_progress=cancel)
    assert not rank_processes()


def test_a_loss_that_is_no_number_is_told_by_the_process_that_saw_it(features, tmp_path):
    np.save(features, np.full((60, 12), np.nan, "f4"))
    with pytest.raises(TrainingError, match="no longer a number at step 1"):
        in_two(features, tmp_path / "nan")
    assert json.loads((tmp_path / "nan" / "processes.json").read_text())["recipe"]["n_steps"] == 20


def rank_processes():
    """Return the ids of the training processes below this one."""
    parents, found = {}, []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"{entry.path}/stat") as stat, open(f"{entry.path}/cmdline") as line:  # noqa: PTH123
                fields, command = stat.read().rsplit(")", 1)[1].split(), line.read()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        is_rank = "workers.science.rank_process" in command and "torch.distributed.run" not in command
        if is_rank and fields[0] != "Z":
            found.append(int(entry.name))
    return [pid for pid in found if parents.get(parents[pid]) == os.getpid()]
