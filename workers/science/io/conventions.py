"""What facilities call things in HDF5 files: one row of a table for each layout.

A pattern is a path in which ``*`` stands for any part of a name and ``{entry}`` for the number of a group
that holds one frame. Look-ups take the first pattern that is there.

Facts are from: CXI 1.6 (cxi_file_format, cxidb/CXI), CXIDB 94, Cheetah's and psocake's own files, NeXus NXmx,
and files of FERMI LDM and SACLA.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

import h5py

from workers.science.errors import SourceError
from workers.science.io.links import GuardedFile, child_names

JOULE_IN_EV = 1 / 1.602176634e-19
_MAX_MATCHES = 256
# The order of look-up of CXI 1.6, below an entry; each may be a soft link.
CXI_PATHS = ("data_1/data", "image_1/data", "instrument_1/detector_1/data")
MASK_NAMES = ("mask", "mask_shared", "pixel_mask")
ID_NAMES = {
    "train_id": ("trainId", "trainID", "train_id"),
    "pulse_id": ("pulseId", "pulseID", "pulse_id"),
    "cell_id": ("cellId", "cellID", "cell_id"),
}
# Machines without trains number their bunches; both spellings of the CXI name are in use.
BUNCH_NAMES = ("bunches", "experiment_identifier", "experimental_identifier")


@dataclass(frozen=True)
class Column:
    """Where a number that belongs to each frame stands: one a frame, or one for all.

    Parameters
    ----------
    name : str
        Key in ``columns`` of a description; ``*`` takes the name of each dataset that matches.
    title, unit : str
        For people. A ``units`` attribute in the file goes before `unit`.
    paths : tuple of str
        Patterns, the first that is there counts.
    scale : float, default=1
        Factor from the value in the file to `unit`.
    period : str, optional
        Path of a number; the column is then 1 where the value is divisible by it, and else 0.
    index : str, optional
        Path of the numbers of groups for which the column has values, in its order.
    """

    name: str
    title: str
    unit: str
    paths: tuple[str, ...]
    scale: float = 1.0
    period: str = ""
    index: str = ""


@dataclass(frozen=True)
class Convention:
    """A layout of HDF5 files.

    Parameters
    ----------
    name : str
        Stands in a description as ``format``.
    words : str
        What people call it; stands there as ``format_words``.
    signs : tuple of tuple of str
        The layout is recognised where, for one of the tuples, all patterns are there; a pattern that ends
        in ``{entry}`` asks for two such groups or more.
    frames : tuple of str
        Where frames are looked up; where none is there, the largest dataset is proposed.
    columns : tuple of Column
        What is known of each frame.
    labels : tuple of str
        Where labels are: with ``{entry}`` the vector of one frame, else ``(n_labels, n_frames)``.
    slots : tuple of str
        Datasets that are 0 or empty where a slot of the stack holds no event.
    numbered_by : str
        Which identifier the number of a group is, where each frame lies in a group of its own.
    number_list : str
        Pattern of the list of numbers for which there should be such a group.
    """

    name: str
    words: str
    signs: tuple[tuple[str, ...], ...]
    frames: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    labels: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    numbered_by: str = ""
    number_list: str = ""


_ENERGY = Column(
    "photon_energy",
    "Photon energy",
    "eV",
    ("/entry_1/instrument_1/source_1/energy", "/entry_1/instrument_1/source_1/photon_energy"),
    JOULE_IN_EV,
)
_DETECTOR = (
    Column("distance", "Distance of the detector", "m", ("/entry_1/instrument_1/detector_1/distance",)),
    Column("pixel_size", "Pixel size", "µm", ("/entry_1/instrument_1/detector_1/x_pixel_size",), scale=1e6),
)
_LCLS = (
    Column(
        "photon_energy",
        "Photon energy",
        "eV",
        ("/LCLS/photon_energy_eV", "/instrument/photon_energy_eV", "/LCLS/photon_energy_eV_shared"),
    ),
    Column("machine_time", "Machine time", "s", ("/LCLS/machineTime",)),
    Column("machine_time_ns", "Machine time, fraction", "ns", ("/LCLS/machineTimeNanoSeconds",)),
    Column("fiducial", "Fiducial", "", ("/LCLS/fiducial",)),
    Column("*", "", "", ("/LCLS/*",)),
    Column("*", "", "", ("/LCLS/detector_1/*", "/instrument/detector_1/*")),
)
_CXI_FRAMES = tuple(f"/entry_1/{path}" for path in CXI_PATHS)
_TAG_LIST = "/run_*/event_info/tag_number_list"
_TAGS = ("/entry_1/instrument_1/detector_1/tags", "/entry_1/instrument_1/detector_1/*/tags")

CONVENTIONS = (
    Convention(
        "cxi_entries",
        "CXI, one entry a frame",
        (("/entry_{entry}",),),
        tuple(f"/entry_{{entry}}/{path}" for path in CXI_PATHS),
        (
            Column(
                "photon_energy",
                "Photon energy",
                "eV",
                ("/entry_{entry}/instrument_1/source_1/energy",),
                JOULE_IN_EV,
            ),
        ),
        ("/entry_{entry}/note_1/data",),
    ),
    Convention(
        "psocake",
        "CXI stack by psocake",
        (("/entry_1/data_1", "/entry_1/result_1"),),
        _CXI_FRAMES,
        (*_LCLS, _ENERGY, *_DETECTOR, Column("*", "", "", ("/entry_1/result_1/*",))),
        _TAGS,
    ),
    Convention(
        "cheetah",
        "CXI stack by Cheetah",
        (("/entry_1", "/LCLS"), ("/entry_1", "/EuXFEL"), ("/entry_1/instrument_1/detector_1/*/data",)),
        (*_CXI_FRAMES, "/entry_1/instrument_1/detector_1/*/data", "/entry_1/image_1/*/data"),
        (*_LCLS, _ENERGY, *_DETECTOR),
        _TAGS,
        ("/entry_1/experiment_identifier", "/LCLS/machineTime", "/EuXFEL/trainID", "/EuXFEL/trainId"),
    ),
    Convention(
        "cxi", "CXI stack", (("/cxi_version",), ("/entry_1",)), _CXI_FRAMES, (_ENERGY, *_DETECTOR), _TAGS
    ),
    Convention(
        "fermi",
        "FERMI run",
        (("/bunches", "/Background_Period"), ("/bunches", "/photon_source"), ("/bunches", "/vmi")),
        ("/vmi/andor",),
        (
            Column("background", "Background shot", "", ("/bunches",), period="/Background_Period"),
            Column(
                "i0_upstream",
                "I0 monitor, in front of the beamline",
                "",
                (
                    "/photon_diagnostics/FEL*/I0_monitor/iom_uh_a_pc",
                    "/photon_diagnostics/FEL*/I0_monitor/iom_uh_a",
                ),
            ),
            Column(
                "i0",
                "I0 monitor",
                "",
                (
                    "/photon_diagnostics/FEL*/I0_monitor/iom_sh_a_pc",
                    "/photon_diagnostics/FEL*/I0_monitor/iom_sh_a",
                ),
            ),
            Column("wavelength", "Wavelength", "nm", ("/photon_source/FEL*/wavelength",)),
            Column("delay", "Position of the delay line", "", ("/user_laser/delay_line/position",)),
        ),
    ),
    Convention(
        "sacla",
        "SACLA run",
        (("/run_*/detector_2d_*",),),
        ("/run_*/detector_2d_*/tag_{entry}/detector_data",),
        (
            Column(
                "photon_energy",
                "Photon energy",
                "eV",
                (
                    "/run_*/run_info/sacla_config/photon_energy_in_eV",
                    "/run_info/sacla_config/photon_energy_in_eV",
                ),
            ),
            Column(
                "absolute_gain",
                "Absolute gain",
                "electrons/count",
                ("{detector}/detector_info/absolute_gain",),
            ),
            Column("pixel_size", "Pixel size", "µm", ("{detector}/detector_info/pixel_size_in_micro_meter",)),
            Column("*", "", "", ("/run_*/event_info/bl_*/*",), index=_TAG_LIST),
            Column("*", "", "", ("/run_*/event_info/bl_*/*/*",), index=_TAG_LIST),
        ),
        numbered_by="train_id",
        number_list=_TAG_LIST,
    ),
    Convention(
        "nexus",
        "NeXus file",
        (("/entry/definition",), ("/entry/instrument",), ("/entry/data",)),
        ("/entry/data/data", "/entry/instrument/detector/data"),
        (
            Column(
                "wavelength",
                "Wavelength",
                "Å",
                ("/entry/instrument/beam/incident_wavelength", "/entry/sample/beam/incident_wavelength"),
            ),
            Column(
                "photon_energy",
                "Photon energy",
                "eV",
                (
                    "/entry/instrument/beam/incident_energy",
                    "/entry/instrument/detector/collection/beam_energy",
                    "/entry/instrument/detector/detectorSpecific/photon_energy",
                ),
            ),
            Column(
                "total_flux",
                "Flux",
                "Hz",
                ("/entry/instrument/beam/total_flux", "/entry/sample/beam/total_flux"),
            ),
            Column(
                "distance",
                "Distance of the detector",
                "m",
                ("/entry/instrument/detector/detector_distance", "/entry/instrument/detector/distance"),
            ),
            Column("pixel_size", "Pixel size", "m", ("/entry/instrument/detector/x_pixel_size",)),
            Column("exposure", "Exposure time", "s", ("/entry/instrument/detector/count_time",)),
            Column("omega", "Omega", "deg", ("/entry/data/omega", "/entry/sample/goniometer/omega")),
        ),
    ),
    # The last row takes every file; numbers that lie beside the frames, one a frame, come along.
    Convention("hdf5", "HDF5 stack", ((),), (), (Column("*", "", "", ("{group}/*",)),)),
)


def recognise_convention(file: GuardedFile) -> Convention:
    """Find the layout of a file: the first of the table whose signs are there.

    Parameters
    ----------
    file : GuardedFile
        An open file.

    Returns
    -------
    convention : Convention
        The last row of the table, plain HDF5, if no other fits.
    """
    return next(
        row
        for row in CONVENTIONS
        if any(all(_is_sign(file, pattern) for pattern in sign) for sign in row.signs)
    )


def convention_named(name: str) -> Convention:
    """Return a row of the table by its name."""
    return next(row for row in CONVENTIONS if row.name == name)


def match_paths(file: GuardedFile, pattern: str) -> list[str]:
    """List what a pattern without ``{entry}`` stands for in a file.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    pattern : str
        Path with ``*`` in names.

    Returns
    -------
    paths : list of str
        Objects that are there, in the order of names; no link is followed but by the guard.
    """
    found = [""]
    parts = pattern.strip("/").split("/")
    for number, part in enumerate(parts):
        if "*" not in part:
            found = [f"{path}/{part}" for path in found]
            continue
        found = [
            f"{path}/{name}" for path in found for name in _names(file, path) if fnmatchcase(name, part)
        ][:_MAX_MATCHES]
        if number == len(parts) - 1:
            return found
    return [path for path in found if is_there(file, path)]


def is_there(file: GuardedFile, path: str) -> bool:
    """Whether the guard finds an object at a path."""
    try:
        file.locate(path)
    except SourceError:
        return False
    return True


def numbered_children(file: GuardedFile, path: str, prefix: str) -> list[int]:
    """List the numbers of the groups ``prefix<number>`` in a group, in order; none if it is not there.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    path, prefix : str
        The group, and how the names begin.

    Returns
    -------
    numbers : list of int
        Only names are read, so that it costs little however many there are.
    """
    pattern = re.compile(re.escape(prefix) + r"(0|[1-9]\d*)")
    return sorted(int(match[1]) for name in _names(file, path) if (match := pattern.fullmatch(name)))


def _is_sign(file: GuardedFile, pattern: str) -> bool:
    if pattern.endswith("{entry}"):
        path, prefix = pattern.removesuffix("{entry}").rsplit("/", 1)
        return len(numbered_children(file, path, prefix)) > 1
    return bool(match_paths(file, pattern))


def _names(file: GuardedFile, path: str) -> list[str]:
    try:
        node = file.locate(path).node
    except SourceError:
        return []
    return sorted(child_names(node)) if isinstance(node, h5py.Group) else []
