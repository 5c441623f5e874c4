"""Step: read the labels that the source files hold, such as those of CXIDB 94."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io import open_source
from workers.science.progress import Progress, silent

BLOCK = 256  # frames between two reports
# The files of CXIDB 94 do not name their labels. Their publication says how many of its 7264 images have
# each (Zimmermann et al., Phys. Rev. E 99, 063309 (2019)), and no two numbers are the same.
CXIDB_94 = {
    6589: "Spherical/Oblate",
    5792: "Round",
    796: "Elliptical",
    460: "NewtonRings",
    453: "Prolate",
    390: "Bent",
    367: "Asymmetric",
    242: "Streak",
    218: "DoubleRings",
    211: "Empty",
    47: "Layered",
}


def read_labels(*, source: dict[str, Any], out: str, on_progress: Progress = silent) -> dict[str, Any]:
    """Read the labels of all frames.

    Parameters
    ----------
    source : dict
        A source description whose ``label_names`` are not empty.
    out : str
        Folder for ``labels.npz``: `indices` int64 (m,), the frames with a label, and `matrix` bool (m, k).
    on_progress : Progress

    Returns
    -------
    result : dict
        ``classes``, their names, and ``n_labelled``.

    Raises
    ------
    SourceError
        If the files hold no labels, or if a file has changed since it was described.
    """
    names, n_frames = source.get("label_names", []), source["n_frames"]
    if not names:
        raise SourceError(source["files"][0]["path"], "holds no labels", "Take labels in from a CSV")
    rows = []
    with open_source(source) as reader:
        for start in range(0, n_frames, BLOCK):
            stop = min(n_frames, start + BLOCK)
            rows.append(reader.read_labels(start, stop))
            on_progress(stop, n_frames, note="reading labels")
    matrix = np.concatenate(rows)
    indices = np.flatnonzero(matrix.any(axis=1))
    np.savez(Path(out) / "labels.npz", indices=indices.astype(np.int64), matrix=matrix[indices])
    return {"classes": name_labels(names, matrix), "n_labelled": len(indices)}


def name_labels(names: list[str], matrix: NDArray[np.bool_]) -> list[str]:
    """Name the labels of CXIDB 94 by how often they occur; those of other files are called as they are.

    Parameters
    ----------
    names : list of str of length k
        What the description calls them.
    matrix : ndarray of shape (n, k), bool
        The labels of all frames.

    Returns
    -------
    names : list of str of length k
        As given, unless all numbers are those of CXIDB 94.
    """
    counts = matrix.sum(axis=0).tolist()
    return [CXIDB_94[count] for count in counts] if sorted(counts) == sorted(CXIDB_94) else list(names)
