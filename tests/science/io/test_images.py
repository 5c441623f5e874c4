"""CBF, EDF and SMV: what fabio writes is read, and what is damaged or points elsewhere is refused."""

import os
import struct

import fabio
import numpy as np
import pytest
from fabio.adscimage import AdscImage
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage

from tests.science.io.layouts import assert_reads, describe, read_all, try_all
from tests.science.synthetic import diffraction_frames
from workers.science.errors import SourceError
from workers.science.io import open_source


@pytest.fixture
def frames():
    return diffraction_frames(4, 24)[0][:, :20].astype(np.int32)


def write_edf(path, frames, **header):
    image = EdfImage(data=frames[0], header=header)
    for frame in frames[1:]:
        image.append_frame(data=frame)
    image.write(str(path))
    return path


def test_frames_of_cbf_files_are_a_stack_in_natural_order(tmp_path, frames):
    frames[0, 3, 4:9] = (-1, -2, 2**31 - 1, 40_000, 200)
    for number, frame in enumerate(frames):
        CbfImage(data=frame).write(str(tmp_path / f"shot_{8 + number}.cbf"))
    description = describe(tmp_path)
    assert (description["reader"], description["dataset_path"]) == ("cbf", "image")
    assert_reads(description, frames)


def test_cbf_is_read_as_fabio_reads_it(tmp_path):
    frame = np.random.default_rng(0).integers(-(2**31), 2**31 - 1, (64, 48)).astype(np.int32)
    frame[::2] %= 300
    CbfImage(data=frame).write(str(tmp_path / "a.cbf"))
    assert np.array_equal(read_all(describe(tmp_path / "a.cbf"))[0], fabio.open(str(tmp_path / "a.cbf")).data)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"Fastest-Dimension: 24", b"Fastest-Dimension: 99", "claims 20 x 99 pixels|fewer pixels"),
        (b"Fastest-Dimension: 24", b"Fastest-Dimension: 25", "claims|fewer pixels"),
        (b"Fastest-Dimension: 24", b"Fastest-Dimension: -4", "does not say"),
        (b"Fastest-Dimension: 24", b"Fastest-Dimension: 2 ", "20 x 2 pixels"),
        (b"x-CBF_BYTE_OFFSET", b"x-CBF_PACKED_____", "x-CBF_PACKED_____"),
        (b"x-CBF_BYTE_OFFSET", b"\xff-CBF_BYTE_OFFSE", "not as byte offsets"),
        (b"signed 32-bit", b"signed 33-bit", "33-bit"),
        (b"LITTLE_ENDIAN", b"BIGGER_ENDIAN", "big endian"),
        (b"\x0c\x1a\x04\xd5", b"\x0c\x1a\x04\xd6", "no binary section"),
        (b"--CIF-BINARY-FORMAT-SECTION--", b"--CIF-BINARY-FORMAT-SECTIOM--", "no binary section"),
        (b"X-Binary-Size: ", b"X-Binary-Size: 9999", "truncated"),
        (b"X-Binary-Size: ", b"X-Binary-Sise: ", "x-binary-size"),
    ],
)
def test_cbf_whose_header_lies_is_refused(tmp_path, frames, old, new, words):
    CbfImage(data=frames[0]).write(str(tmp_path / "a.cbf"))
    whole = (tmp_path / "a.cbf").read_bytes()
    assert old in whole
    (tmp_path / "a.cbf").write_bytes(whole.replace(old, new))
    with pytest.raises(SourceError, match=words):
        read_all(describe(tmp_path / "a.cbf"))


def test_cbf_that_is_cut_short_or_damaged_is_refused(tmp_path, frames):
    CbfImage(data=frames[0]).write(str(tmp_path / "a.cbf"))
    whole = (tmp_path / "a.cbf").read_bytes()
    start = whole.index(b"\x0c\x1a\x04\xd5")
    for length in (8, 100, start, start + 4, start + 200):
        (tmp_path / "a.cbf").write_bytes(whole[:length])
        with pytest.raises(SourceError, match=r"a\.cbf"):
            describe(tmp_path / "a.cbf")
    damaged = bytearray(whole)
    damaged[start + 100] ^= 1
    (tmp_path / "a.cbf").write_bytes(damaged)
    with pytest.raises(SourceError, match="checksum"):
        read_all(describe(tmp_path / "a.cbf"))


