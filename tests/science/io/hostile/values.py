"""HDF5 whose types, shapes, sizes or compressed bytes are not what a reader may trust."""

import struct
import zlib
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from tests.science.io.hostile.cases import EITHER, READ, Case, Cases, from_hdf5, numbered_frames

MIB = 2**20


def value_cases() -> Cases:
    """Yield all files with odd types, shapes, sizes and compressed bytes."""
    yield from _types()
    yield from _shapes()
    yield from _bombs()
    yield from _crowds()


def _types() -> Cases:
    types = {
        "lists": h5py.vlen_dtype("i4"),
        "lists_of_floats": h5py.vlen_dtype("f8"),
        "text": h5py.string_dtype(),
        "fixed_text": "S8",
        "complex": "c8",
        "record": [("r", "f4"), ("i", "f4")],
        "opaque": "V7",
        "references": h5py.ref_dtype,
        "regions": h5py.regionref_dtype,
        "arrays": np.dtype(("u2", (3,))),
        "long_double": np.longdouble,
    }
    for name, dtype in types.items():

        def write(file: h5py.File, outside: Path, dtype: object = dtype) -> None:
            file.create_dataset("data", (4, 16, 16), dtype)

        yield Case(f"type_{name}.h5", from_hdf5(write))
    for dtype in ("u1", "i1", ">u2", "<u4", ">i4", "u8", "f2", ">f4", "f8"):
        frames = numbered_frames(dtype=dtype)

        def write(file: h5py.File, outside: Path, frames: np.ndarray = frames) -> None:
            file["data"] = frames

        yield Case(f"type_{np.dtype(dtype).name}.h5", from_hdf5(write), READ, frames)


def _shapes() -> Cases:
    shapes = {
        "none": (0, 16, 16),
        "flat": (4096,),
        "single": (4, 1, 1),
        "thin": (4, 16, 1),
        "no_width": (4, 16, 0),
        "rank_5": (2, 2, 2, 16, 16),
        "rank_32": (1,) * 30 + (16, 16),
        "wide": (1, 8, 40_000),
        "tall": (1, 40_000, 8),
        "many": (200_000_000, 16, 16),
        "terabytes": (8_000_000, 1024, 1024),
        "exabytes": (2**40, 1024, 1024),
        "large_frame": (1, 32_000, 32_000),
        "all_fill": (100_000, 1024, 1024),
    }
    for name, shape in shapes.items():

        def write(file: h5py.File, outside: Path, shape: tuple[int, ...] = shape) -> None:
            chunks = (
                tuple(min(side, 16) or 1 for side in shape) if np.prod(shape, dtype=float) > 1e6 else None
            )
            file.create_dataset("data", shape, "u2", chunks=chunks)

        yield Case(f"shape_{name}.h5", from_hdf5(write))

    def scalar(file: h5py.File, outside: Path) -> None:
        file["data"] = 7

    def null(file: h5py.File, outside: Path) -> None:
        file["data"] = h5py.Empty("u2")

    yield Case("shape_scalar.h5", from_hdf5(scalar))
    yield Case("shape_null.h5", from_hdf5(null))
    yield Case("shape_nothing_at_all.h5", from_hdf5(lambda file, outside: None))


