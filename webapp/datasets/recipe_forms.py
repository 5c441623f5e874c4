"""The form of the condensing recipe: what is left at its default stays out of the recipe."""

from typing import Any

from django import forms

from webapp.datasets.models import Dataset
from webapp.datasets.recipes import SCALES, SWITCHES

PERCENTILE = 99.9


def _number(
    label: str, low: float, high: float, *, words: str = "", step: float | str = "any"
) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": step, "placeholder": words})
    return forms.FloatField(label=label, required=False, min_value=low, max_value=high, widget=widget)


class RecipeForm(forms.Form):
    """Crop, bin or size, scale, centre and masks. Empty fields are chosen from the data."""

    crop = _number("Crop (px)", 4, 1e5, words="largest square")
    bin = forms.IntegerField(label="Bin (px)", required=False, min_value=1, max_value=1024)
    size = forms.IntegerField(label="Size (px)", required=False, min_value=8, max_value=1024)
    scale = forms.ChoiceField(label="Scale", choices=list(SCALES.items()), initial="log")
    scale_max = _number("255 stands for (counts)", 1e-6, 1e12, words="percentile 99.9")
    scale_percentile = _number("or for the percentile", 50, 100, words="99.9")
    centre_row = _number("Row", -0.5, 1e5, words="found", step=0.1)
    centre_column = _number("Column", -0.5, 1e5, words="found", step=0.1)
    use_file_mask = forms.BooleanField(label=SWITCHES["use_file_mask"], required=False, initial=True)
    find_dead = forms.BooleanField(label=SWITCHES["find_dead"], required=False, initial=True)
    find_hot = forms.BooleanField(label=SWITCHES["find_hot"], required=False, initial=True)
    find_noisy = forms.BooleanField(label=SWITCHES["find_noisy"], required=False, initial=True)
    hole_radius = _number("Hole about the beam (px)", 0, 1e5, words="0")
    drawn_mask = forms.ChoiceField(label="Drawn mask", required=False)

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.dataset = dataset
        self.fields["size"].widget.attrs["placeholder"] = "96"
        self.fields["bin"].widget.attrs["placeholder"] = "instead of a size"
        versions = [(mask.sha256, f"version {mask.version}") for mask in dataset.masks.all()]
        self.fields["drawn_mask"].choices = [("", "none"), *versions]
        for field in self.fields.values():
            widget = field.widget
            kind = (
                "form-check-input"
                if isinstance(widget, forms.CheckboxInput)
                else "form-control form-control-sm"
            )
            widget.attrs["class"] = "form-select form-select-sm" if isinstance(widget, forms.Select) else kind

    def clean(self) -> dict[str, Any]:
        """Refuse contradictions."""
        values = super().clean()
        if values.get("size") and values.get("bin"):
            self.add_error("bin", "Give a size or a bin, not both.")
        if (values.get("centre_row") is None) != (values.get("centre_column") is None):
            self.add_error("centre_row", "Give row and column of the centre, or neither.")
        for name, length in (("centre_row", self.dataset.height), ("centre_column", self.dataset.width)):
            if values.get(name) is not None and length and values[name] > length - 0.5:
                self.add_error(name, f"The frames end at {length - 1}.")
        return values

    def recipe(self) -> dict[str, Any]:
        """Return the settings that differ from the default."""
        values = self.cleaned_data
        recipe = {name: values[name] for name in ("crop", "bin", "size", "scale_max") if values.get(name)}
        if values["scale"] != "log":
            recipe["scale"] = values["scale"]
        if values.get("scale_percentile") not in (None, PERCENTILE):
            recipe["scale_percentile"] = values["scale_percentile"]
        if values.get("centre_row") is not None:
            recipe |= {name: values[name] for name in ("centre_row", "centre_column")}
        recipe |= {name: False for name in SWITCHES if not values[name]}
        recipe |= {name: values[name] for name in ("hole_radius", "drawn_mask") if values.get(name)}
        return recipe

    @property
    def switches(self) -> list[forms.BoundField]:
        """The fields of what is masked automatically."""
        return [self[name] for name in SWITCHES]
