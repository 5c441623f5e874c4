"""The form that asks for another training."""

from typing import Any

from django import forms

from webapp.jobs.models import Product

MAX_STEPS = 1_000_000


class LearnForm(forms.Form):
    """Seed, length and start of a training; everything else as the default recipe has it."""

    seed = forms.IntegerField(
        label="Seed", min_value=0, max_value=2**31 - 1, help_text="Same seed, same data: the same network."
    )
    n_steps = forms.IntegerField(
        label="Steps",
        min_value=1,
        max_value=MAX_STEPS,
        required=False,
        help_text="Empty: as the default recipe has it.",
    )
    patience = forms.IntegerField(
        label="Stop early after",
        min_value=0,
        max_value=1000,
        required=False,
        help_text="Judgements of held-back frames without a gain, up to 40 in a training. Empty: never.",
    )
    start_from = forms.ModelChoiceField(
        Product.objects.none(),
        label="Start from",
        required=False,
        empty_label="the data itself",
        help_text="A network of the group with the same inputs and layers, whose weights it begins with.",
    )

    def __init__(self, *args: Any, networks: Any, kept: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept or {}  # settings without a field, of the training that is asked for again
        self.fields["start_from"].queryset = networks
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "form-select" if name == "start_from" else "form-control"

    def recipe(self) -> dict[str, Any]:
        """Return the settings that differ from the default recipe, so that the default network is found."""
        given = {name: self.cleaned_data[name] for name in ("n_steps", "patience")}
        return self.kept | {name: value for name, value in given.items() if value}
