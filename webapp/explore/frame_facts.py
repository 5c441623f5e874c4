"""What is known of one frame, as title, value and unit; and the geometry that its page draws with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webapp.datasets.columns import Columns
from webapp.explore.geometry import geometry_of
from webapp.jobs.models import Product

STATES = {0: "good", 1: "incomplete: a module is missing", 2: "unreadable"}
# Title and unit of the columns of the index, in the order in which they are shown.
IDENTITY = {
    "source": ("File", ""),
    "path": ("Dataset in the file", ""),
    "source_index": ("Number in the dataset", ""),
    "train_id": ("Train", ""),
    "pulse_id": ("Pulse", ""),
    "cell_id": ("Memory cell", ""),
    "state": ("State", ""),
}
MEASURED = {
    "total": ("Total counts", "counts"),
    "photons": ("Photons", "photons"),
    "maximum": ("Brightest pixel", "counts"),
    "lit_pixels": ("Lit pixels", "pixels"),
    "hit_score": ("Hit score", ""),
    "is_hit": ("Hit", ""),
    "is_background": ("Background shot", ""),
    "saturated_pixels": ("Saturated pixels", "pixels"),
    "masked_share": ("Masked share", ""),
    "centre_row": ("Centre, row", "px"),
    "centre_column": ("Centre, column", "px"),
    "radial_q50": ("Radius of half the counts", "px"),
    "radial_q90": ("Radius of nine tenths", "px"),
    "radial_slope": ("Fall-off, power of the radius", ""),
    "ring_spacing": ("Ring spacing", "px"),
    "size_estimate": ("Size from the rings", ""),
}
_SOURCE = "source_"


@dataclass(frozen=True)
class Fact:
    """One line of the list."""

    title: str
    value: Any
    unit: str = ""

    @property
    def words(self) -> str:
        """The value as it is written: to five digits, or whole and in thousands."""
        if not isinstance(self.value, (int, float)) or (isinstance(self.value, int) and not self.unit):
            return str(self.value)  # trains and pulses are names, not amounts
        is_whole = float(self.value).is_integer() or abs(self.value) >= 1e5
        return f"{self.value:,.0f}".replace(",", "\u202f") if is_whole else f"{self.value:.5g}"


def identity_of(row: dict[str, Any]) -> list[Fact]:
    """Return who a frame is; what is not known is left out."""
    if "state" in row:
        row = {**row, "state": STATES.get(row["state"], row["state"])}
    return _facts(row, IDENTITY)


def measured_of(row: dict[str, Any], units: dict[str, str]) -> list[Fact]:
    """Return what was measured in a frame; `units` are those of its data set, where they are not fixed."""
    known = {name: (title, unit or units.get(name, "")) for name, (title, unit) in MEASURED.items()}
    return _facts(row, known)


def recorded_of(row: dict[str, Any], source: Product | None) -> list[Fact]:
    """Return what the file says of a frame besides its counts."""
    return list(_recorded(row, columns_of_source(source)))


def columns_of_source(source: Product | None) -> dict[str, dict[str, str]]:
    """Return title and unit of each source column, without loading the rest of a long description."""
    if source is None:
        return {}
    return Product.objects.filter(pk=source.pk).values_list("facts__columns", flat=True).first() or {}


def format_words_of(source: Product | None) -> str:
    """Return what the format of the files is called; descriptions of earlier versions only have its id."""
    if source is None:
        return ""
    found = Product.objects.filter(pk=source.pk).values_list("facts__format_words", "facts__format").first()
    return next((words for words in found or () if words), "")


def _recorded(row: dict[str, Any], told: dict[str, dict[str, str]]) -> Iterator[Fact]:
    for name, value in row.items():
        bare = name.removeprefix(_SOURCE)
        if name in IDENTITY or not name.startswith(_SOURCE) or not _is_known(row, name):
            continue
        about = told.get(bare, {})
        yield Fact(about.get("title") or bare, value, about.get("unit", ""))


def _facts(row: dict[str, Any], known: dict[str, tuple[str, str]]) -> list[Fact]:
    return [
        Fact(title, _in_words(row[name]), unit)
        for name, (title, unit) in known.items()
        if _is_known(row, name)
    ]


def _is_known(row: dict[str, Any], name: str) -> bool:
    value = row.get(name)
    return value is not None and value == value


def _in_words(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def drawing_facts(columns: Columns) -> dict[str, Any]:
    """Return the geometry for the page's script; centre and cut-out in pixels of the detector."""
    product = columns.products.get("condense")
    geometry = geometry_of(product.folder) if product else None
    if geometry is None:
        return {"centre": None}
    return {
        "centre": list(geometry.centre),
        "crop": geometry.crop,
        "size": geometry.size,
        "scale": geometry.scale,
        "scaleMax": geometry.scale_max,
    }
