"""The form that trains a classifier again with other settings."""

from typing import Any

from django import forms

from webapp.jobs.again import recipe_of
from webapp.jobs.models import Job

FIELDS = ("n_steps", "learning_rate", "weight_decay")


class TrainForm(forms.Form):
    """Seed and length of a training, and how hard it learns; everything else as it was asked for before."""

    seed = forms.IntegerField(
        label="Seed",
        min_value=0,
        max_value=2**31 - 1,
        help_text="Same seed, labels and settings: the same network.",
    )
    n_steps = forms.IntegerField(
        label="Steps",
        min_value=1,
        max_value=1_000_000,
        required=False,
        help_text="Empty: as the default recipe has it.",
    )
    learning_rate = forms.FloatField(
        label="Learning rate",
        min_value=1e-7,
        max_value=1,
        required=False,
        help_text="How far each step goes. Smaller: steadier and slower. Empty: the default.",
    )
    weight_decay = forms.FloatField(
        label="Weight decay",
        min_value=0,
        max_value=10,
        required=False,
        help_text="Keeps weights small, so that few labels are not learned by heart. Empty: the default.",
    )

    def __init__(self, *args: Any, again: Job, **kwargs: Any) -> None:
        recipe = recipe_of(again)
        initial = {"seed": again.params.get("seed", 0), **{name: recipe.get(name) for name in FIELDS}}
        super().__init__(*args, initial=initial, label_suffix="", **kwargs)
        self.kept = {name: value for name, value in recipe.items() if name not in FIELDS}
        for field in self.fields.values():
            field.widget.attrs |= {"class": "form-control"}
            if isinstance(field, forms.FloatField):
                field.widget.attrs["step"] = "any"

    def recipe(self) -> dict[str, Any]:
        """Return the settings that differ from the default recipe."""
        given = {name: self.cleaned_data[name] for name in FIELDS}
        return self.kept | {name: value for name, value in given.items() if value is not None}
