"""Condensing as steps: plan, parts, and the whole."""

import json
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.science.synthetic import diffraction_frames, write_cxi, write_entries
from workers.science.errors import RecipeError, SourceError
from workers.science.io import describe_source
from workers.science.preprocess import condense_frames, load_geometry
from workers.science.steps.condense import condense_range, merge_condense, plan_condense
from workers.science.steps.index import index_range, inspect_source, merge_index


def _folder(tmp_path: Path, name: str) -> str:
    (tmp_path / name).mkdir()
    return str(tmp_path / name)


def _index(tmp_path: Path, path: str) -> dict:
    source = inspect_source(sources=[path], roots=[str(tmp_path)], out=_folder(tmp_path, "inspect"))
    part = _folder(tmp_path, "index_part")
    index_range(source=source, start=0, stop=source["n_frames"], out=part)
    merge_index(parts=[part], source=source, out=_folder(tmp_path, "index"))
    return json.loads(json.dumps(source))


def _plan(tmp_path: Path, source: dict, recipe: dict) -> dict:
    out = _folder(tmp_path, "plan")
    return plan_condense(source=source, index_dir=str(tmp_path / "index"), recipe=recipe, out=out)


def _condense(tmp_path: Path, source: dict, recipe: dict, *bounds: int) -> dict:
    parts, plan = [], str(tmp_path / "plan")
    for start, stop in pairwise(bounds):
        parts.append(_folder(tmp_path, f"part{start}"))
        where = {"source": source, "geometry_dir": plan, "recipe": recipe}
        assert condense_range(**where, start=start, stop=stop, out=parts[-1]) == {}
        assert (Path(parts[-1]) / "unreadable.json").exists()
    return merge_condense(parts=parts, geometry_dir=plan, out=_folder(tmp_path, "condensed"))


def test_line_from_file_to_condensed_frames(tmp_path):
    frames, _ = diffraction_frames(600, 40)
    source = _index(tmp_path, write_cxi(tmp_path / "a.cxi", frames))
    plan = _plan(tmp_path, source, {"size": 24})
    assert set(plan) == {"centre", "masked_share", "scale_max"}
    assert np.allclose(plan["centre"], 19.5, atol=0.5)
    assert _condense(tmp_path, source, {"size": 24}, 0, 512, 600) == {
        "n_frames": 600,
        "size": 24,
        "n_unreadable": 0,
        "causes": [],
    }
    condensed = np.load(tmp_path / "condensed" / "condensed.npy", mmap_mode="r")
    assert condensed.dtype == np.uint8
    assert condensed.shape == (600, 24, 24)
    assert np.array_equal(condensed, condense_frames(frames, load_geometry(tmp_path / "condensed")))
    names = sorted(path.name for path in (tmp_path / "condensed").iterdir())
    assert names == ["condensed.npy", "geometry.json", "geometry.npz"]


def test_parts_give_the_same_as_the_whole(tmp_path):
    source = _index(
        tmp_path, write_cxi(tmp_path / "a.cxi", diffraction_frames(530, 16)[0], chunks=(7, 16, 16))
    )
    _plan(tmp_path, source, {"size": 16})
    _condense(tmp_path, source, {"size": 16}, 0, 256, 512, 530)
    whole = _folder(tmp_path, "whole")
    where = {"source": source, "geometry_dir": str(tmp_path / "plan"), "recipe": {"size": 16}}
    condense_range(**where, start=0, stop=530, out=whole)
    assert (Path(whole) / "condensed.npy").read_bytes() == (tmp_path / "condensed/condensed.npy").read_bytes()


def test_counts_can_be_read_back_from_condensed_frames(tmp_path):
    frames, _ = diffraction_frames(20, 24)
    source = _index(tmp_path, write_cxi(tmp_path / "a.cxi", frames))
    recipe = {"size": 24, "crop": 24.0, "centre_row": 11.5, "centre_column": 11.5, "find_hot": False}
    scale_max = _plan(tmp_path, source, recipe)["scale_max"]
    _condense(tmp_path, source, recipe, 0, 20)
    condensed = np.load(tmp_path / "condensed" / "condensed.npy")
    counts = np.expm1(condensed / 255 * np.log1p(scale_max))
    good = load_geometry(tmp_path / "condensed").small_mask & (frames < scale_max)
    step = np.log1p(scale_max) / 255
    assert np.abs(np.log1p(counts) - np.log1p(frames))[good].max() <= step / 2 + 1e-5