def _zeros_packed(n_bytes: int) -> bytes:
    """Compress zeros, by repeating one block that needs nothing of what was before it."""
    packer = zlib.compressobj(9)
    first, block = (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    checksum = struct.pack(">HH", n_bytes % 65_521, 1)  # Adler-32 of zeros
    return first + block * (n_bytes // MIB - 1) + b"\x03\x00" + checksum


def _bombs() -> Cases:
    def put(dataset: h5py.Dataset, content: bytes) -> None:
        dataset.id.write_direct_chunk((0,) * dataset.ndim, content)

    def large_chunk(file: h5py.File, outside: Path) -> None:
        put(
            file.create_dataset(
                "data", (1, 12_288, 12_288), "u2", chunks=(1, 12_288, 12_288), compression="gzip"
            ),
            _zeros_packed(288 * MIB),
        )

    def small_chunk(file: h5py.File, outside: Path) -> None:
        put(_gzip(file), _zeros_packed(1024 * MIB))

    def twice(file: h5py.File, outside: Path) -> None:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((1, 4096, 4096))
        plist.set_deflate(9)
        plist.set_deflate(9)
        space = h5py.h5s.create_simple((1, 4096, 4096))
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT16, space, plist)
        put(file["data"], zlib.compress(_zeros_packed(32 * MIB)))

    yield Case("bomb_large_chunk.h5", from_hdf5(large_chunk))
    yield Case("bomb_small_chunk.h5", from_hdf5(small_chunk))
    yield Case("bomb_packed_twice.h5", from_hdf5(twice))

    claims = {
        "lz4": (hdf5plugin.LZ4(), struct.pack(">QI", 2**40, 2**30) + bytes(64)),
        "bitshuffle": (hdf5plugin.Bitshuffle(cname="lz4"), struct.pack(">QI", 2**40, 2**30) + bytes(64)),
        "bitshuffle_zstd": (hdf5plugin.Bitshuffle(cname="zstd"), struct.pack(">QI", 2**40, 8192) + bytes(64)),
        "zstd": (hdf5plugin.Zstd(), bytes.fromhex("28b52ffdc0") + struct.pack("<Q", 2**45) + bytes(16)),
        "blosc": (
            hdf5plugin.Blosc(),
            bytes([2, 1, 0x21, 2]) + struct.pack("<III", 2**31 - 1, 2**20, 64) + bytes(48),
        ),
    }
    for name, (filters, content) in claims.items():
        for kind, chunk in (
            ("claim", content),
            ("noise", bytes(range(256))),
            ("empty", b"\0"),
            ("ff", b"\xff" * 99),
        ):

            def write(
                file: h5py.File, outside: Path, filters: object = filters, chunk: bytes = chunk
            ) -> None:
                put(file.create_dataset("data", (4, 16, 16), "u2", chunks=(4, 16, 16), **filters), chunk)

            yield Case(f"packed_{name}_{kind}.h5", from_hdf5(write), EITHER)
        frames = numbered_frames(8, 32)

        def write_good(file: h5py.File, outside: Path, filters: object = filters) -> None:
            file.create_dataset("data", data=numbered_frames(8, 32), chunks=(1, 32, 32), **filters)

        yield Case(f"packed_{name}_good.h5", from_hdf5(write_good), READ, frames)
    for name, content in {"gzip": b"no stream", "lzf": b"\xff" * 50}.items():

        def write_plain(file: h5py.File, outside: Path, name: str = name, content: bytes = content) -> None:
            put(_gzip(file, name), content)

        yield Case(f"packed_{name}_noise.h5", from_hdf5(write_plain))

    def checksum(file: h5py.File, outside: Path) -> None:
        data = file.create_dataset("data", (4, 16, 16), "u2", chunks=(4, 16, 16), fletcher32=True)
        put(data, numbered_frames().tobytes() + b"\1\2\3\4")

    yield Case("packed_wrong_checksum.h5", from_hdf5(checksum))
    for name, options in {"scaleoffset": {"scaleoffset": 0}, "szip": {"compression": "szip"}}.items():
        if name == "szip" and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
            continue

        def write_filter(file: h5py.File, outside: Path, options: dict = options) -> None:
            file.create_dataset("data", data=numbered_frames(), chunks=(1, 16, 16), **options)

        yield Case(f"filter_{name}.h5", from_hdf5(write_filter))


def _gzip(file: h5py.File, compression: str = "gzip") -> h5py.Dataset:
    return file.create_dataset("data", (4, 16, 16), "u2", chunks=(4, 16, 16), compression=compression)


def _crowds() -> Cases:
    def objects(file: h5py.File, outside: Path) -> None:
        group = file.create_group("a")
        for number in range(20_500):
            file[f"a{number}"] = group
        file["z"] = numbered_frames()

    def attributes(file: h5py.File, outside: Path) -> None:
        file["data"] = numbered_frames()
        for number in range(2000):
            file["data"].attrs[f"a{number}"] = number

    def large_attribute(file: h5py.File, outside: Path) -> None:
        file["entry_1/instrument_1/detector_1/data"] = numbered_frames()
        file["entry_1/instrument_1/source_1/energy"] = np.ones(4)
        file["entry_1/instrument_1/source_1/energy"].attrs["units"] = np.zeros(5 * MIB, "S12")

    def long_names(file: h5py.File, outside: Path) -> None:
        file["n" * 60_000] = numbered_frames()

    yield Case("crowd_of_objects.h5", from_hdf5(objects), EITHER)
    yield Case("crowd_of_attributes.h5", _latest(attributes), READ, numbered_frames())
    yield Case("large_attribute.cxi", _latest(large_attribute), READ, numbered_frames())
    yield Case("long_name.h5", _latest(long_names), READ, numbered_frames())


def _latest(write: object) -> object:
    def make(path: Path, outside: Path) -> None:
        with h5py.File(path, "w", libver="latest") as file:
            write(file, outside)

    return make
