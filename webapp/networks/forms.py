"""The form that asks for another training."""

from typing import Any

from django import forms

MAX_STEPS = 1_000_000


class LearnForm(forms.Form):
    """Seed and number of steps; everything else as the default recipe has it."""

    seed = forms.IntegerField(
        label="Seed", min_value=0, max_value=2**31 - 1, help_text="Same seed, same data: the same network."
    )
    n_steps = forms.IntegerField(
        label="Steps",
        min_value=1,
        max_value=MAX_STEPS,
        help_text="3000 is a quick look; more reconstructs better.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"
