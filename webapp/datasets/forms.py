"""Forms that register data sets."""

from pathlib import Path
from typing import Any

from django import forms

from webapp.accounts.models import Group, User
from webapp.datasets.browse import PathRefused
from webapp.datasets.expand import check_sources


class _GroupForm(forms.Form):
    """A name, and one of the groups in which the user may change things."""

    group = forms.ModelChoiceField(Group.objects.none(), label="Group", empty_label=None)
    name = forms.CharField(max_length=200, label="Name of the data set", required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].queryset = Group.objects.writable_by(user)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "form-select" if name == "group" else "form-control"
        self.fields["name"].widget.attrs["placeholder"] = "taken from the file if left empty"


class RegisterForm(_GroupForm):
    """Files that lie below the allowed roots; one path in each line."""

    paths = forms.CharField(
        label="Paths",
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "off"}),
        help_text=(
            "One full path in each line: a file, a folder whose files belong together, or a pattern such as "
            "/data/run_7/*.h5. All lines are one data set."
        ),
    )
    field_order = ["paths", "group", "name"]

    def clean_paths(self) -> list[Path]:
        """Resolve the paths and refuse what is not allowed."""
        lines = [line.strip() for line in self.cleaned_data["paths"].splitlines() if line.strip()]
        try:
            return check_sources(lines)
        except PathRefused as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Name the data set for its file, or for the folder of its files, if no name was given."""
        data = super().clean() or self.cleaned_data
        if data.get("paths") and not data.get("name"):
            first, *others = data["paths"]
            data["name"] = (first.parent.name if others else first.stem)[:200]
        return data


class ChooseForm(forms.Form):
    """One of the HDF5 paths that the dry run found."""

    dataset_path = forms.ChoiceField()

    def __init__(self, *args: Any, candidates: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset_path"].choices = [(item["path"], item["path"]) for item in candidates]
