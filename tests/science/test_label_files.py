"""What is downloaded is taken in again as the same labels, whatever the format and whatever order."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.science.export.test_cxi import frames_of, run_of_modules, stack
from tests.science.export.written_manifests import CLASSES, index_of, matrix_of, write
from tests.science.io.layouts import describe
from tests.science.io.written_files import tagged_stack, write_cxidb94
from workers.science.labels_file import LabelsError
from workers.science.steps.label_file import read_label_file

BY_FILE = ("manifest.csv", "manifest.jsonl", "manifest.parquet", "frames.cxi", "thumbnails.zip")


def read(path: Path, index: Path, known: list[str] = CLASSES, **more: object) -> tuple[dict, dict[int, list]]:
    """Read a file as the worker does; return what it says, and the classes of each frame."""
    out = index.parent / f"labels-{path.name}"
    out.mkdir(exist_ok=True)
    found = read_label_file(
        labels=str(path), name=path.name, index_dir=str(index), known=known, out=str(out), **more
    )
    with np.load(out / "labels.npz", allow_pickle=False) as labels:
        rows = zip(labels["indices"].tolist(), labels["matrix"], strict=True)
        return found, {frame: [found["classes"][n] for n in np.flatnonzero(row)] for frame, row in rows}


def expected(n: int, *, with_none: bool) -> dict[int, list[str]]:
    rows = {
        frame: [CLASSES[place] for place in np.flatnonzero(row)] for frame, row in enumerate(matrix_of(n))
    }
    return {frame: names for frame, names in rows.items() if names or with_none}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Two files, written as everything that can be."""
    source = describe(stack(tmp_path / "a_1.h5"), stack(tmp_path / "a_2.h5", 4, 50))
    (tmp_path / "condensed").mkdir()
    np.save(tmp_path / "condensed/condensed.npy", np.zeros((13, 16, 16), np.uint8))
    formats = ["csv", "jsonl", "parquet", "cxi", "crystfel", "dragonfly", "thumbnails"]
    write(source, tmp_path / "made", formats, condensed_dir=str(tmp_path / "condensed"))
    return tmp_path / "made"


def as_sets(found: dict[int, list[str]]) -> dict[int, set[str]]:
    return {frame: set(names) for frame, names in found.items()}


@pytest.mark.parametrize("name", BY_FILE)
def test_labels_come_back_by_file_and_number_also_where_the_order_is_another(made, name):
    # The same frames, registered the other way round: numbers in the data set mean other frames now.
    other = describe(made.parent / "a_2.h5", made.parent / "a_1.h5")
    index = index_of(other, made.parent / "turned")
    found, labels = read(made / "out" / name, index)
    truth = expected(13, with_none=name.startswith("manifest"))
    turned = {(frame + 4) % 13: set(names) for frame, names in truth.items()}
    assert as_sets(labels) == turned
    assert found["by"].startswith("source file")
    assert found["n_found"] == found["n_rows"]
    assert found["n_frames"] == len(truth)


def test_a_class_list_of_dragonfly_goes_by_the_order_and_says_so(made):
    found, labels = read(made / "out/dragonfly-classes.dat", made / "index")
    assert as_sets(labels) == as_sets(expected(13, with_none=False))
    assert "their number in the data set alone" in found["by"]
    with pytest.raises(LabelsError, match="as a blacklist does"):
        read(made / "out/dragonfly-blacklist.dat", made / "index")
    short = made / "short.dat"
    short.write_text("Round\n")
    with pytest.raises(LabelsError, match="has 1 lines, and the data set 13 frames"):
        read(short, made / "index")


def test_a_crystfel_list_gives_its_class_and_leaves_others(made):
    found, labels = read(made / "out/class-Streak-bent.lst", made / "index")
    assert found["adds"]
    assert labels == {frame: ["Streak/bent"] for frame in np.flatnonzero(matrix_of(13)[:, 1]).tolist()}
    _, named = read(made / "out/class-Round.lst", made / "index", class_name="Sphere")
    assert set(map(tuple, named.values())) == {("Sphere",)}


def test_events_of_files_with_a_group_a_frame_are_found_by_the_group(tmp_path):
    frames = frames_of(6)
    source = describe(write_cxidb94(tmp_path / "entries.cxi", frames, np.zeros((6, 3), np.int8)))
    write(source, tmp_path / "made", ["crystfel"])
    _, labels = read(tmp_path / "made/out/class-Empty.lst", tmp_path / "made/index")
    assert labels == {4: ["Empty"]}


@pytest.mark.parametrize("name", ["trains.json", "trains.csv", "frames.cxi"])
def test_trains_and_pulses_find_frames_of_a_run(tmp_path, name):
    source, _ = run_of_modules(tmp_path / "run", raw=True)
    write(source, tmp_path / "made", ["trains", "cxi"])
    # Calibrated anew: other files, the same trains and pulses.
    (tmp_path / "again").mkdir()
    other, _ = run_of_modules(tmp_path / "again", raw=False)
    index = index_of(other, tmp_path / "index")
    found, labels = read(tmp_path / "made/out" / name, index)
    assert as_sets(labels) == as_sets(expected(5, with_none=False))
    assert found["by"] == "train and pulse"


