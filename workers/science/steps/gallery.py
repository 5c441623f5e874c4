"""Step: write the cluster gallery of a data set as one HTML file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from workers.science.gallery import GalleryData, build_gallery
from workers.science.progress import Progress, silent


def write_gallery(
    *,
    title: str,
    condensed_dir: str,
    cluster_dir: str,
    map_dir: str,
    colours: list[str],
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``gallery.html``.

    Parameters
    ----------
    title : str
        Name of the data set.
    condensed_dir, cluster_dir, map_dir : str
        Folders of the steps `condense`, `cluster` and `project`.
    colours : list of str
        ``#rrggbb`` of noise, then of each cluster.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_clusters``.
    """
    clusters = json.loads((Path(cluster_dir) / "clusters.json").read_text(encoding="utf-8"))
    data = GalleryData(
        title=title,
        condensed=np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False),
        positions=np.load(Path(map_dir) / "map.npy", allow_pickle=False),
        labels=np.load(Path(cluster_dir) / "labels.npy", allow_pickle=False),
        clusters=clusters,
        colours=colours,
    )
    total = len(clusters) + 3
    with (Path(out) / "gallery.html").open("w", encoding="utf-8") as file:
        for done, part in enumerate(build_gallery(data)):
            file.write(part)
            on_progress(min(done, total), total, "parts", note="drawing the gallery")
    return {"n_clusters": len(clusters)}
