"""Lists for CrystFEL, Dragonfly and EXtra-data, thumbnails, rows as JSON, and two writings of all."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import extra_data
import extra_data.components
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from extra_data.tests.make_examples import make_lpd_run_mini_missed_train
from PIL import Image

from tests.science.export.test_cxi import frames_of, run_of_modules, stack
from tests.science.export.written_manifests import CLASSES, choose, matrix_of, write
from tests.science.io.layouts import describe, read_all
from tests.science.io.written_files import write_cxidb94, write_eiger
from workers.science.errors import RecipeError
from workers.science.export.frame_list import file_stems
from workers.science.export.json_lines import JsonLinesWriter
from workers.science.export.write import FORMATS
from workers.science.thumbnails import INFERNO


def text(folder: Path, name: str) -> list[str]:
    return (folder / "out" / name).read_text(encoding="utf-8").splitlines()


def events_of(path: Path, template: str) -> np.ndarray:
    """Read the frames of a list as CrystFEL does: what stands before // goes into the path."""
    frames = []
    for line in path.read_text().splitlines():
        name, event = line.split(" ")
        before, number = event.split("//")
        with h5py.File(name) as file:
            node = file[template.replace("%", before)]
            frames.append(node[int(number)] if number else node[()])
    return np.array(frames)


@pytest.mark.parametrize("layout", ["stack", "entries", "eiger"])
def test_crystfel_finds_each_frame_by_file_and_event(tmp_path, layout):
    frames = frames_of(6)
    if layout == "stack":
        source = describe(stack(tmp_path / "a_1.h5", 6), stack(tmp_path / "a_2.h5", 3, 90))
    elif layout == "entries":
        source = describe(write_cxidb94(tmp_path / "entries.cxi", frames, np.zeros((6, 3), np.int8)))
    else:
        source = describe(write_eiger(tmp_path, frames, np.zeros((32, 40), np.uint32)))
    result = write(source, tmp_path / "made", ["crystfel"])
    words = result["files"]["frames.lst"]
    template = words.partition("data = ")[2]
    assert ("%" in template) == (layout != "stack")
    found = events_of(tmp_path / "made/out/frames.lst", template)
    assert np.array_equal(found, read_all(source))
    of_class = events_of(tmp_path / "made/out/class-Streak-bent.lst", template)
    assert np.array_equal(of_class, read_all(source)[matrix_of(source["n_frames"])[:, 1]])


def test_crystfel_lists_of_other_formats_are_refused_in_one_line(tmp_path):
    np.save(tmp_path / "a.npy", frames_of(5))
    with pytest.raises(RecipeError, match="CrystFEL does not read such files where they lie"):
        write(describe(tmp_path / "a.npy"), tmp_path / "made", ["crystfel"])


def test_dragonfly_gets_a_line_for_every_frame_also_for_those_not_chosen(tmp_path):
    source = describe(stack(tmp_path / "a.h5", 8))
    write(source, tmp_path / "made", ["dragonfly"], chosen=choose(tmp_path / "made", [0, 2, 3, 4, 6]))
    classes = text(tmp_path / "made", "dragonfly-classes.dat")
    assert classes == ["Round", "", "Round;Streak/bent", "", "Empty", "", "Streak/bent", ""]
    flags = [text(tmp_path / "made", f"dragonfly-blacklist{end}.dat") for end in ("", "-Round")]
    assert flags[0] == list("01000101")
    assert flags[1] == list("01011111")


def test_trains_and_pulses_of_a_class_are_those_of_its_frames(tmp_path):
    source, _ = run_of_modules(tmp_path / "run", raw=True)
    write(source, tmp_path / "made", ["trains"])
    told = json.loads("\n".join(text(tmp_path / "made", "trains.json")))
    assert told["frames"] == {"10000": [0, 4], "10001": [0, 4, 8]}
    assert told["classes"]["Round"] == {"10000": [0], "10001": [0]}
    assert told["classes"]["Streak/bent"] == {"10000": [4], "10001": [0]}
    rows = list(csv.DictReader((tmp_path / "made/out/trains.csv").open(newline="")))
    assert rows[0] == {"class": "Round", "train_id": "10000", "pulse_ids": "0"}


def test_extra_data_selects_with_our_list_the_frames_of_a_class(tmp_path):
    make_lpd_run_mini_missed_train(str(tmp_path))
    source = describe(*sorted(tmp_path.glob("*LPD*.h5")))
    write(source, tmp_path / "made", ["trains", "cxi-classes"])
    told = json.loads("\n".join(text(tmp_path / "made", "trains.json")))["classes"]["Empty"]
    run = extra_data.RunDirectory(str(tmp_path))
    chosen = run.select_trains(extra_data.by_id[[int(train) for train in told]])
    assert [str(train) for train in chosen.train_ids] == list(told)
    theirs = extra_data.components.LPD1M(chosen, min_modules=1, raw=True).get_array("image.data")
    frames = [(int(train), pulse) for train, pulses in told.items() for pulse in pulses]
    assert len(frames) == matrix_of(source["n_frames"])[:, 2].sum()
    with h5py.File(tmp_path / "made/out/class-Empty.cxi") as file:
        ours = file["entry_1/data_1/data"][()]
        assert [tuple(map(int, name.split(b":"))) for name in file["entry_1/experiment_identifier"]] == frames
    for number, (train, pulse) in enumerate(frames):
        images = theirs.sel(train=train, pulse=pulse)
        modules = images["module"].values.tolist()
        assert np.array_equal(ours[number, modules], images.values)


