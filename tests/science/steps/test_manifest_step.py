import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.science.errors import Cancelled, RecipeError
from workers.science.labels_file import LabelsError, write_labels_npz
from workers.science.steps.manifest import write_manifest

N = 6


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("index", "cluster", "classification", "out")}
    for folder in made.values():
        folder.mkdir()
    ids = {name: pa.nulls(N, pa.int64()) for name in ("train_id", "pulse_id", "cell_id")}
    numbers = {name: np.arange(N) for name in ("index", "source_index", "lit_pixels")}
    floats = {name: np.zeros(N) for name in ("total", "maximum")}
    texts = {"source": ["a.h5"] * N, "path": ["/data"] * N}
    pq.write_table(pa.table(texts | numbers | ids | floats), made["index"] / "frames.parquet")
    np.save(made["cluster"] / "labels.npy", np.array([0, 0, 1, -1, 1, 0], np.int32))
    np.save(made["cluster"] / "probabilities.npy", np.ones(N, np.float32))
    np.save(made["cluster"] / "outlier_scores.npy", np.zeros(N, np.float32))
    probabilities = [[0.45, 0.1], [0.1, 0.9], [0.9, 0.8], [0, 0], [0.6, 0.2], [0.2, 0.7]]
    np.save(made["classification"] / "probabilities.npy", np.array(probabilities, np.float32))
    return made


def write(folders: dict[str, Path], **changes: object) -> dict:
    given = {
        "index_dir": str(folders["index"]),
        "cluster_dir": str(folders["cluster"]),
        "classification_dir": str(folders["classification"]),
        "labels": None,
        "classes": ["Round", "Empty"],
        "single_label": False,
        "card": {"dataset": "run"},
        "out": str(folders["out"]),
    }
    return write_manifest(**(given | changes))


def sorted_result(folders: dict[str, Path]) -> list[str]:
    return pq.read_table(folders["out"] / "manifest.parquet")["classes"].to_pylist()


def test_the_step_writes_the_usual_files_and_returns_what_it_counted(folders):
    result = write(folders)
    assert sorted(path.name for path in folders["out"].iterdir()) == [
        "SHA256SUMS",
        "manifest.csv",
        "manifest.json",
        "manifest.parquet",
        "methods.txt",
    ]
    assert result == {
        "n_frames": N,
        "counts": {"classes": {"Round": 2, "Empty": 3}, "clusters": {"-1": 1, "0": 3, "1": 2}},
        "formats": ["csv", "parquet"],
        "files": {name: result["files"][name] for name in ("manifest.csv", "manifest.parquet")},
    }
    assert json.loads((folders["out"] / "manifest.json").read_text())["dataset"] == "run"


def test_it_decides_as_the_network_s_classification_states(folders):
    stated = {"classes": ["Round", "Empty"], "single_label": False, "thresholds": [0.4, 0.5]}
    path = folders["classification"] / "classification.json"
    path.write_text(json.dumps(stated | {"exclusive": ["Empty"]}))
    write(folders)
    assert sorted_result(folders) == ["Round", "Empty", "Round", "", "Round", "Empty"]


def test_a_scheme_that_grew_after_the_sorting_still_gets_its_manifest(folders):
    stated = {"classes": ["Round", "Empty"], "single_label": False, "thresholds": [0.5, 0.5], "exclusive": []}
    (folders["classification"] / "classification.json").write_text(json.dumps(stated))
    labels = folders["index"].parent / "labels.npz"
    write_labels_npz(labels, np.array([5]), np.array([[False, False, True]]), np.array(["ada"]))
    result = write(folders, classes=["Round", "Empty", "Streak"], labels=str(labels))
    assert sorted_result(folders) == ["", "Empty", "Round;Empty", "", "Round", "Streak"]
    assert result["counts"]["classes"] == {"Round": 2, "Empty": 2, "Streak": 1}


def test_without_clusters_and_classes_there_is_still_a_row_a_frame(folders):
    result = write(folders, cluster_dir=None, classification_dir=None, classes=[])
    assert result["n_frames"] == N
    assert result["counts"] == {"classes": {}, "clusters": {}}


def test_probabilities_of_other_classes_are_refused(folders):
    with pytest.raises(RecipeError, match="for 3 classes"):
        write(folders, classes=["A", "B", "C"])


def test_labels_outside_the_data_set_are_refused(folders):
    labels = folders["index"].parent / "labels.npz"
    write_labels_npz(labels, np.array([N]), np.ones((1, 2), bool))
    with pytest.raises(LabelsError, match="outside"):
        write(folders, labels=str(labels))


def test_it_stops_when_the_caller_cancels(folders):
    def cancel(*_: object, **__: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write(folders, on_progress=cancel)


def test_who_is_a_hit_follows_the_threshold_that_a_person_set(folders):
    write(folders, hit_threshold=4.0)
    table = pq.read_table(folders["out"] / "manifest.parquet")
    assert table["is_hit"].to_pylist() == [False] * 4 + [True] * 2
    assert table["hit_score"].to_pylist() == [number / 4 for number in range(N)]
