"""Where networks compute, and how: what was measured to pay on each sort of device."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

WORTH_COMPILING = 20_000
"""Steps from which a GPU makes up for the time, up to a minute, that compiling a training takes."""


def pick_device() -> torch.device:
    """Return the accelerator if there is one, else the CPU.

    Random numbers are drawn on the CPU everywhere, so that a seed means the same on both; the arithmetic
    differs in the last digits, and so does what a training ends at.

    Returns
    -------
    device : torch.device
        ``cuda`` or ``cpu``.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Computing:
    """How a training computes on its device.

    Attributes
    ----------
    device : torch.device
        Where.
    bf16 : bool
        Products in bfloat16; sums, losses and weights stay float32.
    channels_last : bool
        Images with their channels last in memory.
    compiled : bool
        By torch.compile.
    """

    device: torch.device
    bf16: bool = False
    channels_last: bool = False
    compiled: bool = False

    def autocast(self) -> AbstractContextManager:
        """Return the context in which products have the precision of this device."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    @property
    def words(self) -> str:
        """All this for the card of a network."""
        names = {"bf16": self.bf16, "channels last": self.channels_last, "compiled": self.compiled}
        return ", ".join([self.device.type, *(name for name, is_on in names.items() if is_on)])


def pick_computing(device: torch.device, n_steps: int) -> Computing:
    """Choose how to train on a device.

    On a CPU nothing of this is on: without instructions for it bfloat16 is slower than float32, channels
    last has corrupted the memory of narrow layers (torch 2.13), and compiling takes longer than the default
    training.

    Parameters
    ----------
    device : torch.device
        Where the training runs.
    n_steps : int
        Its length.

    Returns
    -------
    computing : Computing
        The choice.
    """
    if device.type != "cuda":
        return Computing(device)
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return Computing(device, bf16=bf16, channels_last=True, compiled=n_steps >= WORTH_COMPILING)
