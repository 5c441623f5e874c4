"""What is known about each frame, column by column: title, unit, median, share unknown, histogram."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from webapp.datasets.columns import MEASURES, Columns
from webapp.datasets.histograms import Histogram, histogram_of, word
from webapp.datasets.kept import Kept

TITLES = {
    "total": "Total counts",
    "photons": "Photons",
    "maximum": "Brightest pixel",
    "lit_pixels": "Lit pixels",
    "hit_score": "Hit score",
    "is_hit": "Hits",
    "is_background": "Background shots",
    "saturated_pixels": "Saturated pixels",
    "masked_share": "Masked share",
    "state": "State",
    "centre_row": "Centre, row",
    "centre_column": "Centre, column",
    "radial_q50": "Radius of half the counts",
    "radial_q90": "Radius of nine tenths",
    "radial_slope": "Fall-off, power of the radius",
    "ring_spacing": "Ring spacing",
    "size_estimate": "Size from the rings",
}
MOST_SOURCE_COLUMNS = 24
_TABLES: Kept[list] = Kept(32)


@dataclass(frozen=True)
class Known:
    """One column as a row of the table."""

    name: str
    title: str
    unit: str
    group: str
    share_unknown: float
    median: str
    histogram: Histogram | None

    @property
    def unknown(self) -> str:
        """How many frames lack it, in percent; a few among many are not none."""
        percent = 100 * self.share_unknown
        if percent in (0, 100):
            return "100 %" if percent else "–"
        return f"{min(99.9, max(0.1, percent)):.1f} %"

    @property
    def is_flag(self) -> bool:
        """Whether the column says yes or no."""
        return self.name.startswith("is_")


def known_columns(columns: Columns, source: dict[str, Any]) -> list[Known]:
    """Return all columns that are there; `source` holds title and unit of the source columns, by name."""
    index, measure = columns.products.get("index"), columns.products.get("measure")
    place = (index.folder if index else None, measure.folder if measure else None, columns.hit_threshold)
    place = (*place, columns.n_frames)  # columns of another length do not count (yet)
    return _TABLES.get(place, lambda: _describe_all(columns, source))


def _describe_all(columns: Columns, source: dict[str, Any]) -> list[Known]:
    found = []
    for name, unit in columns.units.items():
        group = "Measured about its centre" if name in MEASURES else "Measured in the frame"
        found.append(_describe(name, TITLES.get(name, name), unit, group, columns.physics(name)))
    for name in columns.source_names[:MOST_SOURCE_COLUMNS]:
        about = source.get(name.removeprefix("source_"), {})
        title = about.get("title") or name.removeprefix("source_").replace("_", " ")
        found.append(_describe(name, title, about.get("unit", ""), "From the files", columns.physics(name)))
    return [known for known in found if known is not None]


def _describe(name: str, title: str, unit: str, group: str, values: np.ndarray | None) -> Known | None:
    if values is None or not len(values):
        return None
    numbers = np.asarray(values, float)
    is_known = np.isfinite(numbers)
    unknown = 1 - float(is_known.mean())
    if name.startswith("is_"):
        share = f"{100 * float(numbers[is_known].mean()):.1f} %" if is_known.any() else "–"
        return Known(name, title, unit, group, unknown, share, None)
    is_constant = is_known.any() and np.ptp(numbers[is_known]) == 0
    if is_constant:
        return Known(name, title, unit, group, unknown, word(float(numbers[is_known][0])), None)
    histogram = histogram_of(title, numbers)
    return Known(name, title, unit, group, unknown, histogram.median if histogram else "unknown", histogram)
