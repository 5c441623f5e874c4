"""What people and scripts may send about classes and labels."""

from typing import Any

from django import forms

from webapp.labels.label_files import ENDINGS
from webapp.labels.models import LabelEvent
from webapp.labels.queues import MODES, Queue
from webapp.labels.services import DROPLET_CLASSES, DROPLET_EXCLUDES

OPERATIONS = ("set", "add", "remove", "clear")


def read_groups(text: str) -> list[list[str]]:
    """Return the classes of each line that names some, separated by commas."""
    lines = [[name.strip() for name in line.split(",") if name.strip()] for line in text.splitlines()]
    return [line for line in lines if line]


class SchemeForm(forms.Form):
    """The classes of a data set, one a line."""

    names = forms.CharField(
        label="Classes, one a line",
        initial="\n".join(DROPLET_CLASSES),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 12, "class": "form-control", "spellcheck": "false"}),
    )
    exclusive = forms.CharField(
        label="Classes that stand alone",
        help_text="A frame of such a class has no other one. Separate several with commas.",
        initial="Empty",
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    excludes = forms.CharField(
        label="Classes that exclude each other",
        help_text="One group a line, separated by commas: a frame has at most one class of each.",
        initial="\n".join(", ".join(group) for group in DROPLET_EXCLUDES),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control", "spellcheck": "false"}),
    )
    single_label = forms.BooleanField(
        label="Each frame has exactly one class",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )

    def clean_excludes(self) -> list[list[str]]:
        """Split the lines, and each at its commas."""
        return read_groups(self.cleaned_data["excludes"])

    def clean_names(self) -> list[str]:
        """Split the lines."""
        return [line.strip() for line in self.cleaned_data["names"].splitlines() if line.strip()]

    def clean_exclusive(self) -> list[str]:
        """Split at the commas."""
        return [name.strip() for name in self.cleaned_data["exclusive"].split(",") if name.strip()]

    def clean(self) -> dict[str, Any]:
        """Refuse exclusions of what is none of the classes; those offered may stay with other classes."""
        cleaned = super().clean()
        if "names" not in cleaned:
            return cleaned
        names = set(cleaned["names"])
        groups = [group for group in cleaned.get("excludes", []) if tuple(group) not in DROPLET_EXCLUDES]
        excluded = [name for group in groups for name in group]
        for field, given in (("exclusive", cleaned.get("exclusive", [])), ("excludes", excluded)):
            if unknown := set(given) - names:
                self.add_error(field, f"“{sorted(unknown)[0]}” is not one of the classes above.")
        return cleaned


class ClassForm(forms.Form):
    """One more class."""

    name = forms.CharField(
        label="New class",
        max_length=60,
        widget=forms.TextInput(attrs={"class": "form-control form-control-sm"}),
    )


class LabelsFileForm(forms.Form):
    """A file with labels."""

    file = forms.FileField(
        label="The file",
        widget=forms.ClearableFileInput(attrs={"class": "form-control", "accept": ",".join(ENDINGS)}),
    )
    everything = forms.BooleanField(
        label="Take what a network decided as well",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    class_name = forms.CharField(
        label="Class of a CrystFEL list",
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control form-control-sm"}),
    )
    single_label = forms.BooleanField(
        label="Each frame has exactly one class",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )


class LabelForm(forms.Form):
    """One act of labelling, as a script sends it; which frames are meant is read apart."""

    operation = forms.ChoiceField(choices=[(name, name) for name in OPERATIONS])
    classes = forms.Field(required=False)
    client_id = forms.UUIDField()
    purpose = forms.ChoiceField(choices=LabelEvent.Purpose.choices, required=False)

    def clean_purpose(self) -> str:
        """Take what says nothing for a label."""
        return self.cleaned_data["purpose"] or LabelEvent.Purpose.LABEL

    def clean_classes(self) -> list[str]:
        """Refuse what is no list of names."""
        classes = self.cleaned_data["classes"] or []
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise forms.ValidationError("Classes are a list of names.")
        return classes


class UndoForm(forms.Form):
    """Which act is taken back: the id that the browser gave it."""

    undoes = forms.UUIDField()
    client_id = forms.UUIDField()


class RedoForm(forms.Form):
    """Which act that was taken back is done once more."""

    redoes = forms.UUIDField()
    client_id = forms.UUIDField()


class QueueForm(forms.Form):
    """Which frames a person wants to be shown next."""

    mode = forms.ChoiceField(choices=[(mode, text) for mode, text in MODES.items()])
    seed = forms.IntegerField(required=False, min_value=0, max_value=2**31)
    cluster = forms.IntegerField(required=False, min_value=-1, max_value=2**31 - 1)
    class_name = forms.CharField(required=False, max_length=60)
    audit = forms.IntegerField(required=False, min_value=1)
    place = forms.IntegerField(required=False, min_value=0)
    count = forms.IntegerField(required=False, min_value=1, max_value=48)

    def queue(self) -> Queue:
        """Return the queue that was asked for."""
        data = self.cleaned_data
        return Queue(data["mode"], data["seed"] or 0, data["cluster"], data["class_name"], data["audit"])


def one_line(form: forms.Form) -> str:
    """Return the first error of a form as one sentence."""
    name, errors = next(iter(form.errors.items()))
    return str(errors[0]) if name == "__all__" else f"{name}: {errors[0]}"
