"""HDF5 that refers to other places: raw data outside, links, and virtual datasets."""

import os
from pathlib import Path

import h5py

from tests.science.io.hostile.cases import (
    EITHER,
    READ,
    SECRET_FILE,
    SECRET_HDF5,
    Case,
    Cases,
    from_hdf5,
    numbered_frames,
)

UNLIMITED = h5py.h5f.UNLIMITED
# Where frames, masks, identifiers, columns and labels of the known layouts lie.
FRAMES = ("data", "entry_1/data_1/data", "entry_1/instrument_1/detector_1/data", "entry/data/data", "a/b/c/d")
BESIDE = (
    "entry_1/instrument_1/detector_1/mask",
    "entry_1/instrument_1/source_1/energy",
    "entry_1/experiment_identifier",
    "entry_1/image_1/experiment_identifier",
    "LCLS/photon_energy_eV",
    "LCLS/fiducial",
    "cheetah/event_data/tags",
    "Background_Period",
)


def reference_cases() -> Cases:
    """Yield all files that refer to another place."""
    yield from _raw_storage()
    yield from _external_links()
    yield from _inner_links()
    yield from _virtual_sources()


def _raw_storage() -> Cases:
    places = {
        "absolute": lambda outside: str(outside / SECRET_FILE),
        "relative": lambda outside: f"../../outside/{SECRET_FILE}",
        "environment": lambda outside: "/proc/self/environ",
        "users": lambda outside: "/etc/passwd",
        "device": lambda outside: "/dev/zero",
    }
    for number, path in enumerate(FRAMES):
        for name, place in places.items():

            def write(file: h5py.File, outside: Path, path: str = path, place: object = place) -> None:
                external = [(place(outside), 0, UNLIMITED)]
                file.create_dataset(path, (4, 16, 16), "u2", external=external)

            yield Case(f"raw_{name}_{number}.h5", from_hdf5(write))
    for number, path in enumerate(BESIDE):

        def write(file: h5py.File, outside: Path, path: str = path) -> None:
            file["entry_1/instrument_1/detector_1/data"] = numbered_frames()
            shape = (16, 16) if path.endswith("mask") else (4,)
            external = [(str(outside / SECRET_FILE), 0, UNLIMITED)]
            file.create_dataset(path, shape, "u4", external=external)

        yield Case(f"raw_beside_{number}.cxi", from_hdf5(write), EITHER, numbered_frames())

    def in_pieces(file: h5py.File, outside: Path) -> None:
        pieces = [(str(outside / SECRET_FILE), 64 * n, 512) for n in range(4)]
        file.create_dataset("data", (4, 16, 16), "u2", external=pieces)

    yield Case("raw_in_pieces.h5", from_hdf5(in_pieces))


def _external_links() -> Cases:
    targets = {
        "absolute": lambda outside: str(outside / SECRET_HDF5),
        "relative": lambda outside: f"../../outside/{SECRET_HDF5}",
        "no_hdf5": lambda outside: str(outside / SECRET_FILE),
        "users": lambda outside: "/etc/passwd",
        "memory": lambda outside: "/proc/self/mem",
        "zeros": lambda outside: "/dev/zero",
        "folder": lambda outside: ".",
        "missing": lambda outside: "absent.h5",
        "fifo": lambda outside: "fifo.h5",
        "symlink": lambda outside: "symlink.h5",
        "empty_name": lambda outside: " ",
    }
    for path in ("data", "entry/data/data_000001"):
        for name, target in targets.items():

            def make(place: Path, outside: Path, path: str = path, target: object = target) -> None:
                os.mkfifo(place.parent / "fifo.h5")
                (place.parent / "symlink.h5").symlink_to(outside / SECRET_HDF5)
                with h5py.File(place, "w") as file:
                    file[path] = h5py.ExternalLink(target(outside), "/data")

            yield Case(f"link_{name}_{path.count('/')}.h5", make)

    def write_soft(file: h5py.File, outside: Path) -> None:
        file["out"] = h5py.ExternalLink(str(outside / SECRET_HDF5), "/")
        file["entry/data/data"] = h5py.SoftLink("/out/data")

    def write_group(file: h5py.File, outside: Path) -> None:
        file["entry/data"] = h5py.ExternalLink(str(outside / SECRET_HDF5), "/")

    def write_chain(place: Path, outside: Path) -> None:
        for number in range(5):
            with h5py.File(place.with_name(f"{number}.h5"), "w") as file:
                file["data"] = h5py.ExternalLink(f"{number + 1}.h5", "/data")
        with h5py.File(place, "w") as file:
            file["data"] = h5py.ExternalLink("0.h5", "/data")

    def write_circle(place: Path, outside: Path) -> None:
        for one, other in ((place.name, "other.h5"), ("other.h5", place.name)):
            with h5py.File(place.with_name(one), "w") as file:
                file["data"] = h5py.ExternalLink(other, "/data")

    yield Case("link_by_soft_link.h5", from_hdf5(write_soft))
    yield Case("link_of_group.h5", from_hdf5(write_group))
    yield Case("link_chain.h5", write_chain)
    yield Case("link_circle_of_files.h5", write_circle)
    yield Case("link_to_itself.h5", from_hdf5(_link_to_itself))


def _link_to_itself(file: h5py.File, outside: Path) -> None:
    file["data"] = h5py.ExternalLink(Path(file.filename).name, "/data")


