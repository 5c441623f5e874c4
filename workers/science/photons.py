"""Find how many units of a detector one photon is worth, where single photons can be told apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workers.science.resample import find_invalid

_BINS = 400
_MIN_PEAK_PIXELS = 200
# The histogram is made in double precision; of the first frames of a large detector some pixels tell enough.
_MAX_VALUES = 16_000_000
# The peak of single photons must stand out above the valley before it by this factor.
_MIN_PROMINENCE = 1.5
# Between whole numbers nearer than this there is no valley; they are photons of a bright pattern.
_MIN_WHOLE_GAIN = 8


@dataclass(frozen=True)
class PhotonScale:
    """How values become photons.

    Attributes
    ----------
    gain : float or None
        Units a photon; None where it is not known, and photons are then taken as the total.
    dark : float
        Value of a pixel without a photon, in units.
    words : str
        For people: how the photons were counted.
    """

    gain: float | None
    dark: float
    words: str

    def count(self, totals: NDArray, n_used: NDArray) -> NDArray:
        """Return photons of frames with these totals, float64 (n,), over so many pixels each."""
        return totals if self.gain is None else (totals - self.dark * n_used) / self.gain


def estimate_photon_scale(frames: NDArray, good: NDArray | None) -> PhotonScale:
    """Look for the peak of single photons among the values of a few frames.

    Parameters
    ----------
    frames : ndarray of shape (m, h, w)
        A few frames.
    good : ndarray of shape (h, w), bool, or None
        True = good.

    Returns
    -------
    scale : PhotonScale
    """
    values = frames[:, good] if good is not None else frames.ravel()
    values = values.ravel()
    values = values[:: -(-values.size // _MAX_VALUES) or 1]
    invalid = find_invalid(values)
    values = values if invalid is None else values[~invalid]
    if frames.dtype.kind in "iu" and _counts_photons(values):
        return PhotonScale(1.0, 0.0, "the detector counts photons: the total of the frame")
    found = _find_peak(values.astype(np.float64))
    if found is None or (frames.dtype.kind in "iu" and found[0] < _MIN_WHOLE_GAIN):
        return PhotonScale(
            None, 0.0, "no peak of single photons was seen: the total, in the unit of the detector"
        )
    gain, dark = found
    words = f"total over {gain:.4g} units a photon, from the peak of single photons"
    return PhotonScale(
        gain, dark, words if abs(dark) < gain / 4 else f"{words}, above a dark value of {dark:.4g}"
    )


def _counts_photons(values: NDArray) -> bool:
    """Whether most pixels hold 0, and some hold 1, which noise cut off at 0 would not do so clearly."""
    if values.size == 0:
        return True
    none, one = (int(np.count_nonzero(values == n)) for n in range(2))
    return none > 0.5 * values.size and one > 0


def _find_peak(values: NDArray) -> tuple[float, float] | None:
    """Return distance of the second peak of a histogram from the first, and where the first is."""
    if values.size == 0:
        return None
    low, high = np.percentile(values, (0.5, 99.9))
    if high <= low:
        return None
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(float), 3)
    dark = int(smooth.argmax())
    beyond = smooth[dark:]
    valley = dark + _first_minimum(beyond)
    if valley >= _BINS - 1:
        return None
    peak = valley + int(smooth[valley:].argmax())
    stands_out = smooth[peak] > _MIN_PROMINENCE * smooth[valley]
    is_peaked = counts[max(0, peak - 8) : peak + 9].sum() >= _MIN_PEAK_PIXELS and peak < _BINS - 8
    if not (stands_out and is_peaked):
        return None
    middle = (edges[:-1] + edges[1:]) / 2
    return float(middle[peak] - middle[dark]), float(middle[dark])


def _first_minimum(heights: NDArray) -> int:
    rising = np.flatnonzero(np.diff(heights) > 0)
    return int(rising[0]) if rising.size else len(heights) - 1
