"""What is no file, what has the wrong name, and the formats that are not HDF5, made to harm."""

import io
import os
import pickle
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import tifffile

from tests.science.io.hostile.cases import (
    EITHER,
    READ,
    SECRET_FILE,
    SECRET_HDF5,
    Case,
    Cases,
    from_bytes,
    numbered_frames,
)
from tests.science.io.layouts import write_emc, write_sparse_h5

MIB = 2**20
_NPY = b"\x93NUMPY"


def other_cases() -> Cases:
    """Yield all files that are no HDF5, or no files."""
    yield from _no_regular_files()
    yield from _wrong_names()
    yield from _npy()
    yield from _npz()
    yield from _tiff()
    yield from _photons()
    yield from _single_images()


def _no_regular_files() -> Cases:
    def bind(path: Path, outside: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            here = os.open(path.parent, os.O_PATH)
            server.bind(f"/proc/self/fd/{here}/{path.name}")  # a socket's whole path may have 107 bytes
            os.close(here)

    links = {
        "secret": lambda outside: outside / SECRET_HDF5,
        "secret_bytes": lambda outside: outside / SECRET_FILE,
        "users": lambda outside: "/etc/passwd",
        "zeros": lambda outside: "/dev/zero",
        "memory": lambda outside: "/proc/self/mem",
        "root": lambda outside: "/",
        "nothing": lambda outside: "absent",
        "itself": lambda outside: "symlink_itself.h5",
        "dots": lambda outside: f"../../outside/{SECRET_HDF5}",
        "proc": lambda outside: "/proc/self/cwd/pyproject.toml",
    }
    yield Case("fifo.h5", lambda path, outside: os.mkfifo(path))
    yield Case("fifo.npy", lambda path, outside: os.mkfifo(path))
    yield Case("socket.h5", bind)
    yield Case("folder.h5", lambda path, outside: path.mkdir())
    yield Case("absent.h5", lambda path, outside: None)
    for name, target in links.items():

        def link(path: Path, outside: Path, target: Callable[[Path], object] = target) -> None:
            path.symlink_to(target(outside))

        yield Case(f"symlink_{name}.h5", link)


def _wrong_names() -> Cases:
    contents = {
        "text.h5": b"this is no HDF5 file\n" * 100,
        "nothing.npy": b"",
        "signature.h5": b"\x89HDF\r\n\x1a\n",
        "signature_late.h5": bytes(2048) + b"\x89HDF\r\n\x1a\n",
        "zeros.h5": bytes(100_000),
        "zeros.tif": bytes(100_000),
        "zeros.emc": bytes(100_000),
        "page.h5": b"<html><script>alert(1)</script></html>",
        "program.cxi": b"\x7fELF" + bytes(5000),
        "picture.h5": b"\x89PNG\r\n\x1a\n" + bytes(5000),
        "packed.h5": b"\x1f\x8b\x08" + bytes(5000),
        "pickle.npy": pickle.dumps({"a": 1}),
        "database.h5": b"SQLite format 3\0" + bytes(5000),
        "noise.h5": np.random.default_rng(0).bytes(5000),
        "noise.npz": np.random.default_rng(1).bytes(5000),
        "noise.tif": b"II*\0" + np.random.default_rng(2).bytes(5000),
        "noise.emc": np.random.default_rng(3).bytes(5000),
        "noise.cbf": b"###CBF: VERSION 1.5\r\n" + np.random.default_rng(4).bytes(5000),
        "noise.edf": b"{\n" + np.random.default_rng(5).bytes(5000),
    }
    for name, content in contents.items():
        yield Case(f"wrong_{name}", from_bytes(content))
    buffer = io.BytesIO()
    np.save(buffer, numbered_frames())
    yield Case("array_named.h5", from_bytes(buffer.getvalue()), READ, numbered_frames())
    yield Case("hdf5_named.npy", lambda path, outside: _hdf5(path), READ, numbered_frames())
    yield Case("hdf5_named.tif", lambda path, outside: _hdf5(path), READ, numbered_frames())
    yield Case(
        "with_user_block.h5", lambda path, outside: _hdf5(path, userblock_size=512), READ, numbered_frames()
    )

    def archive(path: Path, outside: Path) -> None:
        with tarfile.open(path, "w") as tar:
            tar.add(outside / SECRET_FILE)

    yield Case("archive.npz", archive)


def _hdf5(path: Path, **options: object) -> None:
    with h5py.File(path, "w", **options) as file:
        file["data"] = numbered_frames()


def _npy() -> Cases:
    def header(text: str, version: bytes = b"\1\0", payload: bytes = bytes(8192)) -> bytes:
        return _NPY + version + struct.pack("<H", len(text)) + text.encode() + payload

    usual = "{{'descr': {!r}, 'fortran_order': False, 'shape': {!r}, }}"
    texts = {
        "objects": usual.format("|O", (4, 16, 16)),
        "records": usual.format([("a", "<u2"), ("b", "<u2")], (4, 16, 16)),
        "text": usual.format("<U4", (4, 16, 16)),
        "dates": usual.format("<M8[s]", (4, 16, 16)),
        "complex": usual.format("<c8", (4, 16, 16)),
        "negative": usual.format("<u2", (-4, 16, 16)),
        "too_many": usual.format("<u2", (2**60, 16, 16)),
        "overflowing": usual.format("<u2", (2**33, 2**33, 2**33)),
        "floating": usual.format("<u2", (4.0, 16, 16)),
        "call": "__import__('os').system('touch called')",
        "brackets": "(" * 9000,
        "sums": "{'descr': '<u2', 'fortran_order': False, 'shape': (2**99, 2, 2)}",
        "no_keys": "{}",
        "flat": usual.format("<u2", (1024,)),
        "rank_9": usual.format("<u2", (1,) * 7 + (16, 16)),
        "no_frame": usual.format("<u2", (0, 16, 16)),
        "huge_item": usual.format("|V1000000000", (4, 16, 16)),
    }
    for name, text in texts.items():
        yield Case(f"npy_{name}.npy", from_bytes(header(text)))
    yield Case("npy_version_9.npy", from_bytes(header(texts["flat"], b"\x09\0")))
    long_header = _NPY + b"\2\0" + struct.pack("<I", 2**32 - 1) + b"{" * 5000
    yield Case("npy_header_of_gigabytes.npy", from_bytes(long_header))

    def with_pickle(path: Path, outside: Path) -> None:
        np.save(path, np.full((4, 16, 16), None), allow_pickle=True)

    def in_fortran_order(path: Path, outside: Path) -> None:
        np.save(path, np.asfortranarray(numbered_frames()))

    yield Case("npy_pickle.npy", with_pickle)
    yield Case("npy_fortran.npy", in_fortran_order, READ, numbered_frames())


def _npz() -> Cases:
    def archive(**members: bytes) -> Callable[[Path, Path], None]:
        def make(path: Path, outside: Path) -> None:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
                for name, content in members.items():
                    file.writestr(name.replace("__", "../").replace("_npy", ".npy"), content)

        return make

    def claimed(shape: tuple[int, ...], n_bytes: int) -> bytes:
        text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape!r}, }}"
        return _NPY + b"\1\0" + struct.pack("<H", len(text)) + text.encode() + bytes(n_bytes)

    good = io.BytesIO()
    np.save(good, numbered_frames())
    yield Case("npz_good.npz", archive(data_npy=good.getvalue()), READ, numbered_frames())
    yield Case("npz_name_that_climbs.npz", archive(__secret_npy=good.getvalue()), EITHER, numbered_frames())
    yield Case("npz_without_arrays.npz", archive(readme=b"none"))
    yield Case("npz_longer_than_it_is.npz", archive(data_npy=claimed((1000, 1024, 1024), 4096)))
    yield Case("npz_bomb.npz", archive(data_npy=claimed((1, 16_384, 8192), 256 * MIB)), EITHER)
    yield Case("npz_bomb_behind.npz", archive(data_npy=claimed((4, 16, 16), 256 * MIB)), EITHER)
    yield Case("npz_many_members.npz", archive(**{f"a{n}_npy": b"x" for n in range(3000)}))
    yield Case("npz_no_header.npz", archive(data_npy=b"x" * 5000))

    def lying(path: Path, outside: Path) -> None:
        archive(data_npy=good.getvalue())(path, outside)
        content = bytearray(path.read_bytes())
        place = content.rfind(b"PK\1\2")
        content[place + 24 : place + 28] = struct.pack("<I", 2**32 - 2)  # uncompressed size
        path.write_bytes(content)

    yield Case("npz_lying_directory.npz", lying)


