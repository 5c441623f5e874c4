import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.science import manifest, row_reader
from workers.science.errors import RecipeError
from workers.science.export.card import write_card
from workers.science.export.tables import write_tables
from workers.science.labels_file import Labels
from workers.science.manifest import Clustering, ManifestTable, Sorting

N = 10


def index_file(folder: Path, source: str = "run_1.cxi", n: int = N) -> Path:
    columns = {
        "index": np.arange(n),
        "source": pa.array([source] * n).dictionary_encode(),
        "path": pa.array(["/entry_1/data"] * n, pa.large_string()),
        "source_index": np.arange(n)[::-1],
        "train_id": pa.array(range(n), pa.int64()),
        "pulse_id": pa.nulls(n, pa.int64()),
        "cell_id": pa.nulls(n, pa.int64()),
        "total": np.linspace(-1.5, 99, n),
        "lit_pixels": np.arange(n),
        "maximum": np.arange(n) / 2,
    }
    pq.write_table(pa.table(columns), folder / "frames.parquet")
    return folder / "frames.parquet"


def clustering(n: int = N) -> Clustering:
    labels = np.arange(n, dtype=np.int32) % 3 - 1
    return Clustering(labels, np.full(n, 0.5, np.float32), np.full(n, np.nan, np.float32))


def sorting(classes: list[str]) -> Sorting:
    probabilities = np.zeros((N, len(classes)), np.float32)
    probabilities[np.arange(N), np.arange(N) % len(classes)] = 0.75
    return Sorting(probabilities, classes, False, [0.5] * len(classes), [])


def labels(indices: list[int], matrix: list[list[bool]], people: list[str]) -> Labels:
    return Labels(np.array(indices), np.array(matrix, bool), np.array(people))


