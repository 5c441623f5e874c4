"""`manage.py inspect` as its operator uses it: no database, no Redis, no portal, only files."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from django.core.management import call_command

from tests.science.io.layouts import write_emc
from tests.science.synthetic import write_cxi
from webapp.datasets.ask import StepRefused, ask_step

MANAGE = str(Path(__file__).resolve().parents[2] / "manage.py")
FRAMES = np.random.default_rng(0).poisson(2.0, (5, 16, 24)).astype(np.uint16)


@pytest.fixture
def inspect(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "FRINGE_DATA": str(data),
        # nobody listens there: whoever asked a database or a broker would fail
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }

    def run(*arguments, cwd=None):
        return subprocess.run(
            [sys.executable, MANAGE, "inspect", *map(str, arguments)],
            env=environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_a_file_is_described_in_words_with_units(inspect, tmp_path):
    write_cxi(tmp_path / "a.cxi", FRAMES, mask=np.zeros((16, 24), np.uint32))
    done = inspect(tmp_path / "a.cxi")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line[:13].strip(): line[13:] for line in done.stdout.splitlines() if line[:13].strip()}
    assert rows["format"] == "CXI stack"
    assert rows["frames"] == "5"
    assert rows["frame"] == "16 x 24 px, uint16"
    assert rows["unpacked"] == "3.8 kB"
    assert rows["frames at"] == "/entry_1/instrument_1/detector_1/data"
    assert rows["mask at"] == "/entry_1/instrument_1/detector_1/mask"
    assert f"* {rows['frames at']}  5 x 16 x 24  uint16" in done.stdout


def test_a_pattern_of_files_comes_as_json_in_natural_order(inspect, tmp_path):
    for number, frame in enumerate(FRAMES, start=8):
        tifffile.imwrite(tmp_path / f"run_{number}.tif", frame)
    (tmp_path / "run_9.tif").write_bytes(b"II*\0")
    done = inspect("run_*.tif", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert [Path(item["path"]).name for item in found["files"]] == [
        f"run_{number}.tif" for number in (8, 10, 11, 12)
    ]
    assert (found["format"], found["format_words"]) == ("tiff", "TIFF images")
    assert (found["n_frames"], found["reader"], found["dataset_path"]) == (4, "tiff", "series_0")
    assert [Path(item["file"]).name for item in found["states"]] == ["run_9.tif"]


def test_a_folder_is_one_data_set_and_several_names_too(inspect, tmp_path):
    for number in (10, 9):
        write_emc(tmp_path / f"{number}.emc", FRAMES[:, :16, :16])
    for sources in ([tmp_path], [tmp_path / "10.emc", tmp_path / "9.emc"]):
        found = json.loads(inspect(*sources, "--json").stdout)
        assert [Path(item["path"]).name for item in found["files"]] == ["9.emc", "10.emc"]
        assert found["n_frames"] == 10


def refused(capsys, *arguments):
    """Run the command in this process, and return its one line."""
    with pytest.raises(SystemExit) as ended:
        call_command("inspect", *map(str, arguments), stderr=(said := StringIO()))
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""
    [line] = said.getvalue().splitlines()
    return line


def test_refusals_are_one_line_and_exit_code_2(inspect, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("text.h5").write_text("no")
    Path("empty").mkdir()
    write_cxi("good.cxi", FRAMES)
    np.save("good.npy", FRAMES)
    done = inspect("text.h5", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    for arguments, named in (
        (["missing.h5"], "missing.h5: the file does not exist"),
        (["empty"], "empty: holds no file"),
        (["*.tif"], "*.tif: fits no file"),
        (["good.cxi", "good.npy"], "files of one format"),
        (["good.cxi", "--path", "/nowhere"], "/nowhere"),
        (["good.cxi", "--root", "empty"], "outside the folders"),
        (["good.cxi", "--timeout", "0.01"], "0.01 s"),
    ):
        assert named in refused(capsys, *arguments)


def test_another_root_lets_links_be_followed(inspect, tmp_path):
    (tmp_path / "run").mkdir()
    write_cxi(tmp_path / "frames.h5", FRAMES)
    with h5py.File(tmp_path / "run" / "master.h5", "w") as file:
        file["frames"] = h5py.ExternalLink("../frames.h5", "/entry_1/instrument_1/detector_1/data")
    assert inspect(tmp_path / "run" / "master.h5").returncode == 2
    found = json.loads(inspect(tmp_path / "run" / "master.h5", "--root", tmp_path, "--json").stdout)
    assert [item["linked"] for item in found["files"]] == [False, True]


def test_names_in_a_file_do_not_command_the_terminal(inspect, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["\x1b[2Jframes"] = FRAMES
    done = inspect(tmp_path / "a.h5")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "[2Jframes" in done.stdout


def test_a_child_that_dies_is_told_of_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StepRefused, match="its reader ended with code 1"):
        ask_step("index.inspect_source", {"sources": [str(tmp_path)], "roots": []})
