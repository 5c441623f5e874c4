"""What a file has to hold to be CXI 1.6, by the specification (`cxi_file_format.tex`, cxidb/CXI).

The project of the format has a validator of its own, which is on no package index. These are the rules that
it refuses files by, in our own words, and those that it only warns of:

- ``cxi_version`` is there and is an integer; there is an ``entry_1``, entries are numbered without a gap, and
  ``number_of_entries``, where it is there, is their number (A.1);
- each entry has a ``data_1``; data, instrument, image, sample and detector groups are numbered without a gap;
- each data group has a dataset ``data``, complex numbers are pairs named r and i, and ``errors`` has its
  shape (A.4);
- each detector has a dataset ``data``; with a ``module_identifier`` the fields ``corner_position`` and
  ``basis_vectors`` have a row for each module (A.5, 9.3);
- an image says its ``data_type`` and ``data_space`` in the words of the specification (A.8);
- an ``axes`` attribute is text with one name for each dimension, and each name that is not implicit is a
  dataset beside the data that is as long as that dimension (9.1). Data of more than two dimensions have one.
"""

import re

import h5py

NUMBERED = {
    "": ("entry",),
    "entry": ("data", "instrument", "image", "sample"),
    "instrument": ("detector",),
}
IMPLICIT = {"y", "x", "coordinate", "dimension", "dot_product", "unit_cell"}
DATA_TYPES = {"intensity", "electron density", "amplitude", "unphased amplitude", "autocorrelation"}


def faults_of(path) -> list[str]:
    """Return a line for each rule that a file breaks; none for a file that is as it should be."""
    with h5py.File(path) as file:
        faults = _root(file)
        for entry in _named(file, "entry"):
            faults += _numbers(entry, "entry")
            if not _named(entry, "data"):
                faults.append(f"{entry.name}: no data group")
            for data in _named(entry, "data"):
                faults += _data(data)
            for instrument in _named(entry, "instrument"):
                faults += _numbers(instrument, "instrument")
                for detector in _named(instrument, "detector"):
                    faults += _detector(detector)
            for image in _named(entry, "image"):
                faults += _image(image)
    return faults


def _root(file: h5py.File) -> list[str]:
    faults = _numbers(file, "")
    version = file.get("cxi_version")
    if not isinstance(version, h5py.Dataset) or version.dtype.kind not in "iu":
        faults.append("/: cxi_version is not an integer")
    entries = _named(file, "entry")
    if not entries:
        faults.append("/: no entry")
    count = file.get("number_of_entries")
    if count is not None and count[()] != len(entries):
        faults.append(f"/: number_of_entries is {count[()]}, and there are {len(entries)}")
    return faults


def _named(group: h5py.Group, kind: str) -> list[h5py.Group]:
    return [group[name] for name in group if re.fullmatch(rf"{kind}_\d+", name)]


def _numbers(group: h5py.Group, kind: str) -> list[str]:
    faults = []
    for name in NUMBERED[kind]:
        numbers = sorted(int(key.rpartition("_")[2]) for key in group if re.fullmatch(rf"{name}_\d+", key))
        if numbers != list(range(1, len(numbers) + 1)):
            faults.append(f"{group.name}: {name} groups are numbered {numbers}")
    return faults


def _data(group: h5py.Group) -> list[str]:
    data = group.get("data")
    if not isinstance(data, h5py.Dataset):
        return [f"{group.name}: no dataset data"]
    faults = _axes(group, data)
    if data.dtype.kind == "c" and h5py.check_dtype(complex=data.dtype) is None:
        members = data.id.get_type()
        if [members.get_member_name(n) for n in range(members.get_nmembers())] != [b"r", b"i"]:
            faults.append(f"{group.name}: complex numbers are not pairs of r and i")
    if "errors" in group and group["errors"].shape != data.shape:
        faults.append(f"{group.name}: errors have another shape than data")
    return faults


def _detector(group: h5py.Group) -> list[str]:
    data = group.get("data")
    if not isinstance(data, h5py.Dataset):
        return [f"{group.name}: no dataset data"]
    faults = _axes(group, data)
    modules = group.get("module_identifier")
    for name in ("corner_position", "basis_vectors") if modules is not None else ():
        if name in group and len(group[name]) != len(modules):
            faults.append(f"{group.name}: {name} has no row for each module")
    return faults


def _image(group: h5py.Group) -> list[str]:
    faults = [] if isinstance(group.get("data"), h5py.Dataset) else [f"{group.name}: no dataset data"]
    for name, words in (("data_type", DATA_TYPES), ("data_space", {"real", "diffraction"})):
        if name == "data_space" and name not in group:
            continue
        told = group[name].asstr()[()] if name in group and group[name].dtype.kind == "O" else None
        if name in group and group[name].dtype.kind == "S":
            told = group[name][()].decode()
        if told not in words:
            faults.append(f"{group.name}: {name} is {told!r}")
    return faults


def _axes(group: h5py.Group, data: h5py.Dataset) -> list[str]:
    axes = data.attrs.get("axes")
    if axes is None:
        return [f"{data.name}: {data.ndim} dimensions and no axes"] if data.ndim > 2 else []
    if not isinstance(axes, str):
        return [f"{data.name}: axes are not text"]
    names = axes.split(":")
    if len(names) != data.ndim:
        return [f"{data.name}: {len(names)} axes for {data.ndim} dimensions"]
    faults = []
    for name, length in zip(names, data.shape, strict=True):
        if name in IMPLICIT:
            continue
        if not isinstance(group.get(name), h5py.Dataset):
            faults.append(f"{data.name}: no dataset {name} beside it")
        elif (group[name].shape or (1,))[0] != length:
            faults.append(f"{data.name}: {name} is as long as {group[name].shape}, not {length}")
    return faults
