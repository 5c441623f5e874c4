"""Arrays that somebody brings are read, and what is none is refused in one sentence."""

import numpy as np
import pytest

from workers.science.errors import ScienceError
from workers.science.points_file import load_points

BAD = {
    "text": (lambda file: file.write_text("1 2 3"), "no array of numpy"),
    "nothing": (lambda file: file.touch(), "no array of numpy"),
    "an archive": (lambda file: np.savez(file.open("wb"), a=np.ones((3, 3))), "no array of numpy"),
    "a line": (lambda file: np.save(file, np.zeros(9, np.float32)), "its shape is 9"),
    "a number": (lambda file: np.save(file, np.float32(9)), "its shape is a single number"),
    "no rows": (lambda file: np.save(file, np.zeros((0, 3), np.float32)), "its shape is 0 x 3"),
    "no columns": (lambda file: np.save(file, np.zeros((3, 0), np.float32)), "its shape is 3 x 0"),
    "nan": (lambda file: np.save(file, np.float32([[0, 1], [np.nan, 2]])), "row 1"),
    "infinity": (lambda file: np.save(file, np.float32([[0, np.inf], [0, 2]])), "row 0"),
    "too large": (lambda file: np.save(file, np.float64([[1e300, 1]])), "row 0"),
    "objects": (lambda file: np.save(file, np.array([[{}]]), allow_pickle=True), "it holds objects"),
    "words": (lambda file: np.save(file, np.array([["a", "b"]])), "not numbers"),
    "complex": (lambda file: np.save(file, np.zeros((3, 2), complex)), "not numbers"),
    "a folder": (lambda file: file.mkdir(), "irectory"),
    "no file": (lambda file: None, "No such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_array_of_points_is_refused(tmp_path, name):
    write, expected = BAD[name]
    write(tmp_path / "latents.npy")
    with pytest.raises(ScienceError) as refused:
        load_points(tmp_path / "latents.npy")
    assert "latents.npy: " in str(refused.value)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_array_that_is_cut_off_is_refused(tmp_path):
    np.save(tmp_path / "latents.npy", np.ones((100, 5), np.float32))
    (tmp_path / "latents.npy").write_bytes((tmp_path / "latents.npy").read_bytes()[:1000])
    with pytest.raises(ScienceError, match="cut off"):
        load_points(tmp_path / "latents.npy")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int16, ">f4"])
def test_arrays_of_all_sorts_of_numbers_are_read(tmp_path, dtype):
    numbers = np.arange(12).reshape(4, 3)
    np.save(tmp_path / "latents.npy", numbers.astype(dtype))
    points = load_points(tmp_path / "latents.npy")
    assert points.dtype == np.float32
    assert np.array_equal(points, numbers)
