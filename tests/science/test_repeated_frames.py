"""The frames of the largest benchmark are what their truth says, whoever writes them."""

import h5py
import hdf5plugin  # noqa: F401  the filter of the files
import numpy as np
import pytest

from benchmarks.repeated_frames import MARGIN, SIDE, Patterns, make_patterns, write_frames

WIDE = SIDE + 2 * MARGIN


@pytest.fixture(scope="module")
def patterns():
    return make_patterns(24, seed=0, threads=2)


def written(folder, patterns, n=700, **changes):
    folder.mkdir()
    settings = {"seed": 3, "threads": 1, "n_files": 2} | changes
    paths = write_frames(folder, n, patterns, **settings)
    frames = []
    for path in paths:
        with h5py.File(path) as file:
            frames.append(file["entry/data/data"][:])
    return np.concatenate(frames), np.load(folder / "truth.npy"), paths


def test_threads_and_files_do_not_change_the_frames(tmp_path, patterns):
    first, truth, paths = written(tmp_path / "first", patterns)
    again, same, one = written(tmp_path / "again", patterns, threads=2, n_files=1)
    assert (len(paths), len(one)) == (2, 1)
    assert first.shape == (700, SIDE, SIDE)
    assert np.array_equal(first, again)
    assert np.array_equal(truth, same)


def test_no_two_frames_of_a_pattern_have_the_same_noise_and_all_kinds_occur(tmp_path, patterns):
    frames, truth, _ = written(tmp_path / "frames", patterns)
    assert len({frame.tobytes() for frame in frames}) == len(frames)
    assert np.array_equal(truth["kind"], patterns.kinds[truth["pattern"]])
    assert set(truth["kind"]) == set(patterns.kinds)


def test_the_brightness_is_that_of_the_truth(tmp_path, patterns):
    frames, truth, _ = written(tmp_path / "frames", patterns)
    full = patterns.images[truth["pattern"]].max(axis=(1, 2)) > 0
    means = frames[:, patterns.good].mean(axis=1)[full]
    # The brightest pixels lie about the hole, into which the jitter moves them or out of which.
    assert np.corrcoef(np.log(means), np.log(truth["photons"][full]))[0, 1] > 0.9
    assert np.median(means / truth["photons"][full]) == pytest.approx(1, abs=0.5)
    assert truth["photons"].max() / truth["photons"].min() > 50
    assert not frames[:, ~patterns.good].any()


def test_a_pattern_is_turned_about_its_centre_mirrored_and_moved_as_the_truth_says(tmp_path):
    """A spot beside the beam tells where the frame was turned to."""
    y, x = np.indices((WIDE, WIDE)) - (WIDE - 1) / 2
    spot = 400 * np.exp(-((y**2 + (x - 15) ** 2) / 8)).astype(np.float32)
    good = np.ones((SIDE, SIDE), bool)
    frames, truth, _ = written(
        tmp_path / "spots", Patterns(spot[None], np.zeros(1, np.int8), ["spot"], good), 40
    )
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    for frame, row in zip(frames.astype(float), truth, strict=True):
        weights = np.where(frame > 0.1 * frame.max(), frame, 0)
        found = np.array([(weights * rows).sum(), (weights * columns).sum()]) / weights.sum()
        turned = 15 * np.array([-np.sin(row["angle"]), np.cos(row["angle"])])
        turned[1] *= -1 if row["mirrored"] else 1
        assert np.abs(found - row["centre"] - turned).max() < 0.6