def _tiff() -> Cases:
    def tags(*entries: tuple[int, int, int, int], follow: int = 0) -> bytes:
        packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
        return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", follow)

    def page(width: int, height: int, offset: int, count: int, compression: int = 1, bits: int = 16) -> bytes:
        return tags(
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, bits),
            (259, 3, 1, compression),
            (262, 3, 1, 1),
            (273, 4, 1, offset),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, count),
        )

    contents = {
        "circle": tags((256, 4, 1, 16), (257, 4, 1, 16), follow=8),
        "no_pages": b"II*\0" + struct.pack("<I", 0),
        "page_behind_end": b"II*\0" + struct.pack("<I", 2**31),
        "huge": page(2**31, 2**31, 200, 512),
        "wide": page(40_000, 8, 200, 640_000),
        "data_behind_end": page(16, 16, 2**31, 512),
        "count_behind_end": page(16, 16, 200, 2**32 - 1),
        "many_tags": b"II*\0" + struct.pack("<IH", 8, 65_535) + bytes(1000),
        "unknown_packing": page(16, 16, 200, 512, compression=9999) + bytes(1000),
        "lzw_noise": page(16, 16, 200, 512, compression=5) + b"\xff" * 1000,
        "deflate_noise": page(16, 16, 200, 512, compression=8) + b"\xff" * 1000,
        "jpeg_noise": page(16, 16, 200, 512, compression=7, bits=8) + b"\xff" * 1000,
        "jpeg2000_noise": page(16, 16, 200, 512, compression=34712) + b"\xff" * 1000,
        "bits": page(16, 16, 200, 512, bits=13) + bytes(1000),
    }
    for name, content in contents.items():
        yield Case(
            f"tiff_{name}.tif", from_bytes(content), EITHER if name in ("bits", "lzw_noise") else "refused"
        )

    def names_others(path: Path, outside: Path) -> None:
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="I:0">'
            '<Pixels ID="P:0" DimensionOrder="XYZCT" Type="uint16" SizeX="16" '
            'SizeY="16" SizeZ="1" SizeC="1" SizeT="2">'
            f'<TiffData IFD="0"><UUID FileName="{outside / SECRET_FILE}">urn:uuid:1</UUID></TiffData>'
            "</Pixels></Image></OME>"
        )
        tifffile.imwrite(path, numbered_frames(), description=xml, metadata=None)

    def bomb(path: Path, outside: Path) -> None:
        tifffile.imwrite(path, np.zeros((1, 8192, 8192), "u2"), compression="zlib", rowsperstrip=8192)

    yield Case("tiff_names_other_files.ome.tif", names_others, READ, numbered_frames())
    yield Case("tiff_bomb.tif", bomb, EITHER)


