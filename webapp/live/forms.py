"""The form that starts a live session."""

from pathlib import Path
from typing import Any

from django import forms

from webapp.accounts.models import User
from webapp.datasets.browse import PathRefused, resolve_allowed
from webapp.jobs.models import Product
from webapp.live.selectors import sorters_for


class SorterField(forms.ModelChoiceField):
    """A choice among classifiers and clusterings, named by what they sort into."""

    def label_from_instance(self, product: Product) -> str:
        """Return what a person tells the product by."""
        source = product.dataset.name if product.dataset else str(product)
        made = f"{product.created_at:%Y-%m-%d %H:%M}"
        if product.kind == "train":
            return f"{source}: classes {', '.join(product.facts.get('classes', []))} ({made})"
        return f"{source}: {product.facts.get('n_clusters', 0)} clusters ({made})"


class StartSessionForm(forms.Form):
    """Which folder to watch, and what to sort its frames with."""

    name = forms.CharField(max_length=200, label="Name")
    folder = forms.CharField(
        max_length=1000,
        label="Folder to watch",
        help_text="The full path of a folder inside of an allowed one; folders in it are watched, too.",
    )
    sorter = SorterField(
        queryset=Product.objects.none(),
        label="Sort with",
        empty_label=None,
        help_text="A classifier sorts into its classes, a FactorVAE into the clusters found with it.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sorter"].queryset = sorters_for(user)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "form-select" if name == "sorter" else "form-control"
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"{name}-help"
        self.fields["folder"].widget.attrs["list"] = "roots"

    def clean_folder(self) -> Path:
        """Refuse what is no folder below an allowed root, links resolved."""
        try:
            folder = resolve_allowed(self.cleaned_data["folder"])
        except PathRefused as error:
            raise forms.ValidationError(str(error)) from error
        if not folder.is_dir():
            raise forms.ValidationError(f"{folder} is not a folder.")
        return folder
