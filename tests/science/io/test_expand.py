"""Folders, patterns and lists become files, and never one outside of the roots."""

import os

import pytest

from tests.sources import CASES, lay_out
from workers.science.errors import SourceError
from workers.science.io import expand
from workers.science.io.expand import expand_sources, natural_key


@pytest.mark.parametrize("case", CASES)
def test_table_of_cases(tmp_path, case):
    root = lay_out(tmp_path)
    asked, expected = CASES[case]
    sources = [str(root / name) for name in asked]
    if expected is None:
        with pytest.raises(SourceError) as error:
            expand_sources(sources, [str(root)])
        assert "\n" not in str(error.value)
    else:
        found = expand_sources(sources, [str(root)])
        assert [os.path.realpath(path) for path in found] == [str(root / name) for name in expected]


def test_natural_order_counts_numbers_and_passes_over_case():
    names = ["run_10", "Run_9", "run_2b", "run_2", "run", "run_02", "a", "10", "9"]
    assert sorted(names, key=natural_key) == [
        "9", "10", "a", "run", "run_02", "run_2", "run_2b", "Run_9", "run_10",
    ]  # fmt: skip


def test_natural_order_takes_digits_of_other_scripts_as_letters():
    assert sorted(["1²", "a²", "a1", "a٣", "²"], key=natural_key)[:2] == ["1²", "a1"]


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(expand, "MAX_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.h5").write_bytes(b"")
    with pytest.raises(SourceError, match="more than 3 files"):
        expand_sources([str(tmp_path)], [str(tmp_path)])


def test_relative_paths_and_patterns_are_those_of_the_working_directory(tmp_path, monkeypatch):
    root = lay_out(tmp_path)
    monkeypatch.chdir(root / "night")
    found = expand_sources(["run_?.h5"], [str(root)])
    assert [os.path.realpath(path) for path in found] == [str(root / "night" / f"run_{i}.h5") for i in (1, 2)]


def test_root_itself_may_be_the_source(tmp_path):
    root = lay_out(tmp_path)
    assert len(expand_sources([str(root / "night")], [str(root / "night")])) == 4


def test_path_with_a_zero_byte_is_refused(tmp_path):
    with pytest.raises(SourceError, match="is no path"):
        expand_sources([f"{tmp_path}/a\0*"], [str(tmp_path)])


def test_no_source_at_all_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no file was named"):
        expand_sources([], [str(tmp_path)])