def _photons() -> Cases:
    def words(*values: int) -> bytes:
        return np.array(values, "<i4").tobytes()

    counts = (numbered_frames() % 3).astype("i4")
    yield Case("photons_good.emc", lambda path, outside: write_emc(path, counts), READ, counts)
    yield Case("photons_good.h5", lambda path, outside: write_sparse_h5(path, counts), READ, counts)
    headers = {
        "many_frames": words(2**31 - 1, 256),
        "many_pixels": words(4, 2**31 - 1),
        "negative": words(-4, -256),
        "zero": words(0, 0),
        "prime": words(4, 257),
    }
    for name, content in headers.items():
        yield Case(f"photons_{name}.emc", from_bytes(content + bytes(8192)), EITHER)
    lists = {"places_outside": (4, 99_999), "negative_lists": (-4, 0), "long_lists": (2**31 - 1, 0)}
    for name, (length, value) in lists.items():
        body = words(1, 256) + bytes(1016) + words(length, 0) + words(*[value] * 4)
        yield Case(f"photons_{name}.emc", from_bytes(body))

    def lengthened(path: Path, outside: Path) -> None:
        write_sparse_h5(path, counts)
        with h5py.File(path) as file:
            offset = file["place_ones"].id.get_offset()
        content = bytearray(path.read_bytes())
        content[offset : offset + 4] = struct.pack("<I", 2**31 - 1)
        path.write_bytes(content)

    def raw(path: Path, outside: Path) -> None:
        write_sparse_h5(path, counts)
        with h5py.File(path, "a") as file:
            del file["num_pix"]
            external = [(str(outside / SECRET_FILE), 0, h5py.h5f.UNLIMITED)]
            file.create_dataset("num_pix", (1,), "i4", external=external)

    def away(path: Path, outside: Path) -> None:
        write_sparse_h5(outside / f"{path.name}", counts)
        with h5py.File(path, "w") as file:
            for name in ("num_pix", "place_ones", "place_multi", "count_multi"):
                file[name] = h5py.ExternalLink(str(outside / path.name), name)

    yield Case("photons_list_of_gigabytes.h5", lengthened)
    yield Case("photons_raw_storage.h5", raw)
    yield Case("photons_elsewhere.h5", away)


