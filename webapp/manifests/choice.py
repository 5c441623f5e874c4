"""The form that says which frames and which files a manifest has."""

from typing import Any

from django import forms

from webapp.datasets.cluster_names import name_of, names_of
from webapp.datasets.columns import NOISE
from webapp.datasets.number_columns import CLASS, number_columns
from webapp.datasets.runs import runs_of
from webapp.manifests.files import DEFAULT, files_of
from webapp.manifests.frozen import ManifestColumns, class_names

NO_CLASS = "none"
MOST_NAMED, MOST_RUNS = 200, 2000  # clusters and runs that the form lists


class _Boxes(forms.CheckboxSelectMultiple):
    """Boxes to tick, in the look of the pages."""

    def __init__(self) -> None:
        super().__init__(attrs={"class": "form-check-input"})


class ChoiceForm(forms.Form):
    """Filters, all of which a frame has to pass, and files; `scope()` says the filters as JSON."""

    frames = forms.ChoiceField(
        label="Frames",
        choices=[("all", "All frames"), ("hits", "Hits only"), ("misses", "Everything but hits")],
        required=False,
    )
    classes = forms.MultipleChoiceField(label="Class", required=False, widget=_Boxes)
    clusters = forms.MultipleChoiceField(label="Cluster", required=False, widget=_Boxes)
    run = forms.ChoiceField(label="Run", required=False)
    surely = forms.ChoiceField(label="Probability of", required=False)
    at_least = forms.FloatField(label="at least", required=False, min_value=0, max_value=1)
    column = forms.ChoiceField(label="Column", required=False)
    low = forms.FloatField(label="from", required=False)
    high = forms.FloatField(label="to", required=False)
    files = forms.MultipleChoiceField(label="Files", required=False)

    def __init__(self, *args: Any, columns: ManifestColumns, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = files_of(columns)
        self.fields["files"].choices = [(kind.name, kind.title) for kind in self.offered if not kind.needs]
        classes = class_names(columns)
        self.fields["classes"].choices = [
            *((f"={name}", name) for name in classes),
            (NO_CLASS, "No class"),
        ]
        self.fields["clusters"].choices = _clusters(columns)
        runs = runs_of(columns)
        names = runs.names[:MOST_RUNS] if runs and len(runs.names) > 1 else []
        self.fields["run"].label = runs.title if runs else "Run"
        self.fields["run"].choices = _any([(str(place), name) for place, name in enumerate(names)])
        numbers = number_columns(columns)
        sure = [(each.name, each.name.removeprefix(CLASS)) for each in numbers if each.name.startswith(CLASS)]
        self.fields["surely"].choices = _any(sure, "any class")
        self.fields["column"].choices = _any([(each.name, _titled(each)) for each in numbers], "none")

    def clean(self) -> dict[str, Any]:
        """Refuse half a filter, and a form without a file."""
        data = super().clean() or self.cleaned_data
        if bool(data.get("surely")) != (data.get("at_least") is not None) and "at_least" not in self.errors:
            self.add_error("at_least", "A least probability has a class and a number from 0 to 1.")
        ends = [data.get("low"), data.get("high")]
        if any(end is not None for end in ends) and not data.get("column"):
            self.add_error("column", "Choose the column that the numbers are of.")
        if None not in ends and ends[0] > ends[1]:
            self.add_error("low", "The low end lies above the high end.")
        if not data.get("files") and "files" not in self.errors:
            self.add_error("files", "Choose at least one file.")
        return data

    def scope(self) -> dict[str, Any] | None:
        """Return the frames that are meant, whatever the files; None for all of them."""
        data, parts = self.cleaned_data, []
        if data.get("run"):
            parts.append({"run": int(data["run"])})
        if data.get("classes"):
            names = [None if each == NO_CLASS else each.removeprefix("=") for each in data["classes"]]
            parts.append({"sorted": names})
        if data.get("frames") in ("hits", "misses"):
            ends = {"low": 1} if data["frames"] == "hits" else {"high": 0}
            parts.append({"range": {"column": "is_hit", **ends}})
        if data.get("clusters"):
            parts.append({"clusters": [int(each) for each in data["clusters"]]})
        if data.get("surely") and data.get("at_least") is not None:
            parts.append({"range": {"column": data["surely"], "low": data["at_least"]}})
        if data.get("column") and (data.get("low") is not None or data.get("high") is not None):
            ends = {name: data[name] for name in ("low", "high") if data.get(name) is not None}
            parts.append({"range": {"column": data["column"], **ends}})
        return _nested(parts)

    @property
    def has_hits(self) -> bool:
        """Whether hits can be told from the rest."""
        return any(name == "is_hit" for name, _ in self.fields["column"].choices)


def _nested(parts: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Join choices two by two, so that six of them lie no deeper than scopes may."""
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    half = (len(parts) + 1) // 2
    return {"both": [_nested(parts[:half]), _nested(parts[half:])]}


def initial_choice() -> dict[str, Any]:
    """Return what the form shows at first: everything, as the usual files."""
    return {"frames": "all", "files": list(DEFAULT)}


def _clusters(columns: ManifestColumns) -> list[tuple[str, str]]:
    if columns.clusters is None:
        return []
    names = names_of(columns)
    listed = sorted(number for number in names if number != NOISE)[:MOST_NAMED]
    return [*((str(number), name_of(names, number).name) for number in listed), (str(NOISE), "Noise")]


def _any(choices: list[tuple[str, str]], words: str = "any") -> list[tuple[str, str]]:
    return [("", words), *choices]


def _titled(column: Any) -> str:
    title = column.title[:1].upper() + column.title[1:]
    return f"{title} ({column.unit})" if column.unit else title
