"""The watch, with real files that arrive while it runs, and a network that the real step trained."""

import json
import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from tests.live.synthetic import DATASET, DISC, STREAK, append_frames, make_frames, make_geometry, write_file
from tests.science.io.written_runs import MODULE, write_module
from workers.live.ledger import LEDGER, read_rows
from workers.live.snapshot import COUNTS, N_THUMBNAILS
from workers.live.watch import watch_folder
from workers.science.classifier import classify_frames, load_classifier
from workers.science.errors import ScienceError
from workers.science.preprocess import condense_frames


def rows_of(session: Path) -> list[dict]:
    return list(read_rows(session / LEDGER))


def frames_of(session: Path) -> list[tuple[str, int]]:
    return [(row["file"], row["index"]) for row in rows_of(session) if row["index"] is not None]


def has_row(running, **wanted) -> bool:
    path = running.session / LEDGER
    return path.exists() and any(wanted.items() <= row.items() for row in read_rows(path))


def test_frames_that_arrive_while_it_runs_are_sorted_as_offline(watch, network):
    running = watch()
    running.wait_for(lambda: "waiting for files" in running.notes)
    frames = make_frames([DISC, STREAK, DISC, STREAK, STREAK], seed=5)
    (running.folder / "deeper").mkdir()
    write_file(running.folder / "deeper" / "run1.cxi", frames)
    running.wait_for(lambda: running.n_sorted == 5)
    result = running.stop()
    rows = rows_of(running.session)
    offline = classify_frames(condense_frames(frames, make_geometry()), load_classifier(network))
    live = [[row["probabilities"][name] for name in ("Disc", "Streak")] for row in rows]
    np.testing.assert_allclose(live, offline, atol=1e-3)
    assert result["n_frames"] == 5
    assert result["n_files"] == 1
    assert sum(result["classes"].values()) == 5
    assert {row["file"] for row in rows} == {"deeper/run1.cxi"}
    assert [row["index"] for row in rows] == [0, 1, 2, 3, 4]
    assert {row["path"] for row in rows} == {f"/{DATASET}"}
    assert not any(row["is_backlog"] for row in rows)
    assert all(row["latency_ms"] >= 0 and row["processing_ms"] > 0 for row in rows)


def test_a_restart_goes_on_where_the_ledger_ends(watch):
    first = watch()
    write_file(first.folder / "a.h5", make_frames([DISC, STREAK] * 40))
    write_file(first.folder / "b.h5", make_frames([DISC] * 70))
    first.wait_for(lambda: first.n_sorted > 0)
    first.stop()
    with (first.session / LEDGER).open("ab") as ledger:
        ledger.write(b'{"number": 9999, "file": "a.h5", "ind')  # as a crash leaves it
    second = watch()
    second.wait_for(lambda: second.n_sorted == 150)
    write_file(second.folder / "c.h5", make_frames([STREAK] * 3))
    second.wait_for(lambda: second.n_sorted == 153)
    assert second.stop()["n_frames"] == 153
    expected = (
        [("a.h5", i) for i in range(80)] + [("b.h5", i) for i in range(70)] + [("c.h5", i) for i in range(3)]
    )
    assert sorted(frames_of(second.session)) == sorted(expected)
    assert [row["number"] for row in rows_of(second.session)] == list(range(153))


def test_the_frames_that_a_growing_stack_gains_are_sorted_later_and_none_twice(watch):
    running = watch()
    path = write_file(running.folder / "growing.h5", make_frames([DISC] * 4))
    running.wait_for(lambda: running.n_sorted == 4)
    append_frames(path, make_frames([STREAK] * 3))
    running.wait_for(lambda: running.n_sorted == 7)
    running.stop()
    assert [index for _, index in frames_of(running.session)] == list(range(7))