def _single_images() -> Cases:
    edf = "{{\nByteOrder = LowByteFirst ;\nDataType = {} ;\nDim_1 = {} ;\nDim_2 = {} ;\nSize = {} ;\n"
    for name, values in {
        "huge": ("UnsignedShort", 2**31, 2**31, 2**62),
        "negative": ("UnsignedShort", -16, -16, 512),
        "no_type": ("Something", 16, 16, 512),
        "truncated": ("UnsignedShort", 1024, 1024, 2**21),
    }.items():
        content = edf.format(*values).ljust(510).encode() + b"}\n" + bytes(512)
        yield Case(f"edf_{name}.edf", from_bytes(content))
    cbf = (
        "###CBF: VERSION 1.5\r\ndata_a\r\n\r\n_array_data.data\r\n;\r\n--CIF-BINARY-FORMAT-SECTION--\r\n"
        'Content-Type: application/octet-stream;\r\n conversions="x-CBF_BYTE_OFFSET"\r\n'
        "Content-Transfer-Encoding: BINARY\r\nX-Binary-Size: {}\r\nX-Binary-ID: 1\r\n"
        'X-Binary-Element-Type: "signed 32-bit integer"\r\nX-Binary-Element-Byte-Order: LITTLE_ENDIAN\r\n'
        "X-Binary-Number-of-Elements: {}\r\nX-Binary-Size-Fastest-Dimension: {}\r\n"
        "X-Binary-Size-Second-Dimension: {}\r\n\r\n"
    )
    for name, values in {
        "huge": (512, 2**40, 2**20, 2**20),
        "short": (2**30, 256, 16, 16),
        "negative": (-5, -256, -16, -16),
        "more_than_packed": (16, 256, 16, 16),
    }.items():
        content = cbf.format(*values).encode() + b"\x0c\x1a\x04\xd5" + b"\x80\x00\x80" * 5
        yield Case(f"cbf_{name}.cbf", from_bytes(content))
