"""`manage.py sort` as its operator uses it: a process of its own, nothing running beforehand."""

import contextlib
import csv
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from tests.browser.portal import processes_of
from tests.science.synthetic import diffraction_frames, write_cxi

MANAGE = str(Path(__file__).resolve().parents[2] / "manage.py")
NAMES = ("first", "second", "third", "fourth")
N_FRAMES = 320


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    data = tmp_path_factory.mktemp("sort-data")
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "FRINGE_DATA": str(data),
        "DATABASE_URL": "",
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sort-source")
    frames, classes = diffraction_frames(N_FRAMES, 48, seed=11)
    write_cxi(folder / "run.cxi", frames)
    truth = np.unique(classes, return_inverse=True)[1]
    with (folder / "labels.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["index", "classes"])
        writer.writerows([index, NAMES[truth[index]]] for index in range(0, 60))
    return folder, truth


def sort(environment, *arguments):
    return subprocess.run(
        [sys.executable, MANAGE, "sort", *(str(argument) for argument in arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def rows_of(folder):
    with (folder / "manifest.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.timeout(1200)
def test_a_file_becomes_a_sorted_manifest_and_a_second_run_finds_it(environment, source, tmp_path):
    folder, truth = source
    given = (folder / "run.cxi", "--out", tmp_path, "--labels", folder / "labels.csv", "--single-label")
    done = sort(environment, *given)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert list(rows[0])[:4] == ["source", "path", "index", "source_index"]
    assert [int(row["index"]) for row in rows] == list(range(N_FRAMES))
    assert {row["path"] for row in rows} == {"/entry_1/instrument_1/detector_1/data"}
    assert all(int(row["cluster"]) >= -1 and 0 <= float(row["cluster_probability"]) <= 1 for row in rows)
    for row in rows:
        assert sum(float(row[f"p_{name}"]) for name in NAMES) == pytest.approx(1, abs=1e-3)
    right = [row["classes"] == NAMES[truth[int(row["index"])]] for row in rows if not row["label"]]
    assert len(right) == N_FRAMES - 60
    assert np.mean(right) > 0.6
    card = json.loads((tmp_path / "manifest.json").read_text())
    assert {network["kind"] for network in card["networks"]} == {"factorvae", "classifier"}
    assert all(len(network["sha256"]) == 64 for network in card["networks"])
    [file] = card["sources"]
    assert file["sha256"] == hashlib.sha256((folder / "run.cxi").read_bytes()).hexdigest()
    assert (tmp_path / "gallery.html").stat().st_size > 10**6
    report = json.loads((tmp_path / "report.json").read_text())
    listed = [cluster["id"] for cluster in report["clusters"] if cluster["id"] >= 0]
    assert set(listed) == {int(row["cluster"]) for row in rows} - {-1}
    compared = {nuisance["name"] for nuisance in report["nuisances"] if not nuisance["problem"]}
    assert compared >= {"total", "time", "radial_q50"}
    assert pyarrow.parquet.read_table(tmp_path / "manifest.parquet").num_rows == N_FRAMES
    sums = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False)
    assert sums.returncode == 0, sums.stderr
    assert processes_of(Path(environment["FRINGE_DATA"])) == []

    first = (tmp_path / "manifest.csv").read_bytes()
    again = sort(environment, *given)
    assert again.returncode == 0, again.stderr
    assert "Learn" not in again.stderr
    assert (tmp_path / "manifest.csv").read_bytes() == first

    more = ("--formats", "jsonl,cxi,cxi-classes,cxi-copy,crystfel,dragonfly,thumbnails")
    other = sort(environment, *given[:2], tmp_path / "more", *given[3:], *more)
    assert other.returncode == 0, other.stderr
    assert "Learn" not in other.stderr
    assert not (tmp_path / "more/manifest.csv").exists()
    with h5py.File(folder / "run.cxi") as raw, h5py.File(tmp_path / "more/frames.cxi") as pointing:
        frames = raw["/entry_1/data_1/data"][()]
        assert np.array_equal(pointing["/entry_1/data_1/data"][()], frames)
        tags = pointing["/entry_1/instrument_1/detector_1/tags"]
        names = [name.decode() for name in tags.attrs["headings"]]
        assert [";".join(np.array(names)[column == 1]) for column in tags[()].T] == [
            row["classes"] for row in rows
        ]
    with h5py.File(tmp_path / "more/copy.cxi") as copied:
        assert np.array_equal(copied["/entry_1/data_1/data"][()], frames)
    lines = (tmp_path / "more/manifest.jsonl").read_text().splitlines()
    assert [json.loads(line)["classes"] for line in lines] == [row["classes"] for row in rows]
    n_listed = sum(row["classes"] == "first" for row in rows)
    assert len((tmp_path / "more/class-first.lst").read_text().splitlines()) == n_listed


def wrong_inputs(folder):
    """Yield arguments that cannot be sorted, and what the one line has to name."""
    write_cxi(folder / "good.cxi", np.ones((4, 8, 8), dtype=np.uint16))
    (folder / "text.h5").write_text("no")
    whole = (folder / "good.cxi").read_bytes()
    (folder / "cut.cxi").write_bytes(whole[: len(whole) // 3])
    with h5py.File(folder / "words.h5", "w") as file:
        file["words"] = ["a", "b"]
    (folder / "labels.csv").write_text("frame,class\n0,a\n")
    (folder / "far.csv").write_text("index,classes\n99,a\n")
    yield ["missing.h5"], "missing.h5"
    (folder / "empty").mkdir()
    yield ["empty"], "holds no file that can be read"
    yield ["*.emc"], "fits no file that can be read"
    yield ["labels.csv"], "in no format"
    yield ["text.h5"], "text.h5"
    yield ["cut.cxi"], "cut.cxi"
    yield ["words.h5"], "words.h5"
    yield ["good.cxi", "--path", "/nowhere"], "/nowhere"
    yield ["good.cxi", "--labels", "labels.csv"], "labels.csv"
    yield ["good.cxi", "--labels", "far.csv"], "99"
    yield ["good.cxi", "--single-label"], "--labels"
    yield ["good.cxi", "--formats", "csv,exe"], "no format “exe”"
    yield ["good.cxi", "--formats", "trains"], "not every frame has a train id"


@pytest.mark.timeout(600)
def test_bad_input_gets_one_line_and_exit_code_2(environment, tmp_path):
    for arguments, named in wrong_inputs(tmp_path):
        paths = [tmp_path / arguments[0], *arguments[1:]]
        paths = [tmp_path / part if str(part).endswith(".csv") else part for part in paths]
        done = sort(environment, *paths, "--out", tmp_path / "out")
        last = done.stderr.strip().splitlines()[-1]
        assert done.returncode == 2, (arguments, done.stderr)
        assert named in last, (arguments, last)
        assert "Traceback" not in done.stderr + done.stdout
        assert not list((tmp_path / "out").glob("*"))


def registered(environment, name):
    """Return the number of frames of a data set, with each of its files in order."""
    with contextlib.closing(sqlite3.connect(Path(environment["FRINGE_DATA"]) / "db.sqlite3")) as database:
        rows = database.execute(
            "SELECT n_frames, path FROM datasets_dataset JOIN datasets_sourcefile"
            ' ON dataset_id = datasets_dataset.id WHERE name = ? ORDER BY "order"',
            [name],
        )
        return [(n_frames, Path(path).name) for n_frames, path in rows]


@pytest.mark.timeout(300)
def test_ctrl_c_ends_the_sorting_of_a_folder_and_nothing_half_written_stays(environment, source, tmp_path):
    folder, _ = source
    (tmp_path / "two_runs").mkdir()
    for number in (10, 9):
        shutil.copy(folder / "run.cxi", tmp_path / "two_runs" / f"run_{number}.cxi")
    out = tmp_path / "out"
    command = [
        sys.executable,
        MANAGE,
        "sort",
        str(tmp_path / "two_runs"),
        "--out",
        str(out),
        "--seed",
        "99",
    ]
    running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    for line in running.stderr:
        if "Learn patterns" in line:
            break
    running.send_signal(signal.SIGINT)
    rest = running.stderr.read()
    assert running.wait(timeout=60) == 130
    assert "goes on" in rest
    assert registered(environment, "two_runs") == [(2 * N_FRAMES, "run_9.cxi"), (2 * N_FRAMES, "run_10.cxi")]
    assert list(out.iterdir()) == []
    deadline = time.monotonic() + 10
    while processes_of(Path(environment["FRINGE_DATA"])) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(Path(environment["FRINGE_DATA"])) == []