def test_mask_of_the_file_and_dead_pixels_are_masked_everywhere(tmp_path):
    frames, _ = diffraction_frames(100, 32)
    frames[:, 20:22] = 0
    mask = np.zeros((32, 32), "u4")
    mask[5:9, 5:9] = 1
    frames[:, 5:9, 5:9] = 60_000
    source = _index(tmp_path, write_cxi(tmp_path / "a.cxi", frames, mask))
    recipe = {"size": 32, "crop": 32.0, "centre_row": 15.5, "centre_column": 15.5}
    plan = _plan(tmp_path, source, recipe)
    assert plan["masked_share"] == (16 + 64) / 1024
    _condense(tmp_path, source, recipe, 0, 100)
    condensed = np.load(tmp_path / "condensed" / "condensed.npy")
    assert not condensed[:, 5:9, 5:9].any()
    assert not condensed[:, 20:22].any()
    found = json.loads((tmp_path / "condensed" / "geometry.json").read_text())
    assert (found["masked_by_file"], found["dead"]) == (16, 64)


@pytest.mark.parametrize("n", [1, 20])
def test_small_single_and_identical_frames_go_through(tmp_path, n):
    frames = np.repeat(diffraction_frames(2, 20)[0][1:], n, axis=0)
    source = _index(tmp_path, write_entries(tmp_path / "a.cxi", frames))
    _plan(tmp_path, source, {})
    assert _condense(tmp_path, source, {}, 0, n)["n_frames"] == n
    condensed = np.load(tmp_path / "condensed" / "condensed.npy")
    assert (condensed == condensed[0]).all()
    assert condensed.max() > 200


def test_frames_with_nan_go_through(tmp_path):
    frames = diffraction_frames(12, 32)[0].astype("f4")
    frames[3] = np.nan
    frames[:, 4, 4] = np.nan
    frames[7, 10:20] = np.inf
    source = _index(tmp_path, write_cxi(tmp_path / "a.cxi", frames))
    _plan(tmp_path, source, {"size": 16})
    _condense(tmp_path, source, {"size": 16}, 0, 12)
    condensed = np.load(tmp_path / "condensed" / "condensed.npy")
    assert not condensed[3].any()
    assert condensed[5].any()


def test_all_masked_data_are_refused_in_the_plan(tmp_path):
    source = _index(tmp_path, write_cxi(tmp_path / "a.cxi", np.full((3, 16, 16), np.nan, "f4")))
    with pytest.raises(SourceError, match="no pixel"):
        _plan(tmp_path, source, {})


def test_changed_file_is_refused(tmp_path):
    frames, _ = diffraction_frames(6, 16)
    path = write_cxi(tmp_path / "a.cxi", frames)
    source = _index(tmp_path, path)
    _plan(tmp_path, source, {"size": 16})
    write_cxi(path, frames[::-1])
    with pytest.raises(SourceError, match="has changed"):
        _condense(tmp_path, source, {"size": 16}, 0, 6)


def test_frames_that_cannot_be_read_are_black_and_counted(tmp_path):
    frames, _ = diffraction_frames(40, 16)
    path = write_cxi(tmp_path / "a.cxi", frames, chunks=(1, 16, 16), compression="gzip")
    source = _index(tmp_path, path)
    _plan(tmp_path, source, {"size": 16})
    with h5py.File(path, "a") as file:
        data = file["entry_1/instrument_1/detector_1/data"]
        for number in (3, 39):
            data.id.write_direct_chunk((number, 0, 0), b"no such stream")
    source["files"][0]["fingerprint"] = describe_source(sources=[path], roots=[str(tmp_path)])["files"][0][
        "fingerprint"
    ]
    found = _condense(tmp_path, source, {"size": 16}, 0, 40)
    assert (found["n_unreadable"], len(found["causes"])) == (2, 1)
    assert path in found["causes"][0]
    condensed = np.load(tmp_path / "condensed" / "condensed.npy")
    assert not condensed[[3, 39]].any()
    assert np.array_equal(condensed[4:39], condense_frames(frames[4:39], load_geometry(tmp_path / "plan")))


def test_unknown_setting_is_refused(tmp_path):
    source = _index(tmp_path, write_cxi(tmp_path / "a.cxi", diffraction_frames(4, 16)[0]))
    with pytest.raises(RecipeError, match="no such setting"):
        _plan(tmp_path, source, {"sizze": 16})


def test_parts_of_another_size_are_refused(tmp_path):
    source = _index(tmp_path, write_cxi(tmp_path / "a.cxi", diffraction_frames(4, 16)[0]))
    _plan(tmp_path, source, {"size": 16})
    part = _folder(tmp_path, "odd")
    np.save(Path(part) / "condensed.npy", np.zeros((4, 20, 20), np.uint8))
    with pytest.raises(SourceError, match="different sizes"):
        merge_condense(parts=[part], geometry_dir=str(tmp_path / "plan"), out=_folder(tmp_path, "out"))
