"""Streams of LZW that encoders write are sound, and those that would crash the decoder are not."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from tests.science.io.layouts import describe, read_all
from workers.science.errors import SourceError
from workers.science.io import lzw
from workers.science.io.lzw import is_sound


@pytest.mark.parametrize("length", [1, 2, 250, 254, 255, 5000, 40_000])
@pytest.mark.parametrize("kind", ["noise", "counts", "zeros", "ramp"])
def test_what_an_encoder_writes_is_sound(length, kind):
    random = np.random.default_rng(length)
    content = {
        "noise": random.integers(0, 256, length),
        "counts": random.poisson(1.0, length),
        "zeros": np.zeros(length),
        "ramp": np.arange(length) % 251,
    }[kind].astype(np.uint8)
    stream = imagecodecs.lzw_encode(content.tobytes())
    assert is_sound(stream)
    assert is_sound(stream[: len(stream) // 2 + 2])  # cut short, but every code stands for something


def pack(codes):
    """Write codes of 9 bits."""
    bits = "".join(f"{code:09b}" for code in codes)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([256, 5, 258, 257], True),
        ([256, 5, 6, 258, 259, 257], True),
        ([256, 257], True),
        ([256, 256, 5, 257], True),
        ([256, 5, 256, 7, 7, 257], True),
        ([5, 6, 257], False),
        ([256, 258, 257], False),
        ([256, 5, 259, 257], False),
        ([256, 5, 6, 260, 257], False),
        ([256, 5, 256, 300, 257], False),
        ([256, *[5] * 100, 400, 257], False),
        ([], False),
    ],
)
def test_a_code_that_stands_for_nothing_yet_is_noticed(codes, expected):
    assert is_sound(pack(codes) if codes else b"") is expected


def test_a_table_that_is_never_cleared_is_not_sound():
    n_codes = lzw._LONGEST_RUN + 10
    bits = f"{256:09b}" + "".join(f"{7:0{width}b}" for width in lzw._WIDTHS) + f"{7:012b}" * 10
    stream = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    assert n_codes > 3000
    assert not is_sound(stream)


def test_tiff_whose_codes_stand_for_nothing_is_refused(tmp_path):
    frames = np.random.default_rng(0).poisson(1.0, (2, 16, 16)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", frames, compression="lzw", photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        offset = file.pages[1].dataoffsets[0]
    whole = bytearray((tmp_path / "a.tif").read_bytes())
    whole[offset : offset + 6] = pack([256, 5, 400, 400, 400])
    (tmp_path / "a.tif").write_bytes(whole)
    with pytest.raises(SourceError, match="stands for nothing"):
        read_all(describe(tmp_path / "a.tif"))


def test_compression_that_is_not_on_the_list_is_refused(tmp_path):
    frames = np.zeros((2, 16, 16), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", frames, compression="jpeg2000", photometric="minisblack")
    with pytest.raises(SourceError, match="not on the list"):
        read_all(describe(tmp_path / "a.tif"))
