"""Why a purity is promised or not, in words."""

from typing import Any

from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset

NO_LABELS = {
    "elsewhere": "This network learned from another data set, and no label here tells how it sorts this one.",
    "old": "This network is older than promises. Train again, or audit.",
    "bulk": "All labels were given to many frames at once, and nobody has looked at each of these frames.",
    "none": "No label could be held back to judge by.",
}


def why_kept(row: dict[str, Any]) -> str:
    """Return what a promise from labels rests on."""
    wrong = {0: "none of them wrong", 1: "one of them wrong"}.get(
        row["wrong"], f"{row['wrong']} of them wrong"
    )
    n = f"{row['labels']:,}"
    return f"{n} labelled frames of this selection, judged by fits that had not seen them, {wrong}."


def why_not(name: str, row: dict[str, Any], table: dict[str, Any]) -> str:
    """Return why a class is not promised, and what would help."""
    if row["reason"] == "frames needed":
        return "Too few labels to promise anything, and more are needed than there are frames: audit instead."
    if row["reason"] == "frames":
        return "The network is sure of hardly any frame of this class."
    if row["reason"] == "purity":
        return (
            f"{row['wrong']} of {row['labels']} labelled frames are wrong where the network is surest. "
            "Ask for less, or label more frames and train again."
        )
    if table.get("reason"):
        return f"{NO_LABELS[table['reason']]} Too few labels to promise anything: {row['more']} more."
    return f"Too few labels to promise anything: about {row['more']:,} more, {_of_what(name, row)}."


def _of_what(name: str, row: dict[str, Any]) -> str:
    if row["by"] == "kinds":
        return f"of frames that are not {name}" + (f", most of all {row['of']}" if row["of"] else "")
    if row["by"] == "clusters":
        if row["of"] is None or row["of"] < -1:
            return f"of frames in small clusters that the network takes for {name}"
        where = "noise" if row["of"] == -1 else f"cluster {row['of']}"
        return f"most of them frames in {where} that the network takes for {name}"
    return f"of frames that the network takes for {name}"


def no_table_words(dataset: Dataset, is_under_way: bool) -> str:
    """Return why nobody knows yet what can be promised."""
    if newest(dataset, "classify") is None:
        return "No frames are sorted yet: train and sort first, then a purity can be promised."
    if is_under_way:
        return "A worker is working out what can be promised. It takes seconds; try again then."
    return "Nobody has worked out yet what can be promised of this sorting. Ask for it on the form."
