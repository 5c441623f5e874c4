"""The form that trains a classifier again with other settings."""

from typing import Any

from django import forms

from webapp.jobs.again import recipe_of
from webapp.jobs.models import Job

FIELDS = ("n_steps", "learning_rate", "weight_decay")
EXPERTS = {
    "shapes": ("The network of shapes: few labels, seconds", {}),
    "residual": ("A residual network on polar maps, from scratch", {"shapes": False, "residual": True}),
    "both": ("Both, joined as held-back labels ask for", {"residual": True}),
}


class TrainForm(forms.Form):
    """What learns, seed, and how a residual network learns; everything else as it was asked for before."""

    experts = forms.ChoiceField(
        label="What learns",
        choices=[(name, words) for name, (words, _) in EXPERTS.items()],
        widget=forms.Select(attrs={"class": "form-select"}),
        help_text="The network of shapes comes with Fringe and was trained on particles of all kinds. The "
        "settings below are those of the residual network.",
    )
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
        flags = {name: recipe[name] for name in ("shapes", "residual") if name in recipe}
        experts = next((name for name, (_, settings) in EXPERTS.items() if settings == flags), "shapes")
        initial = {"seed": again.params.get("seed", 0), "experts": experts}
        initial |= {name: recipe.get(name) for name in FIELDS}
        super().__init__(*args, initial=initial, label_suffix="", **kwargs)
        self.kept = {
            name: value for name, value in recipe.items() if name not in (*FIELDS, "shapes", "residual")
        }
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", "form-control")
            if isinstance(field, forms.FloatField):
                field.widget.attrs["step"] = "any"

    def recipe(self) -> dict[str, Any]:
        """Return the settings that differ from the default recipe."""
        given = {name: self.cleaned_data[name] for name in FIELDS}
        settings = EXPERTS[self.cleaned_data["experts"]][1]
        return self.kept | settings | {name: value for name, value in given.items() if value is not None}