def test_cbf_whose_last_difference_runs_over_the_end_is_refused(tmp_path, frames):
    CbfImage(data=frames[0]).write(str(tmp_path / "a.cbf"))
    whole = (tmp_path / "a.cbf").read_bytes()
    start = whole.index(b"\x0c\x1a\x04\xd5") + 4
    size = int(whole.split(b"X-Binary-Size: ")[1].split()[0])
    pixels = bytearray(whole[start : start + size])
    pixels[-2:] = b"\x80\x00"
    without_checksum = whole[:start].replace(b"Content-MD5", b"Content-MD6")
    (tmp_path / "a.cbf").write_bytes(without_checksum + pixels + whole[start + size :])
    with pytest.raises(SourceError, match="fewer pixels"):
        read_all(describe(tmp_path / "a.cbf"))


@pytest.mark.parametrize(
    "kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
)
def test_edf_of_several_frames_and_each_type_is_read(tmp_path, frames, kind):
    description = describe(write_edf(tmp_path / "a.edf", (frames % 100).astype(kind)))
    assert (description["reader"], description["n_frames"]) == ("edf", 4)
    assert_reads(description, (frames % 100).astype(kind))


def test_edf_files_of_one_and_of_several_frames_join(tmp_path, frames):
    write_edf(tmp_path / "run_10.edf", frames[1:])
    write_edf(tmp_path / "run_9.edf", frames[:1])
    assert_reads(describe(tmp_path / "run_*.edf", root=tmp_path), frames)


def edf_bytes(text, pixels):
    header = b"{\n" + text.encode() + b"\n"
    return header + b" " * (510 - len(header) % 512) + b"}\n" + pixels


@pytest.mark.parametrize("order", ["HighByteFirst", "LowByteFirst"])
def test_edf_in_either_byte_order_and_as_a_cube_is_read(tmp_path, frames, order):
    kind = ">u2" if order == "HighByteFirst" else "<u2"
    text = f"ByteOrder = {order} ;\nDataType = UnsignedShort ;\nDim_1 = 24 ;\nDim_2 = 20 ;\nDim_3 = 4 ;"
    (tmp_path / "a.edf").write_bytes(edf_bytes(text, frames.astype(kind).tobytes()))
    assert_reads(describe(tmp_path / "a.edf"), frames.astype(np.uint16))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DataType = UnsignedShort ; Dim_1 = 24 ; Dim_2 = 4000000 ;", "4000000 x 24 pixels"),
        ("DataType = UnsignedShort ; Dim_1 = 24 ; Dim_2 = 999 ;", "truncated"),
        (
            "DataType = UnsignedShort ; Dim_1 = 24 ; Dim_2 = 20 ; Dim_3 = 99999999999 ;",
            "more than can be true",
        ),
        ("DataType = UnsignedShort ; Dim_1 = 24 ; Dim_2 = 20 ; Dim_3 = 0 ;", "0 frames"),
        ("DataType = UnsignedShort ; Dim_1 = -24 ; Dim_2 = 20 ;", "dim_1"),
        ("DataType = UnsignedShort ; Dim_1 = 24 ;", "dim_2"),
        ("DataType = UnsignedShort ; Dim_1 = 24 ; Dim_2 = 20 ; Size = many ;", "does not say size"),
        ("DataType = QuadrupleValue ; Dim_1 = 24 ; Dim_2 = 20 ;", "QuadrupleValue"),
        ("DataType = UnsignedShort ; Dim_1 = 24 ; Dim_2 = 20 ; Compression = GZIP ;", "compressed"),
        (
            "EDF_BinaryFileName = other.bin ; DataType = UnsignedShort ; Dim_1 = 24 ; Dim_2 = 20 ;",
            "another file",
        ),
    ],
)
def test_edf_that_lies_or_points_elsewhere_is_refused(tmp_path, text, words):
    (tmp_path / "other.bin").write_bytes(b"\x07" * 960)
    (tmp_path / "a.edf").write_bytes(edf_bytes(text, bytes(960)))
    with pytest.raises(SourceError, match=words):
        describe(tmp_path / "a.edf")


def test_edf_without_an_end_of_its_header_is_refused(tmp_path):
    (tmp_path / "a.edf").write_bytes(b"{\nDim_1 = 24 ;\n" + b" " * 200_000)
    with pytest.raises(SourceError, match="no end"):
        describe(tmp_path / "a.edf")


