"""A network folder: weights, a card that says what they are, and the geometry they learned with.

Weights are stored as safetensors, which hold numbers only: a network from somebody else cannot run code.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from workers.science.errors import ScienceError

WEIGHTS = "network.safetensors"
CARD = "card.json"
GEOMETRY = "geometry.npz"
_DAMAGE = (
    *(RuntimeError, LookupError, TypeError, ValueError, AttributeError, OSError, EOFError),
    zipfile.BadZipFile,
)


def save_network(
    folder: str | Path, state_dict: dict[str, torch.Tensor], card: dict[str, Any], geometry_from: str | Path
) -> None:
    """Write weights, card and a copy of the geometry into a folder.

    Parameters
    ----------
    folder : str or Path
        An existing folder; the files in it with the same names are replaced.
    state_dict : dict of str to torch.Tensor
        Weights and constants, on any device; stored on the CPU in their own dtype.
    card : dict
        Plain JSON values; `kind` must be ``"factorvae"`` or ``"classifier"``.
    geometry_from : str or Path
        A folder with `geometry.npz`, or that file: mask, centre and scale of the frames learned from.

    Raises
    ------
    ValueError
        If the card holds a number that is not finite, which JSON cannot hold.
    """
    folder, source = Path(folder), Path(geometry_from)
    text = json.dumps(card, indent=1, allow_nan=False)
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state_dict.items()}
    save_file(tensors, str(folder / WEIGHTS))
    shutil.copyfile(source / GEOMETRY if source.is_dir() else source, folder / GEOMETRY)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def load_card(folder: str | Path) -> dict[str, Any]:
    """Read the card of a network.

    Parameters
    ----------
    folder : str or Path
        The network's folder.

    Returns
    -------
    dict
        The card, as `save_network` got it.

    Raises
    ------
    ScienceError
        If the card is missing or is not a card.
    """
    path = Path(folder) / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScienceError(
            CARD, "the card of the network cannot be read", "Train the network again"
        ) from error
    if not isinstance(card, dict) or card.get("kind") not in ("factorvae", "classifier"):
        raise ScienceError(CARD, "it does not describe a network of this program", "Choose another network")
    return card


def load_tensors(folder: str | Path) -> dict[str, torch.Tensor]:
    """Read the weights of a network onto the CPU.

    Parameters
    ----------
    folder : str or Path
        The network's folder.

    Returns
    -------
    dict of str to torch.Tensor
        As `save_network` got them.

    Raises
    ------
    ScienceError
        If the weights are missing or damaged.
    """
    try:
        return load_file(str(Path(folder) / WEIGHTS), device="cpu")
    except (OSError, SafetensorError) as error:
        raise ScienceError(
            WEIGHTS, "the weights of the network cannot be read", "Train the network again"
        ) from error


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn what goes wrong with the parts of a network into one line for the user.

    Parts of another network, or of none: tensors of other shapes, a card without what belongs there, a
    geometry that holds objects.
    """
    try:
        yield
    except ScienceError:
        raise
    except _DAMAGE as error:
        cause = "weights, card and geometry do not belong together, or one of them is damaged"
        raise ScienceError("This network", cause, "Train it again, or import it again") from error


def weights_sha256(folder: str | Path) -> str:
    """Return the SHA-256 of a network's weights."""
    with (Path(folder) / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_kind(card: dict[str, Any], kind: str) -> None:
    """Refuse a network of another kind than a step can use.

    Parameters
    ----------
    card : dict
        As `load_card` returns it.
    kind : str
        ``"factorvae"`` or ``"classifier"``.

    Raises
    ------
    ScienceError
        If the card is of another kind.
    """
    if card["kind"] != kind:
        raise ScienceError(CARD, f"this step needs a {kind}, this is a {card['kind']}", f"Choose a {kind}")
