"""Folders of European XFEL runs in which an index lies, a module does not fit, or a file is none."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests.science.io.hostile.cases import EITHER, READ, REFUSED, SECRET_FILE, SECRET_HDF5, Case, Cases
from tests.science.io.written_runs import AGIPD, MODULE, write_camera, write_module

CAMERA, KEY = "SQS_NQS_PNCCD1MP/CAL/PNCCD:daqOutput", "data/image"
TRAINS = [10001, 10002, 10003, 10004]
IMAGES = (np.arange(4 * 32 * 32) % 101).reshape(4, 32, 32).astype("u2")
INDEX, DATA = f"INDEX/{CAMERA}/data", f"INSTRUMENT/{CAMERA}/{KEY}"
IMAGE_TRAINS = f"INSTRUMENT/{CAMERA}/data/trainId"
CAMERA_FILE = "RAW-R0001-PNCCD01-S00000.h5"
PULSES = [[0, 4], [0, 4]]
RAW = (np.arange(4 * 2) % 7).astype("u2").reshape(4, 2, 1, 1) * np.ones((1, 1, *MODULE), "u2")

Change = Callable[[h5py.File, Path], object]


def run_cases() -> Cases:
    """Yield all folders of runs; the good ones are there to show that the others are refused for a reason."""
    yield _camera("run_good", lambda file, outside: None, READ, IMAGES)
    yield from _indexes()
    yield from _train_lists()
    yield from _references()
    yield from _metadata()
    yield from _claims()
    yield from _places()
    yield from _modules()


def _camera(name: str, change: Change, wanted: str = EITHER, frames: np.ndarray | None = None) -> Case:
    """Make a run of one camera with one image a train, and change its file."""

    def make(folder: Path, outside: Path) -> None:
        folder.mkdir()
        write_camera(folder / CAMERA_FILE, CAMERA, KEY, TRAINS, IMAGES)
        with h5py.File(folder / CAMERA_FILE, "r+") as file:
            change(file, outside)

    return Case(name, make, wanted, frames)


def _put(file: h5py.File, path: str, value: object, **options: object) -> None:
    if path in file:
        del file[path]
    if value is None:
        file.create_dataset(path, **options)
    else:
        file[path] = value


def _replace(path: str, value: object, **options: object) -> Change:
    return lambda file, outside: _put(file, path, value, **options)


def _indexes() -> Cases:
    """Counts that no file can hold, and rows that lie beyond the data."""
    big = 2**63
    for name, count in {
        "many": [1, 2**40, 1, 1],
        "largest": np.array([1, big, 2 * big - 1, 1], "u8"),
        "negative": np.array([1, -1, -(2**40), 1]),
        "sum_overflows": np.full(4, 2**62, "u8"),
        "all_rows_each": [4, 4, 4, 4],
        "float": np.array([1, 0.5, np.nan, np.inf]),
        "short": [1],
        "long": np.ones(4000, "u8"),
        "text": np.array([b"one"] * 4),
        "flat": np.ones((2, 2), "u8"),
        "scalar": 4,
    }.items():
        yield _camera(f"run_count_{name}", _replace(f"{INDEX}/count", count))
    for name, first in {
        "beyond": [0, 1, 2, 4],
        "far_beyond": [0, 1, 2, 10**6],
        "largest": np.array([0, 1, big, 2 * big - 1], "u8"),
        "negative": np.array([0, -1, -2, -big]),
        "all_the_same": [2, 2, 2, 2],
        "float": np.array([0, 1.5, np.nan, np.inf]),
    }.items():
        yield _camera(f"run_first_{name}", _replace(f"{INDEX}/first", first))
    for path in ("INDEX", "INDEX/trainId", f"INDEX/{CAMERA}", f"{INDEX}/first", f"{INDEX}/count"):
        name = f"run_without_{path.replace(CAMERA, 'camera').replace('/', '_')}"
        yield _camera(name, lambda file, outside, path=path: file.__delitem__(path))


def _train_lists() -> Cases:
    for name, trains in {
        "negative": np.array([-5, -4, -3, -2]),
        "largest": np.array([1, 2**62, 2**63, 2**64 - 1], "u8"),
        "backwards": np.array(TRAINS[::-1], "u8"),
        "repeated": np.full(4, TRAINS[0], "u8"),
        "zero": np.zeros(4, "u8"),
        "float": np.array([1.5, np.nan, np.inf, 2.0]),
        "short": np.array(TRAINS[:1], "u8"),
        "long": np.arange(1, 5001, dtype="u8"),
        "text": np.array([b"train"] * 4),
        "flat": np.array(TRAINS, "u8").reshape(2, 2),
    }.items():
        yield _camera(f"run_trains_{name}", _replace("INDEX/trainId", trains))
        yield _camera(f"run_trains_of_images_{name}", _replace(IMAGE_TRAINS, trains))


def _references() -> Cases:
    """Links that go in circles or out of the file."""
    for name, path in {"data": DATA, "index": f"{INDEX}/first", "group": f"INSTRUMENT/{CAMERA}/data"}.items():
        for kind, link in {
            "soft_to_itself": lambda path, outside: h5py.SoftLink(f"/{path}"),
            "soft_upwards": lambda path, outside: h5py.SoftLink("/INSTRUMENT"),
            "soft_to_nothing": lambda path, outside: h5py.SoftLink("/INSTRUMENT/nowhere"),
            "external": lambda path, outside: h5py.ExternalLink(str(outside / SECRET_HDF5), "/data"),
            "external_beneath": lambda path, outside: h5py.ExternalLink("other.h5", "/data"),
        }.items():

            def change(file: h5py.File, outside: Path, path: str = path, link: Callable = link) -> None:
                _put(file, path, link(path, outside))

            wanted = REFUSED if kind.startswith("external") else EITHER
            yield _camera(f"run_{name}_{kind}", change, wanted)

    def pair(file: h5py.File, outside: Path) -> None:
        file["INSTRUMENT/a"], file["INSTRUMENT/b"] = (
            h5py.SoftLink("/INSTRUMENT/b"),
            h5py.SoftLink("/INSTRUMENT/a"),
        )

    def loop(file: h5py.File, outside: Path) -> None:
        file[f"INSTRUMENT/{CAMERA}/data/again"] = file["INSTRUMENT"]

    def virtual(file: h5py.File, outside: Path) -> None:
        layout = h5py.VirtualLayout((4, 16, 16), "u2")
        layout[...] = h5py.VirtualSource(str(outside / SECRET_HDF5), "data", (4, 16, 16))
        del file[DATA]
        file.create_virtual_dataset(DATA, layout)

    yield _camera("run_soft_pair", pair)
    yield _camera("run_hard_loop", loop)
    yield _camera("run_virtual", virtual, REFUSED)
    for name, path, shape in (("data", DATA, (4, 16, 16)), ("first", f"{INDEX}/first", (4,))):

        def outer(file: h5py.File, outside: Path, path: str = path, shape: tuple[int, ...] = shape) -> None:
            external = [(str(outside / SECRET_FILE), 0, h5py.h5f.UNLIMITED)]
            _put(file, path, None, shape=shape, dtype="u2", external=external)

        yield _camera(f"run_raw_outside_{name}", outer, REFUSED)


def _metadata() -> Cases:
    names = "METADATA/dataSources/dataSourceId"
    text = h5py.string_dtype()
    many = {"shape": (10**9,), "chunks": (1024,)}
    yield _camera("run_sources_claimed", _replace(names, None, dtype=text, **many), REFUSED)
    yield _camera("run_sources_fixed_claimed", _replace(names, None, dtype="S64", **many), REFUSED)
    yield _camera("run_sources_long_text", _replace(names, np.array([b"x" * 60_000] * 500)))
    yield _camera("run_sources_unknown", _replace(names, np.array([b"INSTRUMENT/a/b:c/image"] * 50_000)))
    for name, value in {
        "numbers": np.arange(4),
        "scalar": b"INSTRUMENT",
        "empty": np.zeros(0, "S8"),
        "upwards": np.array([b"INSTRUMENT/../../INDEX/image"]),
        "no_utf8": np.array([b"INSTRUMENT/\xff\xfe:x/image"]),
    }.items():
        yield _camera(f"run_sources_{name}", _replace(names, value))
    yield _camera("run_without_METADATA", lambda file, outside: file.__delitem__("METADATA"))
    yield _camera("run_of_version_99", _replace("METADATA/dataFormatVersion", [b"99.x"]))


def _claims() -> Cases:
    """Datasets that claim more than the file holds."""
    lazy = {"dtype": "u8", "chunks": (1024,)}
    for name, path in {
        "trains": "INDEX/trainId",
        "first": f"{INDEX}/first",
        "count": f"{INDEX}/count",
    }.items():
        yield _camera(f"run_{name}_claimed", _replace(path, None, shape=(10**12,), **lazy), REFUSED)
    for rows in (20_000, 10**6, 10**9, 10**15):

        def images(file: h5py.File, outside: Path, rows: int = rows) -> None:
            _put(file, DATA, None, shape=(rows, 32, 32), dtype="u2", chunks=(1, 32, 32))
            _put(file, f"{INDEX}/count", np.array([rows, 0, 0, 0], "u8"))

        yield _camera(f"run_images_claimed_{rows}", images, REFUSED)
    for name, value in {
        "one_row": np.arange(4),
        "text": np.full((4, 32, 32), b"x"),
        "complex": np.ones((4, 32, 32), "c16"),
        "five_axes": np.ones((4, 1, 1, 32, 32), "u2"),
        "no_rows": np.ones((0, 32, 32), "u2"),
        "no_columns": np.ones((4, 32, 0), "u2"),
        "scalar": 7,
    }.items():
        yield _camera(f"run_images_{name}", _replace(DATA, value))


def _places() -> Cases:
    """A file of a run that is a pipe, a folder, a link, cut off or empty, alone and beside a good one."""
    name = "RAW-R0001-PNCCD01-S00001.h5"
    kinds: dict[str, Callable[[Path, Path], object]] = {
        "fifo": lambda path, outside: os.mkfifo(path),
        "folder": lambda path, outside: path.mkdir(),
        "dangling": lambda path, outside: path.symlink_to("nowhere.h5"),
        "to_itself": lambda path, outside: path.symlink_to(path.name),
        "outside": lambda path, outside: path.symlink_to(outside / SECRET_HDF5),
        "device": lambda path, outside: path.symlink_to("/dev/zero"),
        "empty": lambda path, outside: path.write_bytes(b""),
        "head_only": lambda path, outside: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(2000)),
        "no_run": lambda path, outside: h5py.File(path, "w").create_dataset("data", data=IMAGES),
        "cut": _cut,
    }
    for kind, put in kinds.items():

        def alone(folder: Path, outside: Path, put: Callable = put) -> None:
            folder.mkdir()
            put(folder / name, outside)

        def beside(folder: Path, outside: Path, put: Callable = put) -> None:
            alone(folder, outside, put)
            write_camera(folder / CAMERA_FILE, CAMERA, KEY, TRAINS, IMAGES)

        yield Case(f"run_{kind}_alone", alone, READ if kind == "no_run" else REFUSED)
        good = (
            ("run_no_run_beside", beside, REFUSED)
            if kind == "no_run"
            else (f"run_{kind}_beside", beside, READ, IMAGES)
        )
        yield Case(*good)


def _cut(path: Path, outside: Path) -> None:
    write_camera(path, CAMERA, KEY, TRAINS, IMAGES)
    os.truncate(path, path.stat().st_size // 2)


def _modules() -> Cases:
    """Modules of one detector that do not fit together."""
    for name, images in {
        "good": RAW,
        "smaller": RAW[..., :256, :],
        "corrected": RAW[:, 0].astype("f4"),
        "float64": RAW[:, 0].astype("f8"),
        "one_gain": RAW[:, :1],
        "fewer_rows": RAW[:2],
        "wide": np.ones((4, 2, 64, 1024), "u2"),
    }.items():

        def make(folder: Path, outside: Path, images: np.ndarray = images) -> None:
            _write_modules(folder, images)

        yield Case(f"run_module_{name}", make, READ if name == "good" else EITHER)
    group = f"INSTRUMENT/{AGIPD}/DET/1CH0:xtdf/image"
    for name, value in {
        "pulses_absurd": np.array([0, 2**40, 2**63, 5], "u8"),
        "pulses_negative": np.array([0, -1, -(2**40), 5]),
        "pulses_repeated": np.zeros(4, "u8"),
        "pulses_short": np.zeros(1, "u8"),
        "pulses_wide": np.zeros((4, 50), "u8"),
        "pulses_text": np.array([b"x"] * 4),
    }.items():

        def spoil(folder: Path, outside: Path, value: np.ndarray = value) -> None:
            _write_modules(folder, RAW)
            with h5py.File(folder / "RAW-R0001-AGIPD01-S00000.h5", "r+") as file:
                _put(file, f"{group}/pulseId", value)

        yield Case(f"run_module_{name}", spoil, EITHER)

    def thousandth(folder: Path, outside: Path) -> None:
        _write_modules(folder, RAW)
        write_module(folder / "RAW-R0001-AGIPD99-S00000.h5", 999, TRAINS[:2], PULSES, RAW)

    yield Case("run_module_999", thousandth, EITHER)


def _write_modules(folder: Path, second: np.ndarray) -> None:
    folder.mkdir()
    for number, images in enumerate((RAW, second)):
        path = folder / f"RAW-R0001-AGIPD{number:02d}-S00000.h5"
        write_module(path, number, TRAINS[:2], PULSES, images)