def test_headers_full_of_blanks_are_read_in_one_pass(tmp_path, frames):
    blanks = " " * 60_000
    text = f"DataType = UnsignedShort ; Dim_1 = 24 ;{blanks}Dim_2 = 20 ;"
    (tmp_path / "a.edf").write_bytes(edf_bytes(text, frames[0].astype("<u2").tobytes()))
    assert_reads(describe(tmp_path / "a.edf"), frames[:1].astype(np.uint16))
    CbfImage(data=frames[0]).write(str(tmp_path / "a.cbf"))
    whole = (tmp_path / "a.cbf").read_bytes()
    (tmp_path / "a.cbf").write_bytes(whole.replace(b"X-Binary-ID:", b"X-Binary-ID:" + blanks.encode() * 4))
    assert_reads(describe(tmp_path / "a.cbf"), frames[:1])


def test_edf_whose_frames_differ_is_refused(tmp_path, frames):
    write_edf(tmp_path / "a.edf", frames[:2])
    write_edf(tmp_path / "b.edf", frames[:1, :10])
    whole = (tmp_path / "a.edf").read_bytes() + (tmp_path / "b.edf").read_bytes()
    (tmp_path / "c.edf").write_bytes(whole)
    with pytest.raises(SourceError, match="frame 2 has another shape"):
        describe(tmp_path / "c.edf")


def test_truncated_and_flipped_edf_files_end_in_a_line_that_names_them_or_in_frames(tmp_path, frames):
    whole = write_edf(tmp_path / "a.edf", frames).read_bytes()
    for length in (1, 2, 100, 511, 512, 600, len(whole) - 1):
        (tmp_path / "a.edf").write_bytes(whole[:length])
        assert "a.edf" in try_all(tmp_path / "a.edf")[1]
    random = np.random.default_rng(2)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, 512, 4):
            damaged[place] ^= 1 << int(random.integers(8))
        (tmp_path / "a.edf").write_bytes(damaged)
        found, line = try_all(tmp_path / "a.edf")
        assert "a.edf" in line if found is None else found.ndim == 3


def test_smv_is_read(tmp_path, frames):
    AdscImage(data=frames[0].astype(np.uint16)).write(str(tmp_path / "a.img"))
    assert_reads(describe(tmp_path / "a.img"), frames[:1].astype(np.uint16))
    header = "{\nHEADER_BYTES=1024;\nSIZE1=24;\nSIZE2=20;\nTYPE=unsigned_short;\nBYTE_ORDER=big_endian;\n}\n"
    pixels = struct.pack(">480H", *frames[1].ravel())
    (tmp_path / "b.img").write_bytes(header.encode().ljust(1024) + pixels)
    assert_reads(describe(tmp_path / "b.img"), frames[1:2].astype(np.uint16))


def test_one_damaged_file_of_many_is_left_out_and_told_of(tmp_path, frames):
    for number, frame in enumerate(frames):
        CbfImage(data=frame).write(str(tmp_path / f"{number}.cbf"))
    whole = (tmp_path / "1.cbf").read_bytes()
    (tmp_path / "1.cbf").write_bytes(whole[:900])
    (tmp_path / "2.cbf").write_bytes(b"nothing of this kind")
    sources = [tmp_path / f"{number}.cbf" for number in range(5)]
    description = describe(*sources)
    states = {item["file"]: item["state"] for item in description["states"]}
    assert states == {
        str(sources[1]): "unreadable",
        str(sources[2]): "unreadable",
        str(sources[4]): "missing",
    }
    assert all(item["file"] in item["words"] for item in description["states"])
    assert [item["path"] for item in description["files"]] == [str(sources[0]), str(sources[3])]
    assert_reads(description, frames[[0, 3]])


def test_files_of_another_shape_or_type_are_refused(tmp_path, frames):
    write_edf(tmp_path / "a.edf", frames)
    write_edf(tmp_path / "b.edf", frames[:, :10])
    with pytest.raises(SourceError, match="10 x 24 int32, the first file of 20 x 24 int32"):
        describe(tmp_path / "a.edf", tmp_path / "b.edf")
    write_edf(tmp_path / "b.edf", frames.astype(np.float32))
    with pytest.raises(SourceError, match="two data sets"):
        describe(tmp_path / "a.edf", tmp_path / "b.edf")


def test_no_reader_keeps_files_open(tmp_path, frames):
    write_edf(tmp_path / "a.edf", frames)
    CbfImage(data=frames[0]).write(str(tmp_path / "a.cbf"))
    (tmp_path / "bad.cbf").write_bytes((tmp_path / "a.cbf").read_bytes()[:900])
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for name in ("a.edf", "a.cbf", "bad.cbf"):
        try_all(tmp_path / name)
    with open_source(describe(tmp_path / "a.edf")) as reader:
        reader.read(0, 4)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
