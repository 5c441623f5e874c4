"""Files that are named together with those that link to them give each frame once."""

import h5py
import numpy as np
import pytest

from tests.science.io.layouts import assert_reads, describe

FRAMES = (np.arange(5 * 16 * 16) % 97).reshape(5, 16, 16).astype("u2")


@pytest.fixture
def data(tmp_path):
    """Write a file of frames; return its path."""
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        file["entry/data/data"] = FRAMES
    return tmp_path / "frames.h5"


@pytest.mark.parametrize("name", ["all.h5", "run.h5"])  # before and after the other one
def test_a_link_to_frames_that_are_named_as_well_does_not_double_them(data, name):
    with h5py.File(data.with_name(name), "w") as file:
        file["entry/data/data"] = h5py.ExternalLink("frames.h5", "/entry/data/data")
    description = describe(*sorted([data, data.with_name(name)]))
    assert_reads(description, FRAMES)
    assert [segment["file"] for segment in description["segments"]] == [str(data.with_name(name))]
    assert "read by way of others" in description["warnings"][0]


def test_sources_of_a_virtual_dataset_do_not_come_twice(data):
    layout = h5py.VirtualLayout(FRAMES.shape, "u2")
    layout[...] = h5py.VirtualSource("frames.h5", "entry/data/data", FRAMES.shape)
    with h5py.File(data.with_name("virtual.h5"), "w") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    assert_reads(describe(data, data.with_name("virtual.h5")), FRAMES)


def test_a_mask_that_is_borrowed_from_a_file_of_frames_leaves_its_frames_alone(tmp_path):
    for name, part in (("run_1.cxi", FRAMES[:2]), ("run_2.cxi", FRAMES[2:])):
        with h5py.File(tmp_path / name, "w") as file:
            detector = file.create_group("entry_1/instrument_1/detector_1")
            detector["data"] = part
            mask = "entry_1/instrument_1/detector_1/mask"
            file[mask] = (
                h5py.ExternalLink("run_1.cxi", mask) if name == "run_2.cxi" else np.zeros((16, 16), "u4")
            )
    assert_reads(describe(tmp_path / "run_1.cxi", tmp_path / "run_2.cxi"), FRAMES)
