"""The index: one row a frame, patterns over all, in parts that give the same as the whole."""

import hashlib
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.science.synthetic import diffraction_frames, write_cxi, write_entries
from workers.science.errors import Cancelled, SourceError
from workers.science.frame_columns import estimate_lit_threshold
from workers.science.steps.index import index_range, inspect_source, merge_index


def _folder(tmp_path: Path, name: str) -> str:
    (tmp_path / name).mkdir()
    return str(tmp_path / name)


def _inspect(tmp_path: Path, path: str) -> dict:
    return inspect_source(sources=[path], roots=[str(tmp_path)], out=_folder(tmp_path, "inspect"))


def _index(tmp_path: Path, source: dict, *bounds: int) -> tuple[dict, dict]:
    parts = []
    for start, stop in pairwise(bounds):
        parts.append(_folder(tmp_path, f"part{start}"))
        assert index_range(source=source, start=start, stop=stop, out=parts[-1]) == {}
    out = _folder(tmp_path, "index")
    merged = merge_index(parts=parts, source=source, out=out)
    assert merged["n_frames"] == bounds[-1]
    for file in source["files"]:
        assert merged["sha256"][file["path"]] == hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest()
    with np.load(Path(out) / "patterns.npz") as patterns:
        return pq.read_table(Path(out) / "frames.parquet").to_pydict(), dict(patterns)


def test_columns_and_patterns_are_what_numpy_says(tmp_path):
    frames, _ = diffraction_frames(600, 24)
    source = _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", frames))
    columns, patterns = _index(tmp_path, source, 0, 256, 512, 600)
    assert columns["index"] == list(range(600))
    assert columns["source_index"] == list(range(600))
    assert set(columns["source"]) == {str(tmp_path / "a.cxi")}
    assert set(columns["path"]) == {"/entry_1/instrument_1/detector_1/data"}
    assert columns["train_id"] == [None] * 600
    assert columns["total"] == frames.sum(axis=(1, 2), dtype=float).tolist()
    assert columns["maximum"] == frames.max(axis=(1, 2)).astype(float).tolist()
    assert columns["lit_pixels"] == (frames > source["lit_threshold"]).sum(axis=(1, 2)).tolist()
    assert patterns["mean"].dtype == patterns["max"].dtype == np.float32
    assert np.allclose(patterns["mean"], frames.mean(axis=0))
    assert np.array_equal(patterns["max"], frames.max(axis=0))


def test_pictures_are_written(tmp_path):
    source = _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", diffraction_frames(5, 40)[0]))
    _index(tmp_path, source, 0, 5)
    assert Image.open(tmp_path / "inspect" / "preview.png").size == (5 * 260 - 4, 256)
    for name in ("mean.png", "max.png"):
        assert Image.open(tmp_path / "index" / name).size == (40, 40)


def test_masked_pixels_are_left_out(tmp_path):
    frames, _ = diffraction_frames(8, 24)
    mask = np.zeros((24, 24), "u4")
    mask[3:6, 3:6] = 8
    clean = frames * (mask == 0)
    frames[:, 3:6, 3:6] = 65_535
    source = _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", frames, mask))
    columns, patterns = _index(tmp_path, source, 0, 8)
    assert columns["total"] == clean.sum(axis=(1, 2), dtype=float).tolist()
    assert columns["maximum"] == clean.max(axis=(1, 2)).astype(float).tolist()
    assert np.array_equal(np.isnan(patterns["mean"]), mask > 0)
    assert np.array_equal(np.isnan(patterns["max"]), mask > 0)


