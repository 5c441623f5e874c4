"""Labels that source files hold are read, and named where the files do not."""

import h5py
import numpy as np
import pytest

from tests.science.synthetic import diffraction_frames, write_entries
from workers.science.errors import SourceError
from workers.science.io import describe_source
from workers.science.steps.file_labels import CXIDB_94, name_labels, read_labels


@pytest.fixture
def labelled(tmp_path):
    frames, _ = diffraction_frames(5, 16)
    matrix = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)
    path = write_entries(tmp_path / "run.cxi", frames)
    with h5py.File(path, "a") as file:
        for number, row in enumerate(matrix, start=1):
            file[f"entry_{number}/note_1/data"] = row.astype(np.int64)
    return path, matrix


def test_the_labels_of_each_shot_are_read(labelled, tmp_path):
    path, matrix = labelled
    out = tmp_path / "out"
    out.mkdir()
    source = describe_source(sources=[path], roots=[str(tmp_path)])
    result = read_labels(source=source, out=str(out))
    assert result["n_labelled"] == 4
    assert len(result["classes"]) == 3
    with np.load(out / "labels.npz") as found:
        assert found["indices"].tolist() == [0, 2, 3, 4]
        assert (found["matrix"] == matrix[[0, 2, 3, 4]]).all()


def test_files_without_labels_are_refused_in_words(tmp_path):
    frames, _ = diffraction_frames(3, 16)
    path = write_entries(tmp_path / "run.cxi", frames)
    source = describe_source(sources=[path], roots=[str(tmp_path)])
    with pytest.raises(SourceError, match=r"holds no labels.*CSV"):
        read_labels(source=source, out=str(tmp_path))


def test_the_labels_of_cxidb_94_are_named_by_how_often_they_occur():
    order = np.random.default_rng(0).permutation(list(CXIDB_94))
    matrix = np.arange(7264)[:, None] < order[None]
    names = name_labels([f"label {place}" for place in range(1, 12)], matrix)
    assert names == [CXIDB_94[count] for count in order.tolist()]
    assert name_labels(list("abcdefghijk"), matrix[1:]) == list("abcdefghijk")
