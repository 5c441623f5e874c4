"""TIFF stacks are read page by page or at once, and never from another file."""

import os
import struct

import numpy as np
import pytest
import tifffile

from tests.science.io.layouts import assert_reads, describe, read_all, try_all
from tests.science.synthetic import diffraction_frames
from workers.science.errors import SourceError
from workers.science.io import open_source


@pytest.fixture
def frames():
    return diffraction_frames(6, 24)[0][:, :20]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metadata": None},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"contiguous": False, "metadata": None},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "zstd", "bigtiff": True},
        {"compression": "packbits"},
        {"tile": (16, 16)},
        {"tile": (16, 16), "compression": "zlib"},
        {"rowsperstrip": 7, "compression": "zlib"},
        {"imagej": True},
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"imagej": True, "compression": "zlib"},
        {"ome": True},
    ],
    ids=str,
)
def test_stack_is_read_as_it_was_written(tmp_path, frames, options):
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric="minisblack", **options)
    description = describe(tmp_path / "a.tif")
    assert (description["reader"], description["dataset_path"]) == ("tiff", "series_0")
    assert_reads(description, frames)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint32", "int32", "float32", "float64"])
def test_each_type_of_pixel_is_read(tmp_path, frames, kind):
    tifffile.imwrite(tmp_path / "a.tif", (frames % 100).astype(kind), photometric="minisblack")
    assert_reads(describe(tmp_path / "a.tif"), (frames % 100).astype(kind))


def test_stack_of_imagej_with_one_page_is_read_whole(tmp_path, frames):
    with tifffile.TiffWriter(tmp_path / "a.tif", imagej=True) as file:
        file.write(frames.reshape(3, 2, 20, 24), metadata={"axes": "TZYX"})
    whole = bytearray((tmp_path / "a.tif").read_bytes())
    # ImageJ itself ends the list of pages after the first where a stack is large
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        first, n_tags = file.pages[0].offset, len(file.pages[0].tags)
    whole[first + 2 + 12 * n_tags : first + 6 + 12 * n_tags] = bytes(4)
    (tmp_path / "a.tif").write_bytes(whole)
    assert_reads(describe(tmp_path / "a.tif"), frames)


def test_single_pages_are_a_stack_in_natural_order(tmp_path, frames):
    for number, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"run_{number * 2}.tif", frame)
    description = describe(tmp_path)
    assert [os.path.basename(item["path"]) for item in description["files"]] == [  # noqa: PTH119
        f"run_{number}.tif" for number in (0, 2, 4, 6, 8, 10)
    ]
    assert_reads(description, frames)


def test_pages_of_another_shape_are_told_of(tmp_path, frames):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(frames[0, :10], metadata=None)
        for frame in frames[1:]:
            file.write(frame, metadata=None)
    description = describe(tmp_path / "a.tif")
    assert "more pages of another shape" in " ".join(description["warnings"])
    assert_reads(description, frames[1:])
    names = [item["path"] for item in description["candidates"]]
    assert_reads(describe(tmp_path / "a.tif", dataset_path=names[1]), frames[:1, :10])


def test_colours_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 24, 3), np.uint8), photometric="rgb")
    with pytest.raises(SourceError, match="without colours"):
        describe(tmp_path / "a.tif")


def test_complex_and_boolean_pixels_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 20, 24), complex), photometric="minisblack")
    with pytest.raises(SourceError, match="complex"):
        describe(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((4, 20, 24), bool))
    with pytest.raises(SourceError, match="not plain numbers"):
        describe(tmp_path / "b.tif")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"imagej": True}], ids=str)
def test_every_truncation_is_refused_or_seen_when_it_is_read(tmp_path, frames, options):
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric="minisblack", **options)
    whole = (tmp_path / "a.tif").read_bytes()
    for length in (3, 4, 9, 100, 300, len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.tif").write_bytes(whole[:length])
        found, line = try_all(tmp_path / "a.tif")
        # fewer pages, but no wrong ones
        assert "a.tif" in line if found is None else np.array_equal(found, frames[: len(found)])


def test_flipped_bytes_end_in_a_line_that_names_the_file_or_in_frames(tmp_path, frames):
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric="minisblack", compression="zlib")
    whole = (tmp_path / "a.tif").read_bytes()
    random = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 6):
            damaged[place] ^= 1 << int(random.integers(8))
        (tmp_path / "a.tif").write_bytes(damaged)
        found, line = try_all(tmp_path / "a.tif")
        assert "a.tif" in line if found is None else found.ndim == 3


def test_page_that_claims_to_be_huge_is_refused(tmp_path, frames):
    tifffile.imwrite(tmp_path / "a.tif", frames[0], metadata=None)
    whole = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        width, height = (file.pages[0].tags[code].valueoffset for code in (256, 257))
        kind = "<H" if file.pages[0].tags[256].dtype == 3 else "<I"
    for offset in (width, height):
        whole[offset : offset + struct.calcsize(kind)] = struct.pack(kind, 60_000)
    (tmp_path / "a.tif").write_bytes(whole)
    with pytest.raises(SourceError, match="60000 x 60000"):
        describe(tmp_path / "a.tif")


def test_list_of_pages_that_runs_in_a_circle_ends(tmp_path, frames):
    tifffile.imwrite(tmp_path / "a.tif", frames, metadata=None, contiguous=False)
    whole = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        last, n_tags = file.pages[-1].offset, len(file.pages[-1].tags)
        first = file.pages[0].offset
    whole[last + 2 + 12 * n_tags : last + 6 + 12 * n_tags] = struct.pack("<I", first)
    (tmp_path / "a.tif").write_bytes(whole)
    found, line = try_all(tmp_path / "a.tif")
    assert "a.tif" in line if found is None else np.array_equal(found, frames[: len(found)])


def test_file_that_names_others_gives_none_of_their_bytes(tmp_path, frames):
    (tmp_path / "root").mkdir()
    tifffile.imwrite(tmp_path / "secret.ome.tif", np.full((2, 20, 24), 4242, np.uint16), ome=True)
    with tifffile.TiffFile(tmp_path / "secret.ome.tif") as file:
        text = file.ome_metadata
    planes = (
        '<TiffData IFD="0" PlaneCount="2"><UUID FileName="../secret.ome.tif">urn:uuid:1</UUID></TiffData>'
    )
    start, stop = text.index("<TiffData"), text.index("</Pixels>")
    forged = text[:start] + planes + text[stop:]
    path = tmp_path / "root" / "a.ome.tif"
    tifffile.imwrite(path, frames[:1], description=forged, metadata=None)
    assert np.array_equal(read_all(describe(path)), frames[:1])


def test_fingerprint_guards_what_was_described(tmp_path, frames):
    tifffile.imwrite(tmp_path / "a.tif", frames)
    description = describe(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", frames + 1)
    with pytest.raises(SourceError, match="has changed"), open_source(description) as reader:
        reader.read(0, 1)
