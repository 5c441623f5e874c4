"""A checkpoint of a training in one file: tensors in safetensors, the rest as JSON in its header.

No pickle: what lies in a scratch folder cannot run code.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


def save_checkpoint(path: Path, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
    """Write a checkpoint so that a kill leaves either the old one or the new one.

    Parameters
    ----------
    path : Path
        The file.
    tensors : dict of str to torch.Tensor
        State; moved to the CPU.
    facts : dict
        Plain JSON values.
    """
    partial = path.with_suffix(".partial")
    stored = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    save_file(stored, str(partial), metadata={"facts": json.dumps(facts)})
    partial.replace(path)


def load_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    tensors, facts : dict, dict
        As saved; None instead of both if there is no checkpoint or it cannot be read.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def optimiser_tensors(prefix: str, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the moments of an Adam optimiser, named ``prefix.<parameter>.<moment>``."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}.{i}.{name}": value for i, part in state.items() for name, value in part.items()}


def restore_optimiser(
    prefix: str, optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]
) -> None:
    """Put back what `optimiser_tensors` returned."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(f"{prefix}."):
            _, index, name = key.rsplit(".", 2)
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
