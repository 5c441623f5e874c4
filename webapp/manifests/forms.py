"""The form that trains a classifier again with other settings."""

from typing import Any

from django import forms

from webapp.jobs.again import recipe_of
from webapp.jobs.models import Job, Product
from webapp.networks.describe import offered

FIELDS = ("n_steps", "learning_rate", "weight_decay")
_SCRATCH = {"shapes": False, "residual": True}
PUBLISHED = {
    **_SCRATCH,
    "input": "image",
    "width": 64,
    "n_steps": 30_000,
    "batch": 24,
    "optimiser": "nesterov",
    "learning_rate": 0.1 * 24 / 128,
    "weight_decay": 1e-5,
    "l1": 1e-5,
    "rotate": "none",
    "gain": 1.0,
    "shift": 0.0,
    "smoothing": 0.0,
}
"""The settings of the same name in the classifier's recipe, which the web process does not load."""
EXPERTS = {
    "shapes": ("The network of shapes: few labels, seconds", {}),
    "both": ("Both, joined as held-back labels ask for", {"residual": True}),
    "residual": ("A residual network on polar maps, from scratch", _SCRATCH),
    "correlation": (
        "A residual network on two-point correlations, from scratch: withstands noise",
        {**_SCRATCH, "input": "correlation"},
    ),
    "published": ("The network as published in 2019: 30 000 steps, hours without a GPU", PUBLISHED),
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

    start_from = forms.ModelChoiceField(
        Product.objects.none(),
        label="Start from",
        required=False,
        empty_label="the labels alone",
        widget=forms.Select(attrs={"class": "form-select"}),
        help_text="A classifier of another data set with some of the same classes: worth most where labels "
        "are few. Classes that it does not know begin with nothing.",
    )

    def __init__(self, *args: Any, again: Job, **kwargs: Any) -> None:
        recipe = recipe_of(again)
        # The last that fits says most: each asks for more than those before it.
        experts = [name for name, (_, settings) in EXPERTS.items() if settings.items() <= recipe.items()][-1]
        initial = {"seed": again.params.get("seed", 0), "experts": experts}
        preset = EXPERTS[experts][1]
        initial |= {name: recipe.get(name) for name in FIELDS if recipe.get(name) != preset.get(name)}
        initial["start_from"] = again.inputs.get("start_from")
        super().__init__(*args, initial=initial, label_suffix="", **kwargs)
        others = Product.objects.filter(group=again.group_id).exclude(dataset=again.dataset_id)
        self.fields["start_from"].queryset = offered(others).of_kind("train")
        self.kept = {name: value for name, value in recipe.items() if name not in (*FIELDS, *preset)}
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", "form-control")
            if isinstance(field, forms.FloatField):
                field.widget.attrs["step"] = "any"

    def recipe(self) -> dict[str, Any]:
        """Return the settings that differ from the default recipe."""
        given = {name: self.cleaned_data[name] for name in FIELDS}
        settings = EXPERTS[self.cleaned_data["experts"]][1]
        return self.kept | settings | {name: value for name, value in given.items() if value is not None}
