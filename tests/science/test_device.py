"""The same weights say the same on the CPU and on a GPU; without a GPU, everything is on the CPU."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.science.test_classifier import SCALE_MAX, SMALL, patterns
from workers.science.batches import Batches
from workers.science.classifier import classify_frames, load_classifier
from workers.science.device import Computing, pick_computing, pick_device
from workers.science.embed import embed_frames, load_embedder
from workers.science.labels_file import write_labels_npz
from workers.science.network import load_card, load_tensors
from workers.science.steps.classify import train_classifier
from workers.science.steps.learn import learn

N = 48
LEARN = {"n_steps": 60, "n_latents": 4, "hidden_width": 32, "discriminator_width": 8, "n_bands": 5}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device")
    condensed, matrix = patterns(N)
    side = condensed.shape[1]
    facts = {"centre": ((side - 1) / 2, (side - 1) / 2), "scale_max": SCALE_MAX, "size": side, "crop": side}
    np.save(folder / "condensed.npy", condensed)
    np.savez(folder / "geometry.npz", mask=np.ones((side, side), bool), **facts)
    write_labels_npz(folder / "labels.npz", np.arange(30), matrix[:30])
    return folder


def made(folder: Path, make: Callable[..., dict], name: str, **arguments: object) -> Path:
    out, scratch = folder / name, folder / f"{name}-scratch"
    out.mkdir()
    scratch.mkdir()
    given = {"condensed_dir": str(folder), "seed": 0, "threads": 1, "out": str(out), "scratch": str(scratch)}
    make(**given, **arguments)
    return out


def labelled(folder: Path) -> dict[str, object]:
    recipe = SMALL | {"shapes": True}
    given = {"labels": str(folder / "labels.npz"), "classes": ["ring", "streak"], "single_label": True}
    return given | {"recipe": recipe}


def test_the_device_is_one_that_torch_has():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert pick_device().type == expected


@pytest.mark.gpu
def test_latents_of_cpu_and_gpu_agree(data):
    network = made(data, learn, "latents", recipe=LEARN)
    condensed = np.load(data / "condensed.npy")
    embedder = load_embedder(network)
    assert next(embedder.model.parameters()).device.type == "cuda"
    there = embed_frames(condensed, embedder)
    here = embed_frames(condensed, replace(embedder, model=embedder.model.cpu()))
    assert there.std() > 0.1
    assert np.abs(there - here).max() < 1e-3


@pytest.mark.gpu
def test_class_probabilities_of_cpu_and_gpu_agree(data):
    folder = made(data, train_classifier, "probabilities", **labelled(data))
    condensed = np.load(data / "condensed.npy")
    network = load_classifier(folder)
    assert next(network.residual.parameters()).device.type == "cuda"
    there = classify_frames(condensed, network)
    on_cpu = replace(network, residual=network.residual.cpu())
    here = classify_frames(condensed, on_cpu)
    assert there.std() > 0.1
    # Convolutions on a GPU round to ten bits (TF32).
    assert np.abs(there - here).max() < 5e-3


@pytest.mark.gpu
def test_a_training_on_a_gpu_follows_the_one_on_the_cpu(data, monkeypatch):
    on_gpu = made(data, learn, "on-gpu", recipe=LEARN)
    monkeypatch.setattr("workers.science.train.pick_device", lambda: torch.device("cpu"))
    on_cpu = made(data, learn, "on-cpu", recipe=LEARN)
    losses = [
        [point["reconstruction"] for point in load_card(folder)["curve"]] for folder in (on_gpu, on_cpu)
    ]
    # Products in bfloat16 have eight bits.
    assert np.allclose(*losses, rtol=0.05)
    assert all(tensor.device.type == "cpu" for tensor in load_tensors(on_gpu).values())


def test_a_cpu_computes_as_it_is_and_says_so():
    computing = pick_computing(torch.device("cpu"), 10**9)
    assert computing == Computing(torch.device("cpu"))
    assert computing.words == "cpu"
    with computing.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.parametrize("form", ["angular", "image"])
def test_a_compiled_training_on_a_gpu_follows_one_that_is_not(data, monkeypatch, form):
    """Long trainings are compiled; both compute in bfloat16 where the GPU has it."""
    recipe = LEARN | {"input": form}
    plain = made(data, learn, f"plain-{form}", recipe=recipe)
    monkeypatch.setattr("workers.science.device.WORTH_COMPILING", 1)
    compiled = made(data, learn, f"compiled-{form}", recipe=recipe)
    assert "compiled" in load_card(compiled)["computed_on"]
    losses = [[p["reconstruction"] for p in load_card(folder)["curve"]] for folder in (plain, compiled)]
    assert np.allclose(*losses, rtol=0.05)


@pytest.mark.gpu
def test_features_that_fit_stay_on_the_gpu_and_others_come_batch_by_batch(monkeypatch):
    features, rows = np.arange(40, dtype=np.float32).reshape(20, 2), torch.tensor([3, 3, 19])
    resident = Batches(features, torch.device("cuda"))
    assert resident.resident is not None
    monkeypatch.setattr("workers.science.batches.SHARE_OF_MEMORY", 0.0)
    gathered = Batches(features, torch.device("cuda"))
    assert gathered.resident is None
    assert torch.equal(resident.rows(rows), gathered.rows(rows))
    assert gathered.rows(rows).cpu().tolist() == features[[3, 3, 19]].tolist()
