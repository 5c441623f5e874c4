import json

import numpy as np
import pytest
import torch

from workers.science import network
from workers.science.errors import ScienceError


@pytest.fixture
def geometry(tmp_path):
    folder = tmp_path / "condensed"
    folder.mkdir()
    np.savez(folder / "geometry.npz", mask=np.ones((4, 5), bool), centre=(1.5, 2.5), scale_max=100.0, size=4)
    return folder


def test_a_saved_network_comes_back_with_its_weights_card_and_geometry(tmp_path, geometry):
    state = {"a": torch.arange(6.0).reshape(2, 3).T, "n": torch.tensor(7)}
    network.save_network(tmp_path, state, {"kind": "factorvae", "seed": 3}, geometry)
    back = network.load_tensors(tmp_path)
    assert torch.equal(back["a"], state["a"])
    assert back["n"].item() == 7
    assert network.load_card(tmp_path) == {"kind": "factorvae", "seed": 3}
    assert np.load(tmp_path / "geometry.npz")["mask"].shape == (4, 5)


def test_weights_that_share_memory_can_be_saved(tmp_path, geometry):
    weight = torch.ones(3)
    network.save_network(
        tmp_path, {"a": weight, "b": weight}, {"kind": "classifier"}, geometry / "geometry.npz"
    )
    assert set(network.load_tensors(tmp_path)) == {"a", "b"}


def test_a_card_with_nan_is_refused_before_anything_is_written(tmp_path, geometry):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ValueError, match="JSON"):
        network.save_network(out, {}, {"kind": "factorvae", "loss": float("nan")}, geometry)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[1]", '{"kind": "pickle"}'])
def test_a_folder_without_a_real_card_is_refused(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ScienceError, match=r"card\.json"):
        network.load_card(tmp_path)


def test_damaged_weights_are_a_sentence_for_the_user(tmp_path):
    (tmp_path / "network.safetensors").write_bytes(b"\x80\x04pickle, or so")
    with pytest.raises(ScienceError, match="weights"):
        network.load_tensors(tmp_path)
    with pytest.raises(ScienceError, match="weights"):
        network.load_tensors(tmp_path / "absent")


def test_a_classifier_is_not_taken_for_a_factorvae():
    with pytest.raises(ScienceError, match="needs a factorvae"):
        network.require_kind(json.loads('{"kind": "classifier"}'), "factorvae")