@pytest.mark.parametrize(("dtype", "bad"), [("f4", np.nan), ("f8", -np.inf), ("i4", -2), ("u4", 2**32 - 1)])
def test_values_that_are_no_counts_are_left_out(tmp_path, dtype, bad):
    frames = diffraction_frames(8, 24)[0].astype(dtype)
    expected = frames.astype(float)
    expected[2, 5], expected[:, 7, 7] = np.nan, np.nan
    frames[2, 5], frames[:, 7, 7] = bad, bad
    columns, patterns = _index(tmp_path, _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", frames)), 0, 8)
    assert np.allclose(columns["total"], np.nansum(expected, axis=(1, 2)))
    assert np.allclose(columns["maximum"], np.nanmax(expected, axis=(1, 2)))
    assert np.isnan(patterns["mean"][7, 7])
    good = np.isfinite(patterns["mean"])
    assert good.sum() == 24 * 24 - 1
    assert np.allclose(patterns["mean"][good], np.nanmean(expected[:, good], axis=0), rtol=1e-5)


def test_all_masked_frames_are_counted_and_dark(tmp_path):
    frames = np.full((3, 16, 16), np.nan, "f4")
    columns, patterns = _index(tmp_path, _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", frames)), 0, 3)
    assert columns["total"] == columns["maximum"] == [0.0] * 3
    assert columns["lit_pixels"] == [0] * 3
    assert np.isnan(patterns["mean"]).all()


def test_one_frame_is_indexed(tmp_path):
    frame = diffraction_frames(2, 24)[0][1]
    columns, patterns = _index(tmp_path, _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", frame)), 0, 1)
    assert columns["total"] == [float(frame.sum())]
    assert np.array_equal(patterns["mean"], frame)


def test_identifiers_come_along(tmp_path):
    frames, _ = diffraction_frames(6, 16)
    source = _inspect(tmp_path, write_entries(tmp_path / "a.cxi", frames, np.arange(6) * 5 + 10**9))
    columns, _ = _index(tmp_path, source, 0, 6)
    assert columns["train_id"] == [10**9 + 5 * number for number in range(6)]
    assert columns["pulse_id"] == [None] * 6
    assert columns["path"][5] == "/entry_6/instrument_1/detector_1/data"


def test_one_photon_is_lit_for_a_counting_detector():
    frames = np.random.default_rng(0).poisson(0.02, (10, 64, 64))
    assert estimate_lit_threshold(frames, None) == 0.0


def test_noise_of_an_integrating_detector_is_not_lit():
    frames = np.random.default_rng(0).normal(100, 4, (10, 64, 64)).astype("f4")
    threshold = estimate_lit_threshold(frames, None)
    assert abs(threshold - 120) < 2
    frames[0, 0, 0] = np.nan
    assert abs(estimate_lit_threshold(frames, None) - threshold) < 0.1


def test_changed_file_is_refused(tmp_path):
    frames, _ = diffraction_frames(4, 16)
    source = _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", frames))
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        file["more"] = 1
    with pytest.raises(SourceError, match=r"none of the 4 frames can be read.*has changed"):
        _index(tmp_path, source, 0, 4)


def test_progress_ends_at_the_number_of_frames_and_can_cancel(tmp_path):
    source = _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", diffraction_frames(300, 16)[0]))
    seen = []

    def note(done, total, unit="frames", **_):
        seen.append((done, total))

    index_range(source=source, start=256, stop=300, out=_folder(tmp_path, "a"), on_progress=note)
    assert seen[-1] == (44, 44)

    def cancel(*_, **__):
        raise Cancelled

    with pytest.raises(Cancelled):
        index_range(source=source, start=0, stop=256, out=_folder(tmp_path, "b"), on_progress=cancel)


def _damage(path: str, numbers: list[int]) -> None:
    """Write chunks that no filter can decode."""
    with h5py.File(path, "a") as file:
        data = file["entry_1/instrument_1/detector_1/data"]
        for number in numbers:
            data.id.write_direct_chunk((number, 0, 0), b"no such stream")


def test_frames_that_cannot_be_read_are_left_out_and_counted(tmp_path):
    frames, _ = diffraction_frames(300, 16)
    path = write_cxi(tmp_path / "a.cxi", frames, chunks=(1, 16, 16), compression="gzip")
    _damage(path, [0, 7, 280])
    source = _inspect(tmp_path, path)
    for start, stop in ((0, 256), (256, 300)):
        index_range(source=source, start=start, stop=stop, out=_folder(tmp_path, f"part{start}"))
    parts = [str(tmp_path / "part0"), str(tmp_path / "part256")]
    found = merge_index(parts=parts, source=source, out=_folder(tmp_path, "index"))
    assert (found["n_frames"], found["n_unreadable"]) == (300, 3)
    assert all("cannot be read" in cause for cause in found["causes"])
    columns = pq.read_table(tmp_path / "index" / "frames.parquet").to_pydict()
    assert [number for number in range(300) if columns["state"][number] == 2] == [0, 7, 280]
    for name in ("total", "photons", "maximum", "lit_pixels", "hit_score", "is_hit", "saturated_pixels"):
        assert [number for number in range(300) if columns[name][number] is None] == [0, 7, 280]
    assert columns["source_index"] == list(range(300))
    good = np.delete(frames, [0, 7, 280], axis=0)
    with np.load(tmp_path / "index" / "patterns.npz") as patterns:
        assert np.allclose(patterns["mean"], good.mean(axis=0))


def test_data_set_without_a_readable_frame_is_refused(tmp_path):
    frames, _ = diffraction_frames(9, 16)
    path = write_cxi(tmp_path / "a.cxi", frames, chunks=(1, 16, 16), compression="gzip")
    source = _inspect(tmp_path, path)
    Path(path).rename(tmp_path / "b.cxi")
    with pytest.raises(SourceError, match="none of the 9 frames can be read"):
        _index(tmp_path, source, 0, 9)


def test_hits_saturation_and_photons_are_told_for_all_frames_together(tmp_path):
    random = np.random.default_rng(0)
    frames = random.poisson(0.02, (300, 32, 32)).astype("u2")
    frames[::3, 8:24, 8:24] += random.poisson(4, (100, 16, 16)).astype("u2")
    frames[6, 10, 10:13] = 65_535
    source = _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", frames))
    columns, patterns = _index(tmp_path, source, 0, 256, 300)
    assert columns["is_hit"] == [number % 3 == 0 for number in range(300)]
    assert min(columns["hit_score"][::3]) >= 1 > max(columns["hit_score"][1::3])
    assert columns["saturated_pixels"] == [3 if number == 6 else 0 for number in range(300)]
    assert columns["photons"] == columns["total"]
    assert columns["is_background"] == [None] * 300
    assert columns["state"] == [0] * 300
    expected = np.sort(frames[::2], axis=0)[:-1].astype(float).var(axis=0, ddof=1)
    assert np.allclose(patterns["variance"], expected, rtol=1e-4)


def test_rows_are_in_groups_so_that_one_is_found_quickly(tmp_path, monkeypatch):
    monkeypatch.setattr("workers.science.frame_table.ROW_GROUP", 100)
    source = _inspect(tmp_path, write_cxi(tmp_path / "a.cxi", diffraction_frames(530, 16)[0]))
    _index(tmp_path, source, 0, 256, 512, 530)
    metadata = pq.ParquetFile(tmp_path / "index" / "frames.parquet").metadata
    sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert sizes == [100, 100, 100, 100, 100, 30]
    assert metadata.row_group(1).column(0).statistics.min == 100
