"""Where networks compute."""

import torch


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