def test_a_half_written_file_is_waited_for_and_then_sorted(watch, tmp_path):
    whole = write_file(tmp_path / "whole.h5", make_frames([DISC] * 6)).read_bytes()
    running = watch()
    path = running.folder / "arriving.h5"
    with path.open("wb") as file:
        for start in range(0, len(whole), len(whole) // 8):
            file.write(whole[start : start + len(whole) // 8])
            file.flush()
            time.sleep(0.06)
    running.wait_for(lambda: running.n_sorted == 6)
    running.stop()
    assert {row["state"] for row in rows_of(running.session)} == {"sorted"}


def test_files_of_other_formats_are_sorted_as_they_arrive(watch):
    running = watch(dataset_path=DATASET)
    np.save(running.folder / "stack.npy", make_frames([DISC] * 3))
    tifffile.imwrite(running.folder / "single.TIF", make_frames([STREAK])[0])
    (running.folder / "notes.txt").write_text("not a file of frames")
    running.wait_for(lambda: running.n_sorted == 4)
    running.stop()
    assert sorted(frames_of(running.session)) == [("single.TIF", 0), *(("stack.npy", n) for n in range(3))]


def test_a_module_of_a_detector_in_many_files_is_not_sorted_as_if_it_were_a_frame(watch):
    running = watch()
    path = running.folder / "RAW-R0001-AGIPD03-S00000.h5"
    images = np.ones((2, *MODULE), "u2")
    write_module(path, 3, [10_000], [[0, 4]], np.stack([images, images], axis=1))
    running.wait_for(lambda: has_row(running, file=path.name, state="failed"))
    running.stop()
    (row,) = rows_of(running.session)
    assert "other modules lie in other files" in row["reason"]


def test_a_broken_file_is_noted_once_with_its_reason_and_the_others_are_sorted(watch):
    running = watch()
    (running.folder / "broken.h5").write_bytes(b"no HDF5 file at all" * 100)
    write_file(running.folder / "good.h5", make_frames([DISC] * 2))
    running.wait_for(lambda: running.n_sorted == 2)
    running.wait_for(lambda: has_row(running, file="broken.h5", state="failed"))
    running.stop()
    again = watch()
    again.wait_for(lambda: "waiting for files" in again.notes)
    result = again.stop()
    broken = [row for row in rows_of(running.session) if row["file"] == "broken.h5"]
    assert len(broken) == 1
    assert "in no format that can be read" in broken[0]["reason"]
    assert result["n_failed_files"] == 1
    assert json.loads((again.session / COUNTS).read_text())["problems"][0]["file"] == "broken.h5"


def test_a_broken_file_that_is_repaired_is_sorted_after_all(watch):
    running = watch()
    path = running.folder / "late.h5"
    path.write_bytes(b"nothing yet")
    running.wait_for(lambda: has_row(running, file="late.h5", state="failed"))
    write_file(path, make_frames([STREAK] * 2))
    running.wait_for(lambda: running.n_sorted == 2)
    running.stop()


def test_a_file_that_its_writer_still_holds_open_is_not_called_broken_at_once(watch):
    running = watch()
    with h5py.File(running.folder / "open.h5", "w", libver="latest") as file:
        dataset = file.create_dataset(DATASET, data=make_frames([DISC] * 3))
        file.flush()
        running.wait_for(lambda: "a file is being written" in running.notes)
        dataset[0] = 1
    running.wait_for(lambda: running.n_sorted == 3)
    running.stop()


def test_frames_of_another_detector_are_skipped_and_counted(watch):
    running = watch()
    with h5py.File(running.folder / "other.h5", "w") as file:
        file["data"] = np.ones((4, 40, 50), np.uint16)
    running.wait_for(lambda: has_row(running, file="other.h5", state="skipped"))
    result = running.stop()
    assert (result["n_frames"], result["n_skipped"]) == (0, 4)
    assert "40 x 50" in rows_of(running.session)[0]["reason"]


def test_a_file_with_a_damaged_chunk_loses_only_the_frames_in_it(watch):
    running = watch()
    path = running.folder / "damaged.h5"
    hidden = path.with_name(".damaged.h5")
    with h5py.File(hidden, "w") as file:
        frames = make_frames([DISC] * 5)
        data = file.create_dataset(
            DATASET, data=frames, chunks=(1, 64, 64), compression="gzip", fletcher32=True
        )
        chunk = data.id.get_chunk_info(2)
    with hidden.open("r+b") as file:
        file.seek(chunk.byte_offset + 10)
        file.write(b"\xff" * 20)
    hidden.rename(path)
    running.wait_for(lambda: running.n_sorted == 4)
    running.wait_for(lambda: has_row(running, file="damaged.h5", index=2, state="failed"))
    result = running.stop()
    assert (result["n_frames"], result["n_failed"]) == (4, 1)


def test_a_file_that_shrinks_is_not_sorted_as_if_it_went_on(watch):
    running = watch()
    path = write_file(running.folder / "a.h5", make_frames([DISC] * 5))
    running.wait_for(lambda: running.n_sorted == 5)
    write_file(path, make_frames([STREAK] * 2))
    running.wait_for(lambda: has_row(running, file="a.h5", state="failed"))
    running.stop()
    assert "had 5 frames before" in rows_of(running.session)[-1]["reason"]
    assert len(frames_of(running.session)) == 5


def test_a_link_that_leads_out_of_the_folder_is_not_followed(watch, tmp_path):
    secret = write_file(tmp_path / "secret.h5", make_frames([DISC]))
    running = watch()
    (running.folder / "link.h5").symlink_to(secret)
    running.wait_for(lambda: has_row(running, file="link.h5", state="failed"))
    assert running.stop()["n_frames"] == 0
    assert "outside the folders" in rows_of(running.session)[0]["reason"]


def test_a_stop_before_anything_came_ends_cleanly(watch):
    running = watch()
    running.wait_for(lambda: bool(running.notes))
    assert running.stop()["n_frames"] == 0
    assert json.loads((running.out / COUNTS).read_text())["n_frames"] == 0


def test_files_that_were_there_before_are_sorted_but_not_timed(watch, tmp_path):
    (tmp_path / "arriving").mkdir()
    path = write_file(tmp_path / "arriving" / "old.h5", make_frames([DISC] * 2))
    os.utime(path, (1_500_000_000, 1_500_000_000))
    running = watch()
    running.wait_for(lambda: running.n_sorted == 2)
    running.stop()
    assert all(row["is_backlog"] for row in rows_of(running.session))
    counts = json.loads((running.session / COUNTS).read_text())
    assert counts["latency_ms"] == {"median": None, "p95": None, "n": 0}
    assert counts["processing_ms"]["n"] == 2


def test_the_ring_of_thumbnails_is_pruned(watch):
    running = watch()
    for number in range(20):
        write_file(running.folder / f"{number:02}.h5", make_frames([DISC] * 16))
    running.wait_for(lambda: running.n_sorted == 320)
    running.stop()
    names = sorted(int(path.stem) for path in (running.session / "thumbnails").iterdir())
    assert len(names) == N_THUMBNAILS
    assert names[-1] == 319
    recent = json.loads((running.session / COUNTS).read_text())["recent"]
    assert recent[0]["number"] == 319
    assert {row["number"] for row in recent} <= set(names)


def test_two_watches_cannot_write_to_one_ledger(watch):
    first = watch()
    first.wait_for(lambda: bool(first.notes))
    second = watch()
    second.thread.join(20)
    with pytest.raises(ScienceError, match="another process"):
        second.stop()


def test_a_folder_that_is_not_there_is_refused_in_one_line(network, tmp_path):
    with pytest.raises(ScienceError, match="is not a folder"):
        watch_folder(
            folder=str(tmp_path / "missing"),
            network_dir=str(network),
            reference=None,
            session_dir=str(tmp_path / "session"),
            out=str(tmp_path),
        )
