"""The guard opens regular files below its roots, and nothing else."""

import os
from pathlib import Path

import pytest

from workers.science.errors import SourceError
from workers.science.io.guard import Guard


def _open(guard: Guard, path: Path) -> str:
    opened = guard.open_file(str(path))
    os.close(opened.descriptor)
    return opened.fingerprint


def test_file_below_a_root_is_opened(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a.h5").write_bytes(b"frames")
    guard = Guard([str(tmp_path)])
    opened = guard.open_file(str(tmp_path / "run" / "a.h5"))
    assert os.pread(opened.descriptor, 100, 0) == b"frames"
    assert opened.size == 6
    os.close(opened.descriptor)


def test_file_outside_the_roots_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    guard = Guard([str(tmp_path / "root")])
    with pytest.raises(SourceError, match="outside the folders"):
        _open(guard, tmp_path / "secret")
    with pytest.raises(SourceError, match="outside the folders"):
        _open(guard, tmp_path / "root" / ".." / "secret")


def test_folder_that_only_begins_like_a_root_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root_of_others").mkdir()
    (tmp_path / "root_of_others" / "a.h5").write_bytes(b"x")
    with pytest.raises(SourceError, match="outside the folders"):
        _open(Guard([str(tmp_path / "root")]), tmp_path / "root_of_others" / "a.h5")


def test_symlink_that_leads_out_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "root" / "a.h5").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceError, match="outside the folders"):
        _open(Guard([str(tmp_path / "root")]), tmp_path / "root" / "a.h5")


def test_symlink_that_stays_inside_is_followed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.h5").write_bytes(b"x")
    (tmp_path / "latest").symlink_to(tmp_path / "data")
    guard = Guard([str(tmp_path)])
    assert _open(guard, tmp_path / "latest" / "a.h5") == _open(guard, tmp_path / "data" / "a.h5")


def test_link_put_in_after_the_check_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "root" / "a.h5").symlink_to(tmp_path / "secret")
    guard = Guard([str(tmp_path / "root")])
    # the check saw a plain file; by the time of opening a link has taken its place
    monkeypatch.setattr(os.path, "realpath", str)
    with pytest.raises(SourceError, match="not a regular file"):
        _open(guard, tmp_path / "root" / "a.h5")


def test_fifo_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.h5")
    with pytest.raises(SourceError, match="not a regular file"):
        _open(Guard([str(tmp_path)]), tmp_path / "a.h5")


def test_folder_and_root_itself_are_refused(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(SourceError, match="not a regular file"):
        _open(Guard([str(tmp_path)]), tmp_path / "run")
    with pytest.raises(SourceError, match="outside"):
        _open(Guard([str(tmp_path)]), tmp_path)


def test_missing_file_and_file_as_folder_are_named(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(SourceError, match="does not exist"):
        _open(Guard([str(tmp_path)]), tmp_path / "b.h5")
    with pytest.raises(SourceError, match="not a regular file"):
        _open(Guard([str(tmp_path)]), tmp_path / "a.h5" / "b.h5")


def test_symlink_cycle_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(SourceError):
        _open(Guard([str(tmp_path)]), tmp_path / "a")


def test_path_with_a_zero_byte_is_refused(tmp_path):
    with pytest.raises(SourceError, match="is no path"):
        _open(Guard([str(tmp_path)]), tmp_path / "a\0b")


def test_without_roots_nothing_is_opened(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(SourceError, match="outside"):
        _open(Guard([]), tmp_path / "a.h5")


def test_fingerprint_sees_a_change_at_either_end_and_of_time(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(bytes(200_000))
    os.utime(path, ns=(0, 1))
    prints = {_open(Guard([str(tmp_path)]), path)}
    for place in (0, 199_999):
        data = bytearray(200_000)
        data[place] = 1
        path.write_bytes(data)
        os.utime(path, ns=(0, 1))
        prints.add(_open(Guard([str(tmp_path)]), path))
    os.utime(path, ns=(0, 2))
    prints.add(_open(Guard([str(tmp_path)]), path))
    assert len(prints) == 4


def test_changed_file_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"first")
    fingerprint = _open(Guard([str(tmp_path)]), path)
    guard = Guard([str(tmp_path)], {str(path): fingerprint})
    assert _open(guard, path) == fingerprint
    path.write_bytes(b"later")
    with pytest.raises(SourceError, match="has changed"):
        _open(guard, path)
