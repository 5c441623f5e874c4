"""Wavelength, distance and pixel size of frames, as far as their source columns tell."""

import numpy as np
from numpy.typing import NDArray

PLANCK_TIMES_LIGHT_EV_NM = 1239.841984
EV_IN_JOULE = 1.602176634e-19
_METRES = {"m": 1.0, "mm": 1e-3, "µm": 1e-6, "um": 1e-6, "nm": 1e-9, "Å": 1e-10, "angstrom": 1e-10}
_EV = {"eV": 1.0, "keV": 1e3}
DISTANCES = ("distance", "detector_distance")
COLUMNS = ("wavelength", "photon_energy", "pixel_size", *DISTANCES)
"""Names of the source columns that are read here."""


def metres_per_radius(columns: dict[str, NDArray], units: dict[str, str]) -> NDArray[np.float64] | None:
    """Return wavelength times distance over pixel size: what ring spacing and diameter multiply to.

    In the far field and at small angles, a sphere of diameter D makes rings whose distance on the detector,
    in pixels, is ``wavelength * distance / (D * pixel size)``.

    Parameters
    ----------
    columns : dict of str to ndarray of shape (n,), float64
        Source columns by name; NaN where unknown.
    units : dict of str to str
        Unit of each.

    Returns
    -------
    lengths : ndarray of shape (n,), float64, or None
        In metres times pixels; None where a column is missing or of a unit that is not known.
    """
    distance = next((name for name in DISTANCES if name in columns), "")
    pixel = _in(columns, units, "pixel_size", _METRES)
    length, wavelength = _in(columns, units, distance, _METRES), _in(columns, units, "wavelength", _METRES)
    if wavelength is None:
        energy = _in(columns, units, "photon_energy", _EV)
        if energy is not None:
            with np.errstate(divide="ignore"):
                wavelength = 1e-9 * PLANCK_TIMES_LIGHT_EV_NM / energy
    if pixel is None or length is None or wavelength is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = wavelength * length / pixel
    return np.where(np.isfinite(lengths) & (lengths > 0), lengths, np.nan)


def in_si(columns: dict[str, NDArray], units: dict[str, str]) -> dict[str, NDArray[np.float64]]:
    """Return ``energy`` in joule, ``distance`` and ``pixel_size`` in metres, as far as columns tell.

    Parameters
    ----------
    columns, units
        As for `metres_per_radius`.
    """
    distance = next((name for name in DISTANCES if name in columns), "")
    energy, wavelength = _in(columns, units, "photon_energy", _EV), _in(columns, units, "wavelength", _METRES)
    if energy is None and wavelength is not None:
        with np.errstate(divide="ignore"):
            energy = 1e-9 * PLANCK_TIMES_LIGHT_EV_NM / wavelength
    found = {
        "energy": None if energy is None else energy * EV_IN_JOULE,
        "distance": _in(columns, units, distance, _METRES),
        "pixel_size": _in(columns, units, "pixel_size", _METRES),
    }
    return {name: values for name, values in found.items() if values is not None}


def _in(columns: dict[str, NDArray], units: dict[str, str], name: str, factors: dict) -> NDArray | None:
    factor = factors.get(units.get(name, ""))
    return None if factor is None or name not in columns else np.asarray(columns[name], np.float64) * factor
