"""A cluster gallery in one HTML file: an interactive map, and the exemplars of each cluster as pictures.

The file needs no portal and no network: it can be sent by mail and opened years later.
"""

import base64
import html
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from workers.science.thumbnails import colour

MOST_POINTS = 20_000  # of the map; an SVG-free scatter of more makes old computers wait
MOST_EXEMPLARS = 12
TILE = 96
STYLE = """
body { background: #0c0f13; color: #e6e9ec; font: 15px system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 1100px; }
h2 { font-size: 1rem; margin: 1.2rem 0 .3rem; } h2 span { color: #9aa4ad; font-weight: normal; }
img { display: block; max-width: 100%; }
i { display: inline-block; width: .8em; height: .8em; margin-right: .5em; }
"""


@dataclass(frozen=True)
class GalleryData:
    """What is shown.

    Attributes
    ----------
    title : str
        Name of the data set.
    condensed : ndarray of shape (n, s, s), uint8
        Condensed frames; may be memory-mapped.
    positions : ndarray of shape (n, 2), float32
        The map.
    labels : ndarray of shape (n,), int32
        Cluster of each frame, -1 for noise.
    clusters : list of dict
        The content of ``clusters.json``.
    colours : list of str
        Colour of noise, then of each cluster.
    """

    title: str
    condensed: NDArray
    positions: NDArray
    labels: NDArray
    clusters: list[dict[str, Any]]
    colours: list[str]


def build_gallery(data: GalleryData) -> Iterator[str]:
    """Yield the parts of the HTML file, so that it is never in memory as a whole."""
    title = html.escape(data.title)
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
    yield f"<h1>{title}</h1><p>{len(data.labels)} frames in {len(data.clusters)} clusters.</p>"
    figure = draw_map(data)
    yield figure.to_html(full_html=False, include_plotlyjs=True, config=plot_config())
    for cluster in data.clusters:
        yield from _draw_cluster(cluster, data)
    yield "</html>\n"


def plot_config() -> dict[str, Any]:
    """Return Plotly's settings without the buttons that send the data to somebody else's server."""
    return {"displaylogo": False, "showSendToCloud": False, "plotlyServerURL": "", "responsive": True}


def draw_map(data: GalleryData) -> go.Figure:
    """Return the map: one trace a cluster, noise behind, at most `MOST_POINTS` points evenly chosen."""
    shown = np.arange(0, len(data.labels), -(-len(data.labels) // MOST_POINTS))
    figure = go.Figure()
    for cluster in [-1, *(entry["id"] for entry in data.clusters)]:
        frames = shown[data.labels[shown] == cluster]
        figure.add_scattergl(
            x=data.positions[frames, 0],
            y=data.positions[frames, 1],
            mode="markers",
            name="noise" if cluster < 0 else f"cluster {cluster}",
            marker={"size": 5, "color": data.colours[cluster + 1], "opacity": 0.4 if cluster < 0 else 0.85},
            customdata=frames,
            hovertemplate="frame %{customdata}<extra>%{fullData.name}</extra>",
        )
    hidden = {"visible": False}
    figure.update_layout(
        template="plotly_dark",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=560,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        xaxis=hidden,
        yaxis={**hidden, "scaleanchor": "x"},
    )
    return figure


def _draw_cluster(cluster: dict[str, Any], data: GalleryData) -> Iterator[str]:
    frames = cluster["exemplars"][:MOST_EXEMPLARS]
    share = cluster["size"] / len(data.labels)
    yield (
        f'<h2><i style="background:{data.colours[cluster["id"] + 1]}"></i>Cluster {cluster["id"]} '
        f"<span>{cluster['size']} frames, {share:.1%}, persistence {cluster['persistence']:.2f}; "
        f"exemplars {', '.join(str(frame) for frame in frames)}</span></h2>"
    )
    if frames:
        yield f'<img alt="Exemplars of cluster {cluster["id"]}" src="{_picture(data.condensed[frames])}">'


def _picture(frames: NDArray) -> str:
    """Return frames (m, s, s) side by side as a data URL."""
    tiles = [Image.fromarray(colour(np.asarray(frame))).resize((TILE, TILE)) for frame in frames]
    strip = Image.new("RGB", (len(tiles) * (TILE + 2) - 2, TILE))
    for place, tile in enumerate(tiles):
        strip.paste(tile, (place * (TILE + 2), 0))
    buffer = io.BytesIO()
    strip.save(buffer, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
