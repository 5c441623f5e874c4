"""Step: write the manifest of a data set from all columns that are known about its frames."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from workers.science.errors import RecipeError
from workers.science.export.card import write_card
from workers.science.export.write import DEFAULT_FORMATS, FORMATS, Makings, write_files
from workers.science.labels_file import Labels, check_classes, read_labels_npz
from workers.science.manifest import Clustering, ManifestTable, Sorting
from workers.science.progress import Progress, silent


def write_manifest(
    *,
    index_dir: str,
    cluster_dir: str | None,
    classification_dir: str | None,
    labels: str | None,
    classes: list[str],
    single_label: bool,
    card: dict[str, Any],
    hit_threshold: float | None = None,
    measures_dir: str | None = None,
    cluster_names: dict[str, str] | None = None,
    chosen: str | None = None,
    formats: list[str] | None = None,
    promise: dict[str, Any] | None = None,
    source: dict[str, Any] | None = None,
    condensed_dir: str | None = None,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write the rows of a manifest in the formats that are asked for, and ``manifest.json``.

    Parameters
    ----------
    index_dir : str
        Folder with ``frames.parquet``.
    cluster_dir, classification_dir : str or None
        Folders of the steps `cluster` and `classify`; their columns stay empty or absent without.
    labels : str or None
        ``.npz`` with ``indices``, ``matrix`` and, if known, ``labelled_by``.
    classes : list of str
        Classes of the scheme, in the order of the columns of ``matrix``.
    single_label : bool
        Whether a frame has one class only.
    card : dict
        Where the data come from; completed and written as ``manifest.json``.
    hit_threshold : float, optional
        Lit pixels of a hit, where a person set them; else what the index found.
    measures_dir : str, optional
        Folder of the step `measure`; its columns are absent without.
    cluster_names : dict of str to str, optional
        What people call clusters, by their numbers.
    chosen : str, optional
        ``.npy`` with the numbers of the frames that get a row, int64 ascending; all without.
    formats : list of str, optional
        Names of `FORMATS`; `DEFAULT_FORMATS` without.
    promise : dict, optional
        ``classes`` with the ``threshold`` of each, from which on its frames are kept (none where that is
        null); a person's label still wins. Copied whole into the card.
    source : dict, optional
        The source description, where a format points at the raw files or copies from them.
    condensed_dir : str, optional
        Folder of the step `condense`, where a format has thumbnails or a mask.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_frames`` and ``counts`` (``classes``, ``clusters``).

    Raises
    ------
    RecipeError
        If the columns belong to another index, or the data set is empty.
    LabelsError
        If the labels do not fit the data set or the scheme.
    """
    folder = Path(out)
    sorting = _read_sorting(Path(classification_dir), classes, single_label) if classification_dir else None
    clustering = _read_clustering(Path(cluster_dir)) if cluster_dir else None
    frames = Path(index_dir) / "frames.parquet"
    measures = Path(measures_dir) / "measures.parquet" if measures_dir else None
    told = _read_labels(labels, frames, classes)
    names = {int(number): name for number, name in (cluster_names or {}).items()}
    rows = np.load(chosen, allow_pickle=False) if chosen else None
    formats = _known(formats or DEFAULT_FORMATS)
    table = ManifestTable(
        frames, clustering, sorting, told, classes, hit_threshold, measures, names, rows, promise
    )

    makings = Makings(source, Path(condensed_dir) if condensed_dir else None, _title(card))
    columns, words = write_files(table, folder, formats, makings, on_progress)
    told = {"formats": list(formats), "files": words, "promise": promise}
    counts = write_card(table, folder, columns, card | told)
    result = {"n_frames": table.n_frames, "counts": counts, "formats": list(formats), "files": words}
    return result | ({"selection": card["selection"]} if card.get("selection") else {})


def _title(card: dict[str, Any]) -> str:
    dataset = card.get("dataset")
    return dataset["name"] if isinstance(dataset, dict) else str(dataset or "")


def _known(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the formats in the order of `FORMATS`."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise RecipeError("Manifest", f"there is no format “{unknown[0]}”", f"Choose of {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in formats)


def _read_labels(path: str | None, frames: Path, classes: list[str]) -> Labels | None:
    if path is None:
        return None
    check_classes(classes)
    return read_labels_npz(path, pyarrow.parquet.read_metadata(frames).num_rows, len(classes))


def _read_clustering(folder: Path) -> Clustering:
    names = ("labels", "probabilities", "outlier_scores")
    return Clustering(*(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names))


def _read_sorting(folder: Path, classes: list[str], single_label: bool) -> Sorting:
    """Read probabilities and how to decide; without ``classification.json``, 0.5 and the scheme's classes."""
    probabilities = np.load(folder / "probabilities.npy", mmap_mode="r", allow_pickle=False)
    path = folder / "classification.json"
    stated = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    names = stated.get("classes", classes)
    check_classes(names)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(names):
        cause = f"holds probabilities of shape {probabilities.shape} for {len(names)} classes"
        raise RecipeError("Classification", cause, "Sort the data set again with the present classes")
    return Sorting(
        probabilities,
        names,
        stated.get("single_label", single_label),
        stated.get("thresholds", [0.5] * len(names)),
        [names.index(name) for name in stated.get("exclusive", []) if name in names],
        [[names.index(name) for name in group if name in names] for group in stated.get("excludes", [])],
    )
