"""The child of a worker gives up, before it reads other people's files, what the step does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest

from tests.science.export.written_manifests import index_of
from workers import readers
from workers.science.io import describe_source
from workers.science.io.sandbox import landlock_version

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path):
    for name in ("in", "out", "elsewhere"):
        (tmp_path / name).mkdir()
    return tmp_path


def _run(step: str, arguments: dict, out: Path) -> dict:
    """Run a step as a worker does, and return its last word."""
    done = subprocess.run(
        [sys.executable, "-m", "workers.child"],
        input=json.dumps({"step": step, "arguments": arguments, "out": str(out)}),
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "OPENBLAS_NUM_THREADS": "1",
            "HDF5_PLUGIN_PRELOAD": "::",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _write(path: Path, frames: np.ndarray, **options: object) -> str:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=frames, chunks=(1, *frames.shape[1:]), **options)
    return str(path)


def test_confined_steps_read_and_measure_with_every_filter(folders):
    frames = np.random.default_rng(0).poisson(3, (6, 64, 64)).astype("u2")
    filters = (hdf5plugin.Bitshuffle(cname="lz4"), hdf5plugin.Zstd(), hdf5plugin.Blosc(), hdf5plugin.LZ4())
    files = [_write(folders / "in" / f"{n}.h5", frames, **item) for n, item in enumerate(filters)]
    arguments = {"sources": files, "roots": [str(folders / "in")]}
    word = _run("index.inspect_source", arguments, folders / "out")
    assert (word["result"]["n_frames"], word["landlock"]) == (24, landlock_version())
    part, index = folders / "part", folders / "index"
    part.mkdir()
    index.mkdir()
    source = word["result"]
    _run("index.index_range", {"source": source, "start": 0, "stop": 24}, part)
    merged = _run("index.merge_index", {"source": source, "parts": [str(part)]}, index)
    assert merged["result"]["n_frames"] == 24
    assert {"frames.parquet", "patterns.npz"} <= merged["files"].keys()


def test_a_file_outside_of_the_named_roots_is_refused(folders):
    path = _write(folders / "elsewhere" / "a.h5", np.ones((2, 16, 16), "u2"))
    arguments = {
        "sources": [path],
        "roots": [str(folders / "in")],
        "dataset_path": str(folders / "elsewhere"),
    }
    word = _run("index.inspect_source", arguments, folders / "out")
    assert word["error"].startswith(f"{path}: lies outside")


def test_a_file_that_needs_too_much_memory_is_named_in_the_error(folders):
    path = str(folders / "in" / "large.h5")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (1, 11_000, 11_000), "u2")[0, 0] = 1
    word = _run("index.inspect_source", {"sources": [path], "roots": [str(folders / "in")]}, folders / "out")
    assert "large.h5" in word["error"]
    assert "memory" in word["error"] or "more than the 800 MiB" in word["error"]


def test_the_first_frames_of_the_largest_detectors_are_looked_at_within_the_usual_memory(folders):
    path = str(folders / "in" / "sixteen_megapixels.h5")
    with h5py.File(path, "w") as file:  # a background, so that a peak of single photons is looked for
        frames = file.create_dataset("data", (8, 4362, 4148), "u4", chunks=(1, 4362, 4148), compression=1)
        frame = np.random.default_rng(0).poisson(5, (4362, 1)).astype("u4") + np.arange(4148, dtype="u4") % 7
        for number in range(3):
            frames[number] = frame
    word = _run("index.inspect_source", {"sources": [path], "roots": [str(folders / "in")]}, folders / "out")
    assert word.get("result", word).get("n_frames") == 8, word


def test_only_arguments_that_name_places_are_made_readable():
    source = {"roots": ["/data"], "moved": {"roots": ["/tape"]}, "dataset_path": "/etc", "mask_path": "/root"}
    arguments = {
        "source": source,
        "index_dir": "/products/1",
        "parts": ["/parts/0", "/parts/1"],
        "reference": {"latents": "/l.npy", "labels": "/k.npy"},
        "dataset_path": "/home",
        "recipe": {"size": 96},
        "scratch": "/scratch",
    }
    expected = {"/data", "/tape", "/products/1", "/parts/0", "/parts/1", "/l.npy", "/k.npy"}
    assert set(readers.read_places(arguments)) == expected
    assert readers.written_places(arguments) == ["/scratch"]


def test_memory_follows_the_frame_and_time_the_number_of_frames():
    small, large = {"height": 1024, "width": 1024}, {"height": 4148, "width": 4362}
    assert readers.memory_bytes({"source": small}) == readers.memory_bytes({}) == readers.READER_BYTES
    assert readers.memory_bytes({"source": large}) > 2 * readers.READER_BYTES
    arguments = {"source": small, "start": 256, "stop": 512}
    short = readers.cpu_seconds("index.index_range", arguments)
    assert short < readers.cpu_seconds("index.index_range", arguments | {"stop": 768})
    assert readers.cpu_seconds("watch.watch_folder", {}) is None


def test_files_of_a_step_are_named_one_by_its_name_and_many_by_the_first():
    assert readers.named_files({"sources": ["/data/a.h5"]}) == "/data/a.h5"
    assert readers.named_files({"source": {"files": [{"path": "/a"}, {"path": "/b"}]}}).startswith("One of 2")
    assert readers.named_files({"latents_dir": "/x"}) == ""


def test_a_file_of_labels_is_read_by_a_child_that_sees_nothing_but_it_and_the_index(folders):
    frames = np.random.default_rng(0).poisson(3, (6, 16, 16)).astype("u2")
    source = describe_source(sources=[_write(folders / "in/a.h5", frames)], roots=[str(folders / "in")])
    index = index_of(source, folders / "index")
    with h5py.File(folders / "elsewhere/secret.h5", "w") as file:
        file["tags"] = np.ones((1, 6), "i1")
    upload = folders / "upload"
    upload.mkdir()
    with h5py.File(upload / "labels", "w") as file:
        file["entry_1/instrument_1/detector_1/tags"] = np.array([[0, 1, 0, 0, 1, 0]], "i1")
        file["entry_1/instrument_1/detector_1/tags"].attrs["headings"] = [b"Round"]
    arguments = {"labels": str(upload / "labels"), "index_dir": str(index), "name": "old.cxi", "known": []}
    word = _run("label_file.read_label_file", arguments, folders / "out")
    assert (word["result"]["counts"], word["landlock"]) == ({"Round": 2}, landlock_version())
    with h5py.File(upload / "labels", "w") as file:
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector["tags"] = h5py.ExternalLink(str(folders / "elsewhere/secret.h5"), "tags")
    word = _run("label_file.read_label_file", arguments, folders / "out")
    assert word["error"] == (
        "old.cxi: holds no tags of a detector. Choose a CXI file with tags and headings."
    )
