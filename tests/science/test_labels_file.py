from pathlib import Path

import numpy as np
import pytest

from workers.science.errors import TrainingError
from workers.science.labels_file import (
    LabelsError,
    check_classes,
    read_labels_csv,
    read_labels_npz,
    write_labels_npz,
)


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_csv_gives_frames_classes_and_matrix_in_the_order_of_the_file(tmp_path):
    path = csv_file(tmp_path, "index,classes\n7,Round;Layered\n2,Streak\n5,\n")
    indices, matrix, classes = read_labels_csv(path, 10)
    assert indices.dtype == np.int64
    assert indices.tolist() == [7, 2, 5]
    assert classes == ["Round", "Layered", "Streak"]
    assert matrix.tolist() == [[True, True, False], [False, False, True], [False, False, False]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_may_begin_with_a_byte_order_mark_and_end_lines_like_windows(tmp_path, encoding):
    path = csv_file(tmp_path, "index,classes\r\n0,Übergroß\r\n", encoding)
    assert read_labels_csv(path, 1)[2] == ["Übergroß"]


def test_known_classes_keep_their_order_and_absent_ones_their_column(tmp_path):
    path = csv_file(tmp_path, "index,classes\n0,Streak\n")
    _, matrix, classes = read_labels_csv(path, 1, ["Round", "Streak"])
    assert classes == ["Round", "Streak"]
    assert matrix.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("frame,classes\n0,A\n", "line 1", "frame,classes"),
        ("index,classes\n0,A\n\n0,B\n", "line 4", "already labelled in line 2"),
        ("index,classes\n3,A\n", "line 2", "outside"),
        ("index,classes\n-1,A\n", "line 2", "not a frame number"),
        ("index,classes\n1.0,A\n", "line 2", "not a frame number"),
        ("index,classes\n²,A\n", "line 2", "not a frame number"),
        ("index,classes\n" + "9" * 9000 + ",A\n", "line 2", "outside"),
        ("index,classes\n0,A,B\n", "line 2", "3 fields"),
        ("index,classes\n0\n", "line 2", "1 fields"),
        ('index,classes\n0,"A\n', "line 2", "not valid CSV"),
        ("index,classes\n0,Rund\n", "line 2", "not in the scheme"),
        ("index,classes\n", "labels.csv", "holds no labels"),
        ("", "line 1", "header"),
    ],
)
def test_a_wrong_csv_is_refused_in_one_line_that_says_where_and_why(tmp_path, text, line, cause):
    path = csv_file(tmp_path, text)
    with pytest.raises(LabelsError) as caught:
        read_labels_csv(path, 3, ["A", "B"])
    message = str(caught.value)
    assert "labels.csv" in message
    assert line in message
    assert cause in message
    assert "\n" not in message


def test_a_csv_that_is_not_utf8_or_not_there_is_refused(tmp_path):
    with pytest.raises(LabelsError, match="UTF-8"):
        read_labels_csv(csv_file(tmp_path, "index,classes\n0,größer\n", "latin-1"), 3)
    with pytest.raises(LabelsError, match="cannot be read"):
        read_labels_csv(tmp_path / "absent.csv", 3)


def test_npz_comes_back_as_it_was_written(tmp_path):
    matrix = np.array([[True, False], [False, False]])
    write_labels_npz(tmp_path / "l.npz", np.array([4, 1]), matrix, np.array(["ada", "bob"]))
    labels = read_labels_npz(tmp_path / "l.npz", 5, 2)
    assert labels.indices.tolist() == [4, 1]
    assert (labels.matrix == matrix).all()
    assert labels.labelled_by.tolist() == ["ada", "bob"]


def test_npz_without_names_has_empty_ones(tmp_path):
    write_labels_npz(tmp_path / "l.npz", np.array([0]), np.ones((1, 1), bool))
    assert read_labels_npz(tmp_path / "l.npz", 1, 1).labelled_by.tolist() == [""]


@pytest.mark.parametrize(
    ("indices", "shape", "cause"),
    [
        (np.array([0, 0]), (2, 2), "twice"),
        (np.array([0, 5]), (2, 2), "outside"),
        (np.array([-1, 1]), (2, 2), "outside"),
        (np.array([0, 1]), (2, 3), "do not fit"),
        (np.array([0, 1, 2]), (2, 2), "do not fit"),
    ],
)
def test_npz_that_does_not_fit_the_data_is_refused(tmp_path, indices, shape, cause):
    write_labels_npz(tmp_path / "l.npz", indices, np.ones(shape, bool))
    with pytest.raises(TrainingError, match=cause):
        read_labels_npz(tmp_path / "l.npz", 5, 2)


def test_a_file_that_is_no_npz_or_holds_objects_is_refused(tmp_path):
    (tmp_path / "l.npz").write_bytes(b"not a zip")
    with pytest.raises(LabelsError, match="not a file of labels"):
        read_labels_npz(tmp_path / "l.npz", 5, 2)
    objects = np.array([{"a": 1}], object)
    np.savez(tmp_path / "o.npz", indices=objects, matrix=objects)
    with pytest.raises(LabelsError, match="not a file of labels"):
        read_labels_npz(tmp_path / "o.npz", 5, 2)


@pytest.mark.parametrize("classes", [[], [""], ["A", "A"], ["A;B"], ["A\nB"]])
def test_class_names_that_a_csv_could_not_tell_apart_are_refused(classes):
    with pytest.raises(LabelsError):
        check_classes(classes)