def test_frames_without_trains_make_no_train_list(tmp_path):
    with pytest.raises(RecipeError, match="not every frame has a train id"):
        write(describe(stack(tmp_path / "a.h5")), tmp_path / "made", ["trains"])


def test_thumbnails_lie_in_the_folder_of_each_class_and_keep_their_levels(tmp_path):
    source = describe(stack(tmp_path / "a.h5", 5))
    condensed = np.random.default_rng(0).integers(0, 256, (5, 64, 64), dtype=np.uint8)
    (tmp_path / "condensed").mkdir()
    np.save(tmp_path / "condensed/condensed.npy", condensed)
    write(source, tmp_path / "made", ["thumbnails"], condensed_dir=str(tmp_path / "condensed"))
    with zipfile.ZipFile(tmp_path / "made/out/thumbnails.zip") as archive:
        names = sorted(archive.namelist())
        assert names == [
            "Empty/0000004.png",
            "Round/0000000.png",
            "Round/0000002.png",
            "Streak-bent/0000001.png",
            "Streak-bent/0000002.png",
            "frames.csv",
            "no class/0000003.png",
        ]
        picture = Image.open(io.BytesIO(archive.read("Empty/0000004.png")))
        assert np.array_equal(np.asarray(picture), condensed[4])
        assert np.array_equal(np.asarray(picture.convert("RGB")), INFERNO[condensed[4]])
        rows = list(csv.DictReader(io.StringIO(archive.read("frames.csv").decode())))
    assert [row["class"] for row in rows if row["picture"] == "0000002.png"] == ["Round", "Streak/bent"]
    assert rows[0]["source_index"] == "0"


def test_json_lines_say_the_same_as_parquet_whatever_is_in_the_text(tmp_path):
    source = describe(stack(tmp_path / 'a "1" =é\\.h5', 7))
    write(source, tmp_path / "made", ["jsonl", "parquet", "csv"])
    rows = pq.read_table(tmp_path / "made/out/manifest.parquet").to_pylist()
    assert [json.loads(line) for line in text(tmp_path / "made", "manifest.jsonl")] == rows


def test_what_is_no_number_is_null_in_json(tmp_path):
    batch = pa.RecordBatch.from_pydict(
        {
            "f": pa.array([1.5, float("nan"), float("inf"), -float("inf"), None, 1e-30], pa.float32()),
            "b": pa.array([True, None, False, True, True, True]),
            "d": pa.array(["a", None, "", 'q"\n', "\u2028", "b"]).dictionary_encode().cast(pa.string()),
        }
    )
    with JsonLinesWriter(str(tmp_path / "a.jsonl"), batch.schema) as writer:
        writer.write_batch(batch)
        writer.write_batch(batch.slice(2, 2))
        writer.write_batch(batch.slice(0, 0))
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    found = [json.loads(line) for line in lines]
    assert [row["f"] for row in found[:6]] == [1.5, None, None, None, None, pytest.approx(1e-30)]
    assert found[1] == {"f": None, "b": None, "d": None}
    assert [row["d"] for row in found[6:]] == ["", 'q"\n']


def test_two_writings_of_everything_are_the_same_byte_for_byte_but_for_the_time(tmp_path):
    source, _ = run_of_modules(tmp_path / "run", raw=False)
    source_lists = [name for name in FORMATS if name != "crystfel"]
    condensed = np.zeros((5, 16, 16), np.uint8)
    (tmp_path / "condensed").mkdir()
    np.save(tmp_path / "condensed/condensed.npy", condensed)
    for name in ("first", "second"):
        write(source, tmp_path / name, source_lists, condensed_dir=str(tmp_path / "condensed"))
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "out").iterdir()}
        for name in ("first", "second")
    )
    assert first.keys() == second.keys()
    timed = {"manifest.json", "SHA256SUMS"}
    assert [name for name in first if first[name] != second[name] and name not in timed] == []
    cards = [json.loads(files["manifest.json"]) for files in (first, second)]
    for card in cards:
        del card["created_at"]
    assert cards[0] == cards[1]


def test_the_sums_are_those_of_all_other_files(tmp_path):
    write(describe(stack(tmp_path / "a.h5")), tmp_path / "made", ["csv", "cxi", "dragonfly"])
    sums = dict(reversed(line.split("  ")) for line in text(tmp_path / "made", "SHA256SUMS"))
    files = {path.name: path for path in (tmp_path / "made/out").iterdir() if path.name != "SHA256SUMS"}
    assert sums == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def test_an_unknown_format_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(RecipeError, match=r"no format “exe”\. Choose of csv, jsonl"):
        write(describe(stack(tmp_path / "a.h5")), tmp_path / "made", ["exe"])


def test_names_of_files_are_fit_for_any_system_and_differ():
    assert file_stems(["A/b", "a b", "../x", "é", "..", CLASSES[0]]) == [
        "A-b",
        "a-b-2",
        "x",
        "é",
        "class",
        "Round",
    ]
