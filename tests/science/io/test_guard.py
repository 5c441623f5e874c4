"""The guard opens regular files below its roots, and nothing else."""

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.science.errors import SourceError
from workers.science.io import beneath
from workers.science.io.guard import Guard

WAYS = {"by the kernel": beneath.open_by_kernel, "by a walk": beneath.open_by_walk}


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


@pytest.fixture(params=WAYS)
def open_in(request) -> Callable[[Path, str], bytes]:
    """Open beneath a folder in one of both ways, and read."""

    def open_and_read(folder: Path, place: str) -> bytes:
        parent = os.open(folder, os.O_PATH)
        try:
            descriptor = WAYS[request.param](parent, place)
        finally:
            os.close(parent)
        try:
            return os.read(descriptor, 100)
        finally:
            os.close(descriptor)

    return open_and_read


def test_kernel_of_these_tests_opens_beneath_by_itself(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    folder = os.open(tmp_path, os.O_PATH)
    os.close(beneath.open_by_kernel(folder, "a"))
    os.close(folder)


def test_kernel_without_the_call_gets_the_walk(tmp_path, monkeypatch):
    # no system call has this number
    monkeypatch.setattr(beneath, "_OPENAT2", 100_000)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a.h5").write_bytes(b"frames")
    (tmp_path / "out").symlink_to("/etc")
    assert Guard([str(tmp_path)]).read_head(str(tmp_path / "run" / "a.h5"), 10) == b"frames"
    with pytest.raises(SourceError, match="outside"):
        _open(Guard([str(tmp_path)]), tmp_path / "out" / "passwd")


def test_what_leads_out_of_the_folder_is_not_opened(tmp_path, open_in):
    (tmp_path / "root" / "run").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root" / "run" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "run" / "dots").symlink_to("../../secret")
    (tmp_path / "root" / "folder").symlink_to(tmp_path)
    (tmp_path / "root" / "proc").symlink_to("/proc/self/cwd")
    for place in ("run/link", "run/dots", "folder/secret", "../secret", "proc/setup.py", "run/../../secret"):
        with pytest.raises(OSError, match=r".") as raised:
            open_in(tmp_path / "root", place)
        assert not isinstance(raised.value, FileNotFoundError) or place.startswith("proc"), place


def test_no_byte_from_outside_is_read_while_a_folder_is_swapped_for_a_link(tmp_path, open_in):
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder, content in ((root / "run", b"frames"), (outside, b"secret")):
        folder.mkdir(parents=True)
        (folder / "a.h5").write_bytes(content)
    (root / "link").symlink_to(outside)
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            for one, other in (("run", "away"), ("link", "run"), ("run", "link"), ("away", "run")):
                (root / one).rename(root / other)

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen: dict[bytes, int] = {}
    try:
        # On a busy machine one thread may run for long without the other: until both states were seen.
        until = time.monotonic() + 120
        while sum(seen.values()) < 4000 or (len(seen) < 2 and time.monotonic() < until):
            try:
                content = open_in(root, "run/a.h5")
            except OSError:
                content = b"refused"
            seen[content] = seen.get(content, 0) + 1
    finally:
        is_over.set()
        swapping.join()
    assert seen.keys() == {b"frames", b"refused"}


def test_link_put_in_after_the_check_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "root" / "a.h5").symlink_to(tmp_path / "secret")
    guard = Guard([str(tmp_path / "root")])
    # the check saw a plain file; by the time of opening a link has taken its place
    monkeypatch.setattr(os.path, "realpath", str)
    with pytest.raises(SourceError, match="link that leads out"):
        _open(guard, tmp_path / "root" / "a.h5")


def test_socket_device_and_dangling_links_are_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
    (root / "null").symlink_to("/dev/null")
    (root / "inside").symlink_to(root / "absent")
    (root / "outside").symlink_to(tmp_path / "absent")
    cases = {"socket": "not a regular", "null": "outside", "inside": "not exist", "outside": "outside"}
    for name, cause in cases.items():
        with pytest.raises(SourceError, match=cause):
            _open(Guard([str(root)]), root / name)
    for device in ("/dev/null", "/dev/zero"):
        with pytest.raises(SourceError, match="not a regular file"):
            _open(Guard(["/dev"]), Path(device))


def test_very_long_names_and_deep_paths_are_one_line(tmp_path):
    for place in ("n" * 300, "/".join(["folder"] * 1000), "n" * 100_000):
        with pytest.raises(SourceError, match=r"cannot be opened \(File name too long\)|does not exist"):
            _open(Guard([str(tmp_path)]), tmp_path / place)


def test_name_that_is_not_utf8_is_refused_in_words_that_can_be_written_down(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/run\xff.h5")
    Path(path).write_bytes(b"x")
    (tmp_path / "link.h5").symlink_to(path)
    for asked in (path, str(tmp_path / "link.h5")):
        with pytest.raises(SourceError, match="not UTF-8") as raised:
            Guard([str(tmp_path)]).open_file(asked)
        str(raised.value).encode()


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
