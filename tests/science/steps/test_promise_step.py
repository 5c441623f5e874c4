import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.science.promise_worlds import make_world
from workers.science.errors import RecipeError
from workers.science.steps.promise import promise

CLASSES = ["One", "Two", "Three", "Rare"]
N = 4000


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A sorting of frames of which the first 700 are labelled, and what fits said of these."""
    made = {name: tmp_path / name for name in ("classification", "network", "cluster", "out")}
    for folder in made.values():
        folder.mkdir()
    world, rows = make_world(3, N), np.arange(700)
    np.save(made["classification"] / "probabilities.npy", world.probabilities)
    np.save(made["cluster"] / "labels.npy", world.groups.astype(np.int32))
    np.savez(
        made["network"] / "judged.npz",
        indices=rows,
        truth=world.truth[rows],
        probabilities=world.probabilities[rows],
    )
    return made


def write(folders: dict[str, Path], looked_at: np.ndarray | None = None, **changes: object) -> dict:
    labelled = folders["out"].parent / "labelled.npz"
    looked_at = np.ones(700, bool) if looked_at is None else looked_at
    np.savez(labelled, indices=np.arange(700), looked_at=looked_at)
    given = {
        "classification_dir": str(folders["classification"]),
        "network_dir": str(folders["network"]),
        "cluster_dir": str(folders["cluster"]),
        "labelled": str(labelled),
        "classes": CLASSES,
        "single_label": True,
        "exclusive": [],
        "excludes": [],
        "out": str(folders["out"]),
    }
    return promise(**(given | changes))


def rows_of(folders: dict[str, Path], name: str) -> list[dict]:
    return json.loads((folders["out"] / "promise.json").read_text())["classes"][name]["rows"]


def test_what_is_promised_is_said_for_each_percentage_and_only_of_frames_without_a_label(folders):
    facts = write(folders)
    assert facts == {"n_labels": 700, "n_in_bulk": 0, "reason": None}
    table = json.loads((folders["out"] / "promise.json").read_text())
    assert table["n_frames"] == N - 700
    assert set(table["classes"]) == set(CLASSES)
    row = rows_of(folders, "One")[80 - 50]
    scores = np.load(folders["classification"] / "probabilities.npy")[700:]
    is_first = (scores[:, 0] >= row["threshold"]) & (scores.argmax(axis=1) == 0)
    assert row["expected"] == int(is_first.sum()) > 500


def test_asking_for_more_purity_never_brings_more_frames(folders):
    write(folders)
    found = [row["expected"] for row in rows_of(folders, "One") if row["threshold"] is not None]
    assert len(found) > 20
    assert all(later <= earlier for earlier, later in pairwise(found))


def test_labels_that_were_given_to_many_frames_at_once_promise_nothing(folders):
    facts = write(folders, looked_at=np.zeros(700, bool))
    assert facts == {"n_labels": 0, "n_in_bulk": 700, "reason": "bulk"}
    assert all(row["threshold"] is None for name in CLASSES for row in rows_of(folders, name))


def test_fifty_nine_labels_are_asked_for_where_there_is_none(folders):
    write(folders, network_dir=None)
    row = rows_of(folders, "One")[95 - 50]
    assert row["threshold"] is None
    assert row["more"] == 59


def test_a_network_from_elsewhere_and_one_without_judged_labels_are_told_apart(folders):
    assert write(folders, network_dir=None)["reason"] == "elsewhere"
    (folders["network"] / "judged.npz").unlink()
    assert write(folders)["reason"] == "old"


def test_judged_labels_of_another_sorting_are_refused(folders):
    np.savez(
        folders["network"] / "judged.npz",
        indices=np.array([N]),
        truth=np.ones((1, 4), bool),
        probabilities=np.ones((1, 4), np.float32),
    )
    with pytest.raises(RecipeError, match="does not fit to the sorting"):
        write(folders)


def test_a_selection_that_is_worth_an_audit_is_there_where_nothing_can_be_promised(folders):
    write(folders, network_dir=None)
    table = json.loads((folders["out"] / "promise.json").read_text())
    audit = table["classes"]["One"]["audits"][95 - 50]
    assert audit["expected"] > 50
    assert 0 < audit["threshold"] <= 1
