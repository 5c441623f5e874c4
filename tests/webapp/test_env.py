"""Settings that make no sense are refused at the start, in a line that says why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from webapp.env import env_roots

MANAGE = str(Path(__file__).resolve().parents[2] / "manage.py")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "srv" / "fringe"
    (folder / "sources").mkdir(parents=True)
    return folder


@pytest.fixture
def roots_of(monkeypatch, data):
    def roots(*folders):
        monkeypatch.setenv("FRINGE_ROOTS", ":".join(str(folder) for folder in folders))
        return env_roots("FRINGE_ROOTS", data)

    return roots


def test_folders_beside_the_data_folder_and_its_own_sources_are_allowed(roots_of, data, tmp_path):
    beside = tmp_path / "srv" / "fringe-raw"
    assert roots_of(beside, data / "sources" / "run_7") == [beside, data / "sources" / "run_7"]
    assert roots_of() == [data / "sources"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("..", "holds"),
        ("", "holds"),
        ("/", "holds"),
        ("uploads", "lies inside"),
        ("sources/../jobs", "lies inside"),
    ],
)
def test_a_root_that_would_open_the_data_folder_is_refused(roots_of, data, place, words):
    with pytest.raises(ImproperlyConfigured, match=f"{words} the data folder") as caught:
        roots_of(data / place)
    assert "FRINGE_ROOTS" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_to_the_data_folder_is_no_way_in(roots_of, data, tmp_path):
    (tmp_path / "innocent").symlink_to(data / "uploads")
    with pytest.raises(ImproperlyConfigured, match="innocent lies inside the data folder"):
        roots_of(tmp_path / "innocent")


def test_sources_that_lie_on_another_disk_are_allowed_and_those_linked_upwards_are_not(
    roots_of, data, tmp_path
):
    (data / "sources").rmdir()
    (tmp_path / "disk").mkdir()
    (data / "sources").symlink_to(tmp_path / "disk")
    assert roots_of() == [data / "sources"]
    (data / "sources").unlink()
    (data / "sources").symlink_to(tmp_path / "srv")
    with pytest.raises(ImproperlyConfigured, match="holds the data folder"):
        roots_of()


def test_the_command_line_says_it_in_one_line(data):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "FRINGE_DATA": str(data),
        "FRINGE_ROOTS": str(data.parent),
    }
    done = subprocess.run(
        [sys.executable, MANAGE, "check"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert done.stderr.startswith(f"FRINGE_ROOTS: {data.parent} holds the data folder {data}")
