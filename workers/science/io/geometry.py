"""Where the modules of a large detector lie in the image: EXtra-geom's geometries, or one above the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.guard import Guard

if TYPE_CHECKING:
    from extra_geom.base import DetectorGeometryBase

_MAX_GEOM_BYTES = 4 * 2**20
# Class in EXtra-geom, how it is made, and the positions of the quadrants in the examples of its
# documentation: in pixels for AGIPD, in mm for LPD and DSSC.
_KNOWN = {
    "AGIPD1M": ("AGIPD_1MGeometry", [(-525, 625), (-550, -10), (520, -160), (542.5, 475)]),
    "AGIPD500K": ("AGIPD_500K2GGeometry", None),
    "LPD1M": ("LPD_1MGeometry", [(11.4, 299), (-11.5, 8), (254.5, -16), (278.5, 275)]),
    "DSSC1M": ("DSSC_1MGeometry", [(-130, 5), (-130, -125), (5, -125), (5, 5)]),
}


@dataclass(frozen=True)
class Geometry:
    """Places of modules in an image.

    Parameters
    ----------
    kind : str
        A name of the table of known detectors; empty where modules are put one above the other.
    path : str or None
        CrystFEL geometry file.
    n_modules : int
        Number of modules, 1 for a detector that needs no assembling.
    module_shape : tuple of int
        (slow scan, fast scan) pixels of a module.
    engine : DetectorGeometryBase or None
        EXtra-geom's geometry.
    """

    kind: str
    path: str | None
    n_modules: int
    module_shape: tuple[int, int]
    engine: "DetectorGeometryBase | None" = None

    @property
    def height(self) -> int:
        """Rows of an image."""
        return self._shape[0]

    @property
    def width(self) -> int:
        """Columns of an image."""
        return self._shape[1]

    @property
    def _shape(self) -> tuple[int, int]:
        if self.engine is None:
            return self.n_modules * self.module_shape[0], self.module_shape[1]
        return self.engine.output_array_for_position().shape

    def describe(self) -> dict[str, Any]:
        """Give the geometry as plain JSON values."""
        return {"kind": self.kind, "path": self.path, "module_shape": list(self.module_shape)}

    def assemble(self, modules: NDArray[np.float32]) -> NDArray[np.float32]:
        """Put modules into their places.

        Parameters
        ----------
        modules : ndarray of shape (m, n_modules, slow scan, fast scan), float32
            NaN where a module is missing.

        Returns
        -------
        images : ndarray of shape (m, height, width), float32
            NaN where no module lies.
        """
        if self.engine is None:
            return modules.reshape(len(modules), -1, modules.shape[-1])
        images = self.engine.output_array_for_position((len(modules),), np.float32)
        self.engine.position_modules(modules, out=images)
        return images

    def covered(self) -> NDArray[np.bool_]:
        """Return where modules lie, bool (height, width)."""
        ones = np.ones((1, self.n_modules, *self.module_shape), np.float32)
        return np.isfinite(self.assemble(ones)[0])


def find_geometry(
    guard: Guard, source: str, detector: str, module_shape: tuple[int, int], n_modules: int
) -> tuple[Geometry, list[str]]:
    """Choose the geometry of a run: a CrystFEL file beside it, else a usual one.

    Parameters
    ----------
    guard : Guard
        Opens the geometry file.
    source : str
        A file of the run.
    detector : str
        Name of the detector, such as ``SPB_DET_AGIPD1M-1``.
    module_shape : tuple of int
        (slow scan, fast scan) pixels of a module.
    n_modules : int
        Number of modules.

    Returns
    -------
    geometry : Geometry
        It fits the modules.
    warnings : list of str
        What the person should know about it.
    """
    kind = next((name for name in _KNOWN if name in detector), "")
    if n_modules == 1:
        return Geometry("", None, 1, module_shape), []
    if not kind:
        text = f"No geometry is known for {detector}; its modules are put one above the other."
        return Geometry("", None, n_modules, module_shape), [text]
    warnings = []
    for path in _geom_files(guard, source):
        try:
            return open_geometry(guard, kind, path, n_modules, module_shape), [
                f"The geometry is that of {path}."
            ]
        except SourceError as error:
            warnings.append(f"The geometry file is not used: {error}")
    geometry = open_geometry(guard, kind, None, n_modules, module_shape)
    text = (
        f"There is no geometry file beside the run; the modules lie where {kind} usually has them, "
        "which can be wrong by several pixels. Put a CrystFEL .geom file into the folder of the run."
    )
    return geometry, [*warnings, text]


def open_geometry(
    guard: Guard, kind: str, path: str | None, n_modules: int, module_shape: tuple[int, int]
) -> Geometry:
    """Open the geometry that a description names.

    Parameters
    ----------
    guard : Guard
        Opens the geometry file.
    kind : str
        As in `Geometry`.
    path : str or None
        CrystFEL file; the usual positions if None.
    n_modules : int
        Number of modules.
    module_shape : tuple of int
        (slow scan, fast scan) pixels of a module.

    Returns
    -------
    geometry : Geometry
        Ready to assemble.

    Raises
    ------
    SourceError
        If the file is refused or does not fit the modules.
    """
    if not kind:
        return Geometry("", None, n_modules, module_shape)
    import extra_geom

    name, positions = _KNOWN[kind]
    made = getattr(extra_geom, name)
    if path is not None:
        engine = _read_crystfel(guard, made, path)
    else:
        engine = made.from_quad_positions(positions) if positions else made.from_origin()
    if tuple(engine.expected_data_shape) != (n_modules, *module_shape):
        cause = f"is for {engine.expected_data_shape} pixels, the run has {(n_modules, *module_shape)}"
        raise SourceError(path or kind, cause, "Use the geometry of this detector")
    return Geometry(kind, path, n_modules, module_shape, engine)


def _read_crystfel(guard: Guard, made: type, path: str) -> "DetectorGeometryBase":
    text = guard.read_head(path, _MAX_GEOM_BYTES + 1)
    if len(text) > _MAX_GEOM_BYTES:
        raise SourceError(path, "is too long for a geometry file", "Use a CrystFEL .geom file")
    try:
        return made.from_crystfel_geom(guard.opened[str(Path(path).resolve())].real_path)
    except Exception as error:  # a parser of free text, which raises whatever comes
        cause = f"cannot be read as a CrystFEL geometry ({type(error).__name__}: {str(error)[:120]})"
        raise SourceError(path, cause, "Check the .geom file") from error


def _geom_files(guard: Guard, source: str) -> list[str]:
    folder = Path(source).resolve().parent
    roots = [Path(root) for root in guard.roots]
    found = []
    for place in (folder, folder.parent):
        if any(place == root or place.is_relative_to(root) for root in roots):
            found += sorted(str(path) for path in place.glob("*.geom") if path.is_file())
    return found