def _inner_links() -> Cases:
    def circle(file: h5py.File, outside: Path) -> None:
        file["data"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/data")

    def growing(file: h5py.File, outside: Path) -> None:
        file["data"] = h5py.SoftLink("/data/data/data")

    def hard(file: h5py.File, outside: Path) -> None:
        group = file.create_group("a/b/c")
        group["again"], group["up"] = file["/"], file["a"]
        group["data"] = numbered_frames()

    def many(file: h5py.File, outside: Path) -> None:
        groups = [file.create_group(f"g{n}") for n in range(60)]
        for group in groups:
            for n, other in enumerate(groups):
                group[f"to{n}"] = other
        file["data"] = numbered_frames()

    def deep(file: h5py.File, outside: Path) -> None:
        group = file
        for _ in range(3000):
            group = group.create_group("g")
        group["data"] = numbered_frames()

    def dangling(file: h5py.File, outside: Path) -> None:
        file["entry_1/data_1/data"] = h5py.SoftLink("/nothing/here")

    yield Case("soft_circle.h5", from_hdf5(circle))
    yield Case("soft_growing.h5", from_hdf5(growing))
    yield Case("soft_dangling.cxi", from_hdf5(dangling))
    yield Case("hard_circle.h5", from_hdf5(hard), READ, numbered_frames())
    yield Case("hard_mesh.h5", from_hdf5(many), READ, numbered_frames())
    yield Case("groups_without_end.h5", from_hdf5(deep), EITHER, numbered_frames())


def _virtual(source: str, dataset: str = "data", n: int = 4, dtype: str = "u2") -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout((n, 16, 16), dtype)
    layout[:] = h5py.VirtualSource(source, dataset, (n, 16, 16), dtype)
    return layout


def _virtual_sources() -> Cases:
    def outside_file(file: h5py.File, outside: Path) -> None:
        file.create_virtual_dataset("data", _virtual(str(outside / SECRET_HDF5)))

    def relative(file: h5py.File, outside: Path) -> None:
        file.create_virtual_dataset("data", _virtual(f"../../outside/{SECRET_HDF5}"))

    def partly(file: h5py.File, outside: Path) -> None:
        file["good"] = numbered_frames()
        layout = h5py.VirtualLayout((8, 16, 16), "u2")
        layout[:4] = h5py.VirtualSource(".", "good", (4, 16, 16))
        layout[4:] = h5py.VirtualSource(str(outside / SECRET_HDF5), "data", (4, 16, 16))
        file.create_virtual_dataset("entry/data/data", layout)

    def missing(file: h5py.File, outside: Path) -> None:
        file.create_virtual_dataset("data", _virtual("absent.h5"))

    def itself(file: h5py.File, outside: Path) -> None:
        file.create_virtual_dataset("data", _virtual(".", "data"))

    def mutual(file: h5py.File, outside: Path) -> None:
        file.create_virtual_dataset("data", _virtual(".", "b"))
        file.create_virtual_dataset("b", _virtual(".", "data"))

    def raw(file: h5py.File, outside: Path) -> None:
        external = [(str(outside / SECRET_FILE), 0, UNLIMITED)]
        file.create_dataset("raw", (4, 16, 16), "u2", external=external)
        file.create_virtual_dataset("data", _virtual(".", "raw"))

    def short(file: h5py.File, outside: Path) -> None:
        file["short"] = numbered_frames(2)
        file.create_virtual_dataset("data", _virtual(".", "short"))

    def text(file: h5py.File, outside: Path) -> None:
        file["text"] = "no frames"
        file.create_virtual_dataset("data", _virtual(".", "text"))

    def linked(file: h5py.File, outside: Path) -> None:
        file["way"] = h5py.ExternalLink(str(outside / SECRET_HDF5), "/")
        file.create_virtual_dataset("data", _virtual(".", "way/data"))

    def good(file: h5py.File, outside: Path) -> None:
        file["good"] = numbered_frames()
        file.create_virtual_dataset("data", _virtual(".", "good"))

    def pattern(file: h5py.File, outside: Path) -> None:
        space = h5py.h5s.create_simple((1, 16, 16), (h5py.h5s.UNLIMITED, 16, 16))
        space.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (1, 1, 1), (1, 16, 16))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        name = os.fsencode(outside) + b"/%b.h5"
        plist.set_virtual(space, name, b"data", h5py.h5s.create_simple((1, 16, 16)))
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT16, space, plist)

    refused = (outside_file, relative, partly, missing, itself, mutual, raw, short, text, linked, pattern)
    for write in refused:
        # where another dataset is good, that one may be proposed instead
        wanted = EITHER if write in (partly, short) else "refused"
        yield Case(f"virtual_{write.__name__}.h5", from_hdf5(write), wanted)
    yield Case("virtual_good.h5", from_hdf5(good), READ, numbered_frames())

    def nested(place: Path, outside: Path) -> None:
        for number in range(3):
            with h5py.File(place.with_name(f"{number}.h5"), "w") as file:
                file.create_virtual_dataset("data", _virtual(f"{number + 1}.h5"))
        with h5py.File(place.with_name("3.h5"), "w") as file:
            file["data"] = numbered_frames()
        with h5py.File(place, "w") as file:
            file.create_virtual_dataset("data", _virtual("0.h5"))

    yield Case("virtual_nested.h5", nested)
