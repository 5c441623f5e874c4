"""`manage.py cluster` clusters an array, and refuses in one line what is none."""

from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from sklearn.metrics import adjusted_rand_score


def run(*arguments):
    said = StringIO()
    call_command("cluster", *map(str, arguments), stdout=said)
    return said.getvalue()


def refusal(*arguments):
    with pytest.raises(SystemExit) as end:
        call_command("cluster", *map(str, arguments), stderr=(said := StringIO()))
    assert end.value.code == 2
    lines = said.getvalue().strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def latents(tmp_path):
    """A file of three kinds of point that lie apart, and the kinds."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(3, size=900)
    points = 6 * np.eye(4)[kinds] + 0.3 * rng.normal(size=(900, 4))
    np.save(tmp_path / "latents.npy", points.astype(np.float32))
    return tmp_path / "latents.npy", kinds


def test_labels_are_written_and_what_was_found_is_said(latents, tmp_path):
    path, kinds = latents
    said = run(path, "--out", tmp_path / "labels.npy")
    labels = np.load(tmp_path / "labels.npy")
    assert labels.dtype == np.int32
    assert adjusted_rand_score(kinds, labels) > 0.95
    assert "900 points in " in said
    assert " s: 3 clusters" in said
    assert "settings" in said
    assert sorted(file.name for file in tmp_path.iterdir()) == ["labels.npy", "latents.npy"]


def test_settings_that_are_given_are_those_that_are_used(latents, tmp_path):
    settings = ("--min-cluster-size", 40, "--min-samples", 7, "--selection", "leaf")
    said = run(latents[0], "--out", tmp_path / "labels.npy", *settings)
    assert "min_cluster_size 40, min_samples 7, leaf" in said


def test_what_is_no_array_is_refused_in_one_line_and_nothing_is_written(tmp_path):
    np.save(tmp_path / "latents.npy", np.array([[{}]]), allow_pickle=True)
    line = refusal(tmp_path / "latents.npy", "--out", tmp_path / "labels.npy")
    assert "latents.npy: it holds objects" in line
    assert not (tmp_path / "labels.npy").exists()


def test_a_place_that_cannot_be_written_is_refused(latents, tmp_path):
    assert "its folder is not there" in refusal(latents[0], "--out", tmp_path / "gone" / "labels.npy")
    assert "this is a folder" in refusal(latents[0], "--out", tmp_path)


def test_settings_that_make_no_sense_are_refused(latents, tmp_path):
    place = ("--out", tmp_path / "labels.npy")
    assert "min_cluster_size" in refusal(latents[0], *place, "--min-cluster-size", 1)
    assert "--threads" in refusal(latents[0], *place, "--threads", 0)
