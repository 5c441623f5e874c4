"""A network as one file that goes to another facility: a zip of numbers and plain JSON, nothing that can run.

What comes in is untrusted: only the known names, within limits, each with its SHA-256, weights as
safetensors, arrays without objects.
"""

import hashlib
import io
import json
import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from webapp.jobs.models import Product
from webapp.networks.card_check import CardError, checked_card

ABOUT = "fringe-network.json"
WEIGHTS, CARD, GEOMETRY = "network.safetensors", "card.json", "geometry.npz"
JUDGED, REFERENCE = "judged.npz", "reference.safetensors"
NEEDED = (WEIGHTS, CARD, GEOMETRY)
NAMES = (*NEEDED, JUDGED, REFERENCE)
FORMAT = 1
MOST_BYTES = {ABOUT: 1 << 20, CARD: 20 << 20, WEIGHTS: 400 << 20, GEOMETRY: 64 << 20}
MOST_OTHER = 64 << 20
MOST_ARRAYS = 512 << 20  # of an .npz, unpacked
MOST_HEADER = 4 << 20
_BLOCK = 1 << 20
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_DTYPES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


class PackageError(ValueError):
    """A file that is no network, or not one to be trusted; one line for the user."""


@dataclass(frozen=True)
class Package:
    """What a package holds, checked: the files by name, the card, and what is said about it."""

    files: dict[str, bytes]
    card: dict[str, Any]
    title: str
    note: str
    learned_from: str

    @property
    def sha256(self) -> str:
        """What names the network: the digest of all files."""
        parts = [f"{name} {hashlib.sha256(self.files[name]).hexdigest()}" for name in sorted(self.files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def write_package(network: Product, note: str, title: str, out: IO[bytes]) -> None:
    """Write a network as a zip; the same network gives the same bytes."""
    names = [name for name in NAMES if name in network.files]
    about = {
        "format": FORMAT,
        "title": title,
        "note": note,
        "learned_from": network.dataset.name if network.dataset else network.params.get("learned_from", ""),
        "made_at": network.created_at.isoformat(),
        "sha256": {name: network.files[name]["sha256"] for name in names},
    }
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        text = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False)
        packed.writestr(zipfile.ZipInfo(ABOUT, _LONG_AGO), text)
        for name in names:
            with (
                packed.open(zipfile.ZipInfo(name, _LONG_AGO), "w") as member,
                network.path(name).open("rb") as file,
            ):
                while block := file.read(_BLOCK):
                    member.write(block)


def read_package(file: IO[bytes]) -> Package:
    """Read and check a zip that somebody sent.

    Raises
    ------
    PackageError
        What is wrong with it, and what to do.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            files = _members(packed)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, PackageError):
            raise
        raise PackageError("This is no zip file that can be read. Export the network again.") from error
    about = _json(files, ABOUT)
    if about.get("format") != FORMAT:
        raise PackageError(
            "It was exported by a version of Fringe that this one does not know. Export it anew."
        )
    missing = [name for name in NEEDED if name not in files]
    if missing:
        raise PackageError(f"It lacks {missing[0]}. Export the network again.")
    told = about.get("sha256")
    kept = {name: data for name, data in files.items() if name != ABOUT}
    for name, data in kept.items():
        if not isinstance(told, dict) or told.get(name) != hashlib.sha256(data).hexdigest():
            raise PackageError(f"{name} is not what was exported: its SHA-256 differs. Send the file again.")
    try:
        card = checked_card(_json(files, CARD))
    except CardError as error:
        raise PackageError(f"Its card is damaged: {error}. Export the network again.") from error
    for name in kept:
        if name.endswith(".safetensors"):
            check_safetensors(name, kept[name])
        elif name.endswith(".npz"):
            check_arrays(name, kept[name])
    title, note, learned_from = (_text(about, name, most) for name, most in _TEXTS)
    return Package(kept, card, title, note, learned_from)


_TEXTS = (("title", 200), ("note", 2000), ("learned_from", 200))


def _members(packed: zipfile.ZipFile) -> dict[str, bytes]:
    members = packed.infolist()
    if len(members) > len(NAMES) + 1:
        raise PackageError(f"It holds {len(members)} files, a network has {len(NAMES) + 1} at most.")
    files: dict[str, bytes] = {}
    for member in members:
        name = member.filename
        if name not in (ABOUT, *NAMES):
            raise PackageError(f"It holds “{name[:80]}”, which is no part of a network.")
        if name in files:
            raise PackageError(f"It holds {name} twice.")
        most = MOST_BYTES.get(name, MOST_OTHER)
        with packed.open(member) as stream:
            data = stream.read(most + 1)  # what a member says of its size may be a lie
        if len(data) > most:
            raise PackageError(f"{name} is larger than {most >> 20} MB, which no network of Fringe is.")
        files[name] = data
    return files


def _json(files: dict[str, bytes], name: str) -> dict[str, Any]:
    try:
        found = json.loads(files[name], parse_constant=_refuse)
    except (KeyError, ValueError, RecursionError) as error:
        raise PackageError(f"{name} is missing or no JSON. Export the network again.") from error
    if not isinstance(found, dict):
        raise PackageError(f"{name} is no object. Export the network again.")
    return found


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _text(about: dict[str, Any], name: str, most: int) -> str:
    value = about.get(name, "")
    return " ".join(value.split())[:most] if isinstance(value, str) else ""


def check_safetensors(name: str, data: bytes) -> None:
    """Refuse what is not a whole file of tensors, each where the header says, without gap or overlap."""
    size = int.from_bytes(data[:8], "little") if len(data) >= 8 else -1
    if not 2 <= size <= min(MOST_HEADER, len(data) - 8):
        raise PackageError(
            f"{name} is no safetensors file. Only such weights are taken, nothing that can run."
        )
    try:
        header = json.loads(data[8 : 8 + size])
        spans = sorted(_span(entry) for tensor, entry in header.items() if tensor != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PackageError(f"The header of {name} is damaged. Export the network again.") from error
    end = 0
    for start, stop in spans:
        if start != end:
            raise PackageError(f"The tensors of {name} overlap or leave gaps. Export the network again.")
        end = stop
    if end != len(data) - 8 - size:
        raise PackageError(f"{name} is cut off or too long. Send the file again.")


def _span(entry: dict[str, Any]) -> tuple[int, int]:
    start, stop = entry["data_offsets"]
    if not all(type(each) is int and each >= 0 for each in (start, stop, *entry["shape"])):
        raise ValueError("offsets")
    if stop - start != math.prod(entry["shape"]) * _DTYPES[entry["dtype"]]:
        raise ValueError("size")
    return start, stop


def check_arrays(name: str, data: bytes) -> None:
    """Refuse an .npz that holds objects, which would be unpickled, or that unpacks to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(member.file_size for member in packed.infolist()) > MOST_ARRAYS:
                raise PackageError(f"{name} unpacks to more than {MOST_ARRAYS >> 20} MB.")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            for key in arrays.files:
                if arrays[key].dtype.hasobject:
                    raise ValueError(key)
    except PackageError:
        raise
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise PackageError(f"{name} holds something else than numbers, or is damaged.") from error


def packed_name(title: str) -> str:
    """Return what the file is called at the receiver's."""
    stem = "".join(letter if letter.isalnum() else "-" for letter in title).strip("-")[:80]
    return f"{stem or 'network'}.zip"


def write_files(package: Package, folder: Path) -> dict[str, dict[str, Any]]:
    """Write the files of a package into a folder; return their sizes and SHA-256."""
    found = {}
    for name, data in package.files.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        found[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return found
