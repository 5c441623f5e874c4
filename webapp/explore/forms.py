"""The form by which clusters are read anew from a tree that was kept."""

from typing import Any

from django import forms

from webapp.datasets.cluster_names import names_of_clustering
from webapp.datasets.columns import read_json
from webapp.explore.clusterings import METHODS, most_neighbours, settings_of, whole_of
from webapp.jobs.again import recipe_of
from webapp.jobs.models import Job, Product

MOST_NEIGHBOURS = 1000  # within one cluster neighbours are looked for again


class AgainForm(forms.Form):
    """Least size, neighbours and method; of what is left open several are tried and the best is taken."""

    min_cluster_size = forms.IntegerField(
        label="Least size (frames)",
        required=False,
        min_value=2,
        help_text="What has fewer frames is no cluster of its own. Smaller: more clusters, and rare kinds of "
        "patterns among them; larger: fewer, and rare kinds turn into noise.",
    )
    min_samples = forms.IntegerField(
        label="Neighbours",
        required=False,
        min_value=1,
        help_text="How many alike frames a frame needs about it to count as typical (min_samples). More: "
        "sharper clusters and more noise; fewer: more frames belong to a cluster.",
    )
    method = forms.ChoiceField(
        label="Method",
        required=False,
        choices=[
            ("auto", "whichever separates better"),
            *((name, f"{words} ({name})") for name, words in METHODS.items()),
        ],
        help_text="eom keeps a cluster whole as long as it is more stable than its parts; leaf always takes "
        "the smallest parts, whose frames are alike to the last detail.",
    )
    within = forms.IntegerField(
        label="Look into",
        required=False,
        widget=forms.Select,
        help_text="All frames are read anew; or one cluster alone, and its parts take its place.",
    )

    def __init__(
        self, *args: Any, clustering: Product, asked: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, initial=asked or _as_shown(clustering), label_suffix="", **kwargs)
        self.clustering = clustering
        self.sizes = {entry["id"]: entry["size"] for entry in read_json(clustering.folder / "clusters.json")}
        names = names_of_clustering(clustering)
        clusters = [(number, f"{names[number].name} ({size} frames)") for number, size in self.sizes.items()]
        self.fields["within"].widget.choices = [("", "all frames"), *clusters]
        for name, field in self.fields.items():
            css = "form-select" if name in ("method", "within") else "form-control"
            field.widget.attrs |= {"class": f"{css} {css}-sm"}
            field.widget.attrs["aria-describedby"] = f"again-{name}-help"
            if name in self.errors:
                told_by = f"again-{name}-error again-{name}-help"
                field.widget.attrs |= {"aria-invalid": "true", "autofocus": True, "aria-describedby": told_by}

    def clean(self) -> dict[str, Any]:
        """Refuse what the tree, or the cluster that is to be looked into, cannot give."""
        values, size = super().clean(), self.clustering.dataset.n_frames or 0
        within = values.get("within")
        if within is not None and within not in self.sizes:
            self.add_error("within", f"There is no cluster {within} among these. Load the page again.")
            return values
        if within is not None:
            size = self.sizes[within]
        most = max(2, size // 2)
        if (values.get("min_cluster_size") or 0) > most:
            self.add_error(
                "min_cluster_size", f"Two clusters have to fit into {size} frames, so at most {most}."
            )
        most = min(max(1, size - 1), most_neighbours(self.clustering) if within is None else MOST_NEIGHBOURS)
        if (values.get("min_samples") or 0) > most:
            self.add_error("min_samples", f"Of each frame {most} neighbours are known, so at most {most}.")
        return values

    def recipe(self) -> dict[str, Any]:
        """Return what is not left open."""
        given = {name: self.cleaned_data[name] for name in ("min_cluster_size", "min_samples", "method")}
        return {name: value for name, value in given.items() if value and value != "auto"}


def as_asked(job: Job | None) -> dict[str, Any] | None:
    """Return what the form begins with where a reading is asked for again; what it left open stays empty."""
    if job is None:
        return None
    recipe = recipe_of(job)
    given = {name: recipe.get(name) for name in ("min_cluster_size", "min_samples")}
    return {**given, "method": recipe.get("method") or "auto", "within": job.params.get("within")}


def _as_shown(clustering: Product) -> dict[str, Any]:
    settings = settings_of(whole_of(clustering))
    return {**vars(settings), "method": settings.method or "auto"}