def written(table: ManifestTable, out: Path) -> tuple[list[str], list[dict[str, str]]]:
    write_tables(table, out, lambda done: None)
    with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return rows[0], [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_columns_stand_in_the_order_of_the_contract(tmp_path):
    table = ManifestTable(index_file(tmp_path), clustering(), sorting(["A", "B"]), None, ["A", "B"])
    header, _ = written(table, tmp_path)
    assert ",".join(header) == (
        "source,path,index,source_index,train_id,pulse_id,cell_id,cluster,cluster_name,cluster_probability,"
        "outlier_score,p_A,p_B,classes,label,labelled_by,total,lit_pixels,maximum"
    )
    assert pq.read_schema(tmp_path / "manifest.parquet").names == header


@pytest.mark.parametrize("block", [1, 3, 4, 1000])
def test_rows_keep_the_order_of_the_data_set_whatever_the_block(tmp_path, monkeypatch, block):
    monkeypatch.setattr(manifest, "BLOCK", block)
    told = labels([8, 2], [[True, True], [False, True]], ["bob", "ada"])
    table = ManifestTable(index_file(tmp_path), clustering(), sorting(["A", "B"]), told, ["A", "B"])
    _, rows = written(table, tmp_path)
    assert [int(row["index"]) for row in rows] == list(range(N))
    assert [int(row["cluster"]) for row in rows] == [n % 3 - 1 for n in range(N)]
    assert [row["label"] for row in rows] == ["", "", "B", "", "", "", "", "", "A;B", ""]
    assert [row["labelled_by"] for row in rows if row["labelled_by"]] == ["ada", "bob"]


def test_what_a_person_said_wins_over_the_network_also_when_no_class_applies(tmp_path):
    told = labels([0, 1], [[False, True], [False, False]], ["ada", "ada"])
    table = ManifestTable(index_file(tmp_path), None, sorting(["A", "B"]), told, ["A", "B"])
    _, rows = written(table, tmp_path)
    assert [row["classes"] for row in rows[:4]] == ["B", "", "A", "B"]
    assert table.class_counts == {"A": 4, "B": 5}


def test_what_is_not_known_is_empty_and_not_a_word(tmp_path):
    _, rows = written(ManifestTable(index_file(tmp_path), None, None, None, []), tmp_path)
    assert not rows[0]["pulse_id"] + rows[0]["cell_id"]
    for name in ("cluster", "cluster_probability", "outlier_score", "classes", "label", "labelled_by"):
        assert rows[0][name] == ""


def test_names_of_clusters_are_text_and_never_a_formula(tmp_path):
    names = {0: "=1+1", 7: "of no cluster here"}
    table = ManifestTable(index_file(tmp_path), clustering(), None, None, [], cluster_names=names)
    _, rows = written(table, tmp_path)
    assert [row["cluster_name"] for row in rows[:3]] == ["", "'=1+1", ""]
    kept = pq.read_table(tmp_path / "manifest.parquet")["cluster_name"].to_pylist()
    assert kept[:3] == [None, "=1+1", None]
    assert [row["cluster"] for row in rows[:3]] == ["-1", "0", "1"]


def test_not_a_number_is_empty_in_csv_and_null_in_parquet(tmp_path):
    _, rows = written(ManifestTable(index_file(tmp_path), clustering(), None, None, []), tmp_path)
    assert rows[0]["outlier_score"] == ""
    assert pq.read_table(tmp_path / "manifest.parquet")["outlier_score"].null_count == N


def measures_file(folder: Path, n: int = N, rows_in_a_group: int = 3) -> Path:
    spacing = np.where(np.arange(n) % 2, np.nan, np.arange(n) / 4)
    path = folder / "measures.parquet"
    pq.write_table(pa.table({"ring_spacing": spacing}), path, row_group_size=rows_in_a_group)
    return path


@pytest.mark.parametrize("block", [1, 4, 1000])
def test_measures_stand_beside_their_frames_whatever_the_blocks_of_either_file(tmp_path, monkeypatch, block):
    monkeypatch.setattr(manifest, "BLOCK", block)
    monkeypatch.setattr(row_reader, "_BLOCK", 4)
    table = ManifestTable(
        index_file(tmp_path), None, None, None, [], measures=measures_file(tmp_path, rows_in_a_group=7)
    )
    header, rows = written(table, tmp_path)
    assert header[-1] == "ring_spacing"
    assert [row["ring_spacing"] for row in rows][:4] == ["0", "", "0.5", ""]
    assert pq.read_table(tmp_path / "manifest.parquet")["ring_spacing"].null_count == N // 2


def test_measures_of_other_frames_are_refused(tmp_path):
    with pytest.raises(RecipeError, match="measures: holds 11 frames"):
        ManifestTable(index_file(tmp_path), None, None, None, [], measures=measures_file(tmp_path, 11))


def test_source_columns_that_are_not_known_are_empty(tmp_path):
    path = index_file(tmp_path)
    energy = pa.array([np.nan, *range(1, N)], pa.float64())
    pq.write_table(pq.read_table(path).append_column("source_photon_energy", energy), path)
    _, rows = written(ManifestTable(path, None, None, None, []), tmp_path)
    assert [row["source_photon_energy"] for row in rows[:2]] == ["", "1"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝", "＠"])
def test_text_that_a_spreadsheet_would_run_is_defused_in_csv_only(tmp_path, start):
    source = f'{start}cmd|"/c calc"!A1'
    told = labels([0], [[True]], [f"{start}eve"])
    table = ManifestTable(index_file(tmp_path, source), None, None, told, [f"{start}class"])
    _, rows = written(table, tmp_path)
    assert rows[0]["source"] == "'" + source
    assert rows[0]["labelled_by"] == f"'{start}eve"
    assert rows[0]["classes"] == f"'{start}class"
    assert pq.read_table(tmp_path / "manifest.parquet")["source"][0].as_py() == source


def test_negative_numbers_and_harmless_text_are_untouched(tmp_path):
    _, rows = written(ManifestTable(index_file(tmp_path), clustering(), None, None, []), tmp_path)
    assert rows[0]["cluster"] == "-1"
    assert float(rows[0]["total"]) == -1.5
    assert rows[0]["path"] == "/entry_1/data"


def test_parquet_has_numbers_as_numbers(tmp_path):
    table = ManifestTable(index_file(tmp_path), clustering(), sorting(["A"]), None, ["A"])
    written(table, tmp_path)
    schema = pq.read_schema(tmp_path / "manifest.parquet")
    kinds = {name: str(schema.field(name).type) for name in ("index", "cluster", "p_A", "total", "train_id")}
    assert kinds == {
        "index": "int64",
        "cluster": "int32",
        "p_A": "float",
        "total": "double",
        "train_id": "int64",
    }


def test_card_has_the_right_hashes_and_counts_and_keeps_what_it_was_given(tmp_path):
    table = ManifestTable(index_file(tmp_path), clustering(), sorting(["A", "B"]), None, ["A", "B", "C"])
    columns = write_tables(table, tmp_path, lambda done: None)
    counts = write_card(table, tmp_path, columns, {"dataset": "run 1"})
    card = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert counts == {"classes": {"A": 5, "B": 5, "C": 0}, "clusters": {"-1": 4, "0": 3, "1": 3}}
    assert card["counts"] == counts
    assert card["dataset"] == "run 1"
    assert card["n_frames"] == N
    for name in ("manifest.csv", "manifest.parquet"):
        assert card["sha256"][name] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_columns_of_another_index_are_refused(tmp_path):
    with pytest.raises(RecipeError, match="holds 11 frames, the index 10"):
        ManifestTable(index_file(tmp_path), clustering(11), None, None, [])


def test_more_than_eight_classes_are_joined_right(tmp_path):
    classes = [f"c{i}" for i in range(11)]
    told = labels([3], [[i in (0, 7, 8, 10) for i in range(11)]], ["ada"])
    _, rows = written(ManifestTable(index_file(tmp_path), None, None, told, classes), tmp_path)
    assert rows[3]["classes"] == "c0;c7;c8;c10"


def test_no_frames_at_all_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="no frames"):
        write_tables(
            ManifestTable(index_file(tmp_path, n=0), None, None, None, []), tmp_path, lambda done: None
        )
