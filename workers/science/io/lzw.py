"""Check a stream of TIFF's LZW before the compiled decoder gets it.

The decoder of imagecodecs takes codes on trust, and one that stands for nothing yet ends the process. Codes
are 9 to 12 bits wide, most significant bit first, and the width follows from how many were read since the
table was cleared (TIFF 6.0, section 13), so a whole run between two clearings is cut out and compared at
once.
"""

import numpy as np
from numpy.typing import NDArray

CLEAR, END, FIRST = 256, 257, 258
_TABLE = 4096
_LONGEST_RUN = _TABLE - FIRST + 1
# Entry of the table that is free when each code of a run is read: the first code adds none.
_FREE = FIRST + np.maximum(np.arange(_LONGEST_RUN) - 1, 0)
_WIDTHS = 9 + (_FREE >= 511).astype(int) + (_FREE >= 1023) + (_FREE >= 2047)
_OFFSETS = np.concatenate([[0], np.cumsum(_WIDTHS)])
_STEPS = (64, 512, _LONGEST_RUN)


def is_sound(stream: bytes) -> bool:
    """Whether each code of a stream stands for something when it is read.

    Parameters
    ----------
    stream : bytes
        A strip or tile.

    Returns
    -------
    is_sound : bool
        False also for the kind of LZW that was in use before TIFF 6.0.
    """
    data = np.frombuffer(stream + bytes(4), np.uint8)
    n_bits = 8 * len(stream)
    if n_bits < 9 or _codes(data, 0, 1)[0] != CLEAR:
        return False
    start = 9
    while start + 9 <= n_bits:
        length = _run(data, start, n_bits)
        if length is None:
            return False
        if length < 0:  # the last run
            return True
        start += length
    return True


def _run(data: NDArray, start: int, n_bits: int) -> int | None:
    """Return how many bits a run has with its clearing, -1 if it is the last, None if it is not sound."""
    for limit in _STEPS:
        n_codes = int(np.searchsorted(_OFFSETS[1 : limit + 1], n_bits - start, side="right"))
        codes = _codes(data, start, n_codes)
        ends = np.flatnonzero((codes == CLEAR) | (codes == END))
        n_plain = int(ends[0]) if len(ends) else n_codes
        plain = codes[:n_plain]
        if n_plain and (plain[0] >= CLEAR or (plain[1:] > _FREE[1:n_plain]).any()):
            return None
        if len(ends):
            return -1 if codes[n_plain] == END else int(_OFFSETS[n_plain + 1])
        if n_codes < limit:
            return -1
    return None  # the table is full and was not cleared


def _codes(data: NDArray, start: int, n_codes: int) -> NDArray:
    bits = start + _OFFSETS[:n_codes]
    first = bits >> 3
    window = (data[first].astype(np.int64) << 16) | (data[first + 1].astype(np.int64) << 8) | data[first + 2]
    widths = _WIDTHS[:n_codes]
    return (window >> (24 - (bits & 7) - widths)) & ((1 << widths) - 1)