def test_a_file_that_was_moved_is_found_by_its_name_and_what_is_missing_is_told(made):
    rows = pq.read_table(made / "out/manifest.parquet").to_pylist()
    for row in rows:
        row["source"] = row["source"].replace(str(made.parent), "/data/elsewhere")
    rows[3]["source"] = "/data/elsewhere/a_9.h5"
    pq.write_table(pa.Table.from_pylist(rows), made / "moved.parquet")
    found, labels = read(made / "moved.parquet", made / "index")
    assert (found["n_rows"], found["n_found"]) == (13, 12)
    assert found["missing"] == ["a_9.h5 3"]
    assert 3 not in labels


def test_what_a_network_decided_is_taken_only_where_it_is_asked_for(tmp_path):
    columns = {
        "index": [0, 1, 2],
        "source": ["x.h5"] * 3,
        "path": ["/entry/data"] * 3,
        "source_index": [0, 1, 2],
        "classes": ["Round", "Empty", "Round"],
        "label": ["Round", "", ""],
        "labelled_by": ["ada", "", "bob"],
    }
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    index = index_of(describe(stack(tmp_path / "x.h5")), tmp_path / "index")
    _, labels = read(tmp_path / "m.parquet", index)
    assert labels == {0: ["Round"], 2: []}
    _, labels = read(tmp_path / "m.parquet", index, everything=True)
    assert labels == {0: ["Round"], 1: ["Empty"], 2: ["Round"]}


def test_tags_of_a_foreign_cxi_go_by_number_and_that_is_said(tmp_path):
    index = index_of(describe(stack(tmp_path / "x.h5", 6)), tmp_path / "index")
    tags = np.array([[0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 1, 0]], np.int8)
    path = tagged_stack(tmp_path / "other.cxi", frames_of(6), tags, ["hit", "ring"])
    found, labels = read(Path(path), index)
    assert labels == {1: ["hit"], 4: ["hit", "ring"]}
    assert "their number in the data set alone" in found["by"]


def test_pictures_that_were_moved_to_another_folder_change_their_class(made):
    path = made / "sorted.zip"
    with zipfile.ZipFile(made / "out/thumbnails.zip") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            moved = name.replace("Empty/", "Halo/") if name == "Empty/0000004.png" else name
            new.writestr(moved, old.read(name))
    _, labels = read(path, made / "index")
    assert labels[4] == ["Halo"]
    assert labels[9] == ["Empty"]


def test_an_apostrophe_against_formulas_does_not_come_back(tmp_path):
    index = index_of(describe(stack(tmp_path / "x.h5")), tmp_path / "index")
    path = tmp_path / "m.csv"
    path.write_text('"source","path","source_index","classes"\n"x.h5","/entry/data",2,"\'=a;\'b"\n')
    _, labels = read(path, index)
    assert labels == {2: ["=a", "'b"]}


BAD = {
    "a.csv": ("x,y\n1,2\n", "has no column “classes” or “label”"),
    "b.csv": ("index,classes\nq,Round\n", "the column index holds what is no whole number"),
    "c.csv": (b"\xff\xfe\x00", "is not valid CSV"),
    "d.jsonl": ("[1]\n", "line 1 is no JSON object"),
    "e.jsonl": ('{"classes": "Round", "index": 1}\n{"classes": 3}\n', "row 2 has classes that are no text"),
    "f.jsonl": ("[" * 100_000, "line 1 is no JSON object"),
    "g.parquet": (b"PAR1nothing", "cannot be read as Parquet"),
    "h.json": ('{"classes": 3}', "is no list of trains"),
    "i.cxi": (b"nothing", "i.cxi"),
    "j.lst": ("\n", "lists no frame"),
    "k.zip": (b"PK\x03\x04", "cannot be read as an archive"),
    "l.exe": ("", "is in no format that labels are read from"),
    "m.lst": ("other.h5 //3\n", "none of which is in this data set, first other.h5 3"),
    "n.csv": ("source,source_index,classes\n", "names no class"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_taken_gets_one_line(tmp_path, name):
    content, words = BAD[name]
    index = index_of(describe(stack(tmp_path / "x.h5")), tmp_path / "index")
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LabelsError) as refused:
        read(path, index)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cxi_without_tags_is_refused(tmp_path):
    index = index_of(describe(stack(tmp_path / "x.h5")), tmp_path / "index")
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/data_1/data"] = frames_of(3)
    with pytest.raises(LabelsError, match="holds no tags of a detector"):
        read(tmp_path / "a.cxi", index)


def test_a_table_in_an_archive_that_claims_to_be_huge_is_not_read(tmp_path, monkeypatch):
    from workers.science.label_files import lists

    monkeypatch.setattr(lists, "LARGEST_TABLE", 100)
    index = index_of(describe(stack(tmp_path / "x.h5")), tmp_path / "index")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.csv", "0" * 1000)
        archive.writestr("Round/0000001.png", "")
    with pytest.raises(LabelsError, match="is too large"):
        read(tmp_path / "a.zip", index)


def test_folders_without_a_table_go_by_the_numbers_of_their_pictures(tmp_path):
    index = index_of(describe(stack(tmp_path / "x.h5")), tmp_path / "index")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("top/Streak-bent/0000003.png", "")
        archive.writestr("top/no class/0000005.png", "")
    found, labels = read(tmp_path / "a.zip", index)
    assert labels == {3: ["Streak/bent"]}
    assert "their number in the data set alone" in found["by"]
    assert json.dumps(found)
