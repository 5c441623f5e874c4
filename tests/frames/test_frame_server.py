"""The frame server, asked over its socket: right numbers, one clear line, and no harm from a lost reader."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.frames.served import ServedFrames
from workers.frames.protocol import sign
from workers.science.io.sandbox import landlock_version

Register = Callable[..., Path]


def reader_of(server: ServedFrames, source: Path) -> int:
    return next(reader["pid"] for reader in server.readers() if reader["source"] == str(source))


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_any_frame_comes_as_it_is_in_the_file(server: ServedFrames, register: Register, frames: NDArray):
    source = register(frames, chunks=(4, 20, 24), compression="gzip", shuffle=True)
    for index in (7, 8, 0, 29, 28, 3):
        header, frame = server.ask("frame", source, index=index)
        assert (header["ok"], header["dtype"], header["n_frames"]) == (True, "<u2", 30)
        np.testing.assert_array_equal(frame, frames[index])


@pytest.mark.parametrize("dtype", [">i4", "<f8", "<f4", "u1", "<i8"])
def test_numbers_are_little_endian_whatever_the_file_has(server, register, frames, dtype: str):
    source = register(frames.astype(dtype))
    header, frame = server.ask("frame", source, index=2)
    assert np.dtype(header["dtype"]) == np.dtype(dtype).newbyteorder("<")
    np.testing.assert_array_equal(frame, frames[2].astype(dtype))


def test_browsers_get_numbers_that_they_have(server, register, frames):
    source = register(frames.astype("<i8") + 2**40)
    header, frame = server.ask("frame", source, index=1, plain=True)
    assert (header["dtype"], header["dtype_of_file"]) == ("<f8", "int64")
    np.testing.assert_array_equal(frame, frames[1] + 2.0**40)


def test_a_binned_frame_is_the_mean_of_squares(server, register, frames):
    source = register(frames)
    header, frame = server.ask("frame", source, index=5, bin=16)
    assert (header["height"], header["width"], frame.shape) == (40, 24, (3, 2))
    assert frame[0, 0] == pytest.approx(frames[5, :16, :16].mean())
    assert frame[2, 1] == pytest.approx(frames[5, 32:, 16:].mean())


def test_the_mask_says_which_pixels_are_masked(server, register, frames):
    mask = np.zeros(frames.shape[1:], np.uint32)
    mask[3, 4] = 1
    header, masked = server.ask("mask", register(frames, mask=mask))
    assert header["has_mask"]
    np.testing.assert_array_equal(masked, mask)
    header, masked = server.ask("mask", register(frames, "bare"))
    assert (header["ok"], header["has_mask"], masked) == (True, False, None)


@pytest.mark.parametrize("what", ["sum", "mean", "maximum"])
def test_a_pattern_is_over_the_named_frames_alone(server, register, frames, what: str):
    chosen = [1, 2, 3, 11, 29]
    header, pattern = server.ask("pattern", register(frames, chunks=(4, 40, 24)), frames=chosen, what=what)
    assert header["n_used"] == 5
    expected = {"sum": np.sum, "mean": np.mean, "maximum": np.max}[what](frames[chosen].astype(float), axis=0)
    np.testing.assert_allclose(pattern, expected)


def test_pixels_without_a_value_are_left_out_of_patterns(server, register, frames):
    holed = frames.astype(np.float32)
    holed[:, 0, 0], holed[4, 1, 1] = np.nan, np.nan
    _, pattern = server.ask("pattern", register(holed), frames=[3, 4], what="mean")
    assert np.isnan(pattern[0, 0])
    assert pattern[1, 1] == frames[3, 1, 1]
    assert pattern[2, 2] == pytest.approx(frames[3:5, 2, 2].mean())


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"op": "frame", "index": 30}, "there is no frame 30"),
        ({"op": "frame", "index": -1}, "index is a whole number"),
        ({"op": "frame", "index": True}, "index is a whole number"),
        ({"op": "frame", "index": 0, "bin": 65}, "bin is a whole number"),
        ({"op": "pattern", "frames": [0], "what": "beauty"}, "what is one of"),
        ({"op": "pattern", "frames": [], "what": "sum"}, "frames is a list"),
        ({"op": "pattern", "frames": [30], "what": "sum"}, "there is no frame 30"),
        ({"op": "eval"}, "op is one of"),
        ({"op": "frame", "index": 0, "moved": {"a": 1}}, "moved has roots"),
        ({"op": "frame", "index": 0, "moved": {"files": {}, "roots": [1]}}, "moved names its places"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_line(server, register, frames, task: dict, words: str):
    header, _ = server.ask(source=register(frames), **task)
    assert (header["ok"], header["kind"]) == (False, "request")
    assert words in header["error"]
    assert "\n" not in header["error"]


@pytest.mark.parametrize("line", [b"\n", b"[1]\n", b"\xff\xfe\n", b'{"op": 1}\n', b"x" * 2**21])
def test_noise_is_refused_and_does_no_harm(server, register, frames, line: bytes):
    try:
        header, _ = server.ask_line(line)
        assert header["kind"] == "request"
    except ConnectionError:
        assert len(line) > 2**20  # the server did not wait for the end of it
    assert server.ask("frame", register(frames), index=0)[0]["ok"]


def test_only_descriptions_below_the_data_folder_are_taken(server, register, frames, tmp_path, data):
    source = register(frames)
    elsewhere = tmp_path / "source.json"
    elsewhere.write_text(source.read_text())
    link = data / "link" / "source.json"
    link.parent.mkdir()
    link.symlink_to(elsewhere)
    for path in (elsewhere, link, data / ".." / elsewhere.relative_to("/"), data / "other.json"):
        header, _ = server.ask("frame", path, index=0)
        assert "no source description below the data folder" in header["error"]


def test_the_reader_can_open_nothing_outside_the_roots(server, register, frames, tmp_path):
    source = register(frames)
    secret = tmp_path / "elsewhere.h5"
    secret.write_bytes((tmp_path / "root" / "run.h5").read_bytes())
    description = json.loads(source.read_text().replace(str(tmp_path / "root" / "run.h5"), str(secret)))
    source.write_text(json.dumps(description))
    header, _ = server.ask("frame", source, index=0)
    assert header["kind"] == "source"
    assert "outside the folders" in header["error"]


def test_a_reader_has_given_up_its_rights_before_it_reads(server, register, frames):
    source = register(frames)
    server.ask("frame", source, index=0)
    status = Path(f"/proc/{reader_of(server, source)}/status").read_text()
    assert "NoNewPrivs:\t1" in status or landlock_version() == 0


def test_a_file_that_went_missing_is_named_and_one_that_comes_back_is_read(
    server, register, frames, tmp_path
):
    source, path = register(frames), tmp_path / "root" / "run.h5"
    path.rename(path.with_suffix(".gone"))
    header, _ = server.ask("frame", source, index=0)
    assert (header["kind"], str(path) in header["error"]) == ("source", True)
    path.with_suffix(".gone").rename(path)
    assert server.ask("frame", source, index=0)[0]["ok"]


def test_a_file_that_was_moved_is_followed(server, register, frames, tmp_path):
    source, path, new = register(frames), tmp_path / "root" / "run.h5", tmp_path / "archive" / "run.h5"
    new.parent.mkdir()
    path.rename(new)
    fingerprint = json.loads(source.read_text())["files"][0]["fingerprint"]
    files = {str(path): {"path": str(new), "fingerprint": fingerprint}}
    moved = {"files": files, "roots": [str(new.parent)]}
    header, frame = server.ask("frame", source, index=9, moved=moved)
    assert header["ok"], header
    np.testing.assert_array_equal(frame, frames[9])


def test_a_reader_that_dies_costs_one_answer_and_a_clear_line(server, register, frames):
    source = register(frames)
    server.ask("frame", source, index=0)
    pid, answers = reader_of(server, source), []
    os.kill(pid, signal.SIGSTOP)
    asking = threading.Thread(target=lambda: answers.append(server.ask("frame", source, index=1)))
    asking.start()
    while not any(reader["pid"] == pid and reader["is_busy"] for reader in server.readers()):
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    asking.join()
    assert answers[0][0]["kind"] == "died"
    assert answers[0][0]["error"].startswith("The process that read this frame ended")
    np.testing.assert_array_equal(server.ask("frame", source, index=1)[1], frames[1])


def test_a_reader_that_hangs_is_killed_and_others_answer_meanwhile(server, register, frames):
    source, other = register(frames), register(frames + 1, "other")
    server.ask("frame", source, index=0)
    pid = reader_of(server, source)
    os.kill(pid, signal.SIGSTOP)
    answers: list = []
    asking = threading.Thread(target=lambda: answers.append(server.ask("frame", source, index=1)))
    asking.start()
    np.testing.assert_array_equal(server.ask("frame", other, index=4)[1], frames[4] + 1)
    assert answers == []
    asking.join()
    assert "could not be read within 3 s" in answers[0][0]["error"]
    assert not is_alive(pid)


def test_there_are_only_so_many_readers(server, register, frames):
    sources = [register(frames, f"run{number}") for number in range(5)]
    for source in sources:
        assert server.ask("frame", source, index=0)[0]["ok"]
    assert len(server.readers()) <= 3


def test_many_ask_at_once_and_each_gets_its_own_frame(server, register, frames):
    sources = [register(frames + number, f"run{number}") for number in range(4)]
    wrong = []

    def look(number: int) -> None:
        for index in range(0, 30, 5):
            _, frame = server.ask("frame", sources[number % 4], index=index)
            if frame is None or not np.array_equal(frame, frames[index] + number % 4):
                wrong.append((number, index))

    threads = [threading.Thread(target=look, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_client_that_says_nothing_or_leaves_early_does_no_harm(server, register, frames):
    source = register(frames)
    silent = server.connect()
    with server.connect() as hasty:
        hasty.sendall(json.dumps({"op": "frame", "source": str(source), "index": 0}).encode() + b"\n")
    assert server.ask("frame", source, index=3)[0]["ok"]
    silent.close()


def test_readers_end_with_the_server(data, register, frames):
    served = ServedFrames(data)
    source = register(frames)
    served.ask("frame", source, index=0)
    pid = reader_of(served, source)
    served.process.kill()
    served.process.wait()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)
    served.stop()


def test_over_a_network_requests_are_signed(data, register, frames, tmp_path, unused_tcp_port):
    key = tmp_path / "key"
    key.write_text("night shift\n")
    served = ServedFrames(data, "--secret-file", str(key), address=f"127.0.0.1:{unused_tcp_port}")
    try:
        line = json.dumps({"op": "frame", "source": str(register(frames)), "index": 0}).encode()
        assert "not signed" in served.ask_line(line + b"\n")[0]["error"]
        assert "not signed" in served.ask_line(sign(line, b"guess") + b"\n")[0]["error"]
        assert served.ask_line(sign(line, b"night shift") + b"\n")[0]["ok"]
    finally:
        served.stop()
