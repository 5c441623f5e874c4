"""A network meets frames of another detector."""

import numpy as np
import pytest

from tests.science.detectors import condense_on, train_on
from workers.science.another_set import classifier_for, is_own, signal_pixels
from workers.science.classifier import classify_frames, load_classifier
from workers.science.errors import RecipeError
from workers.science.labels_file import write_labels_npz
from workers.science.metrics import decide, macro_f1
from workers.science.steps.classify import classify_range
from workers.science.steps.judge import judge_labelled


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A network of the small detector, and frames of both."""
    folder = tmp_path_factory.mktemp("two")
    classes = condense_on(folder / "small", "small", seed=1)
    others = condense_on(folder / "large", "large", seed=2)
    train_on(folder / "small", classes, folder / "network")
    return folder, others


def f1_of(probabilities, classes):
    return macro_f1(np.eye(4, dtype=bool)[classes], decide(probabilities, True))


def sort(two, name, condensed):
    folder, _ = two
    out = folder / name
    out.mkdir(exist_ok=True)
    n = len(np.load(folder / condensed / "condensed.npy", mmap_mode="r"))
    where = {"condensed_dir": str(folder / condensed), "network_dir": str(folder / "network")}
    classify_range(**where, start=0, stop=n, threads=1, out=str(out))
    return np.load(out / "probabilities.npy")


def test_a_network_of_one_detector_sorts_the_frames_of_another_with_their_mask_and_scale(two):
    folder, others = two
    assert not is_own(folder / "network", folder / "large")
    assert f1_of(sort(two, "sorted", "large"), others) > 0.9


def test_with_the_mask_and_scale_of_its_own_training_it_would_not(two):
    """The frames brought to its size, but read as its own: as it was before."""
    folder, others = two
    condensed = np.load(folder / "large" / "condensed.npy")
    own = load_classifier(folder / "network")
    cut = condensed[:, 8:56, 8:56]
    read_as_own = f1_of(classify_frames(np.ascontiguousarray(cut), own), others)
    assert read_as_own < f1_of(sort(two, "as-theirs", "large"), others) - 0.05


def test_on_its_own_frames_nothing_is_different(two):
    folder, _ = two
    own = load_classifier(folder / "network")
    seen = classifier_for(folder / "network", folder / "small")
    assert (seen.good == own.good).all()
    assert (seen.scale, seen.scale_max) == (own.scale, own.scale_max)


def test_labelled_frames_of_another_set_are_judged_as_the_sorting_judges_them(two):
    folder, _ = two
    out = folder / "judged"
    out.mkdir()
    where = {"condensed_dir": str(folder / "large"), "network_dir": str(folder / "network")}
    frames, labels = [3, 4, 50, 200], folder / "labels.npz"
    write_labels_npz(labels, np.array(frames), np.eye(4, dtype=bool))
    found = judge_labelled(**where, labels=str(labels), threads=1, out=str(out))
    assert found["n_judged"] == 4
    with np.load(out / "judged.npz", allow_pickle=False) as kept:
        assert kept["indices"].tolist() == frames
        assert np.allclose(kept["probabilities"], sort(two, "sorted-again", "large")[frames], atol=1e-4)
    assert set(found["classes"]) == {"empty", "round", "elliptical", "streak"}
    write_labels_npz(labels, np.array([240]), np.eye(4, dtype=bool)[:1])
    with pytest.raises(RecipeError, match="frame 240 is outside"):
        judge_labelled(**where, labels=str(labels), threads=1, out=str(out))


def test_a_network_of_images_refuses_frames_of_another_size_in_one_line(two):
    folder, _ = two
    classes = np.arange(240) % 4
    small = {"shapes": False, "residual": True, "input": "image", "width": 2, "n_steps": 2, "batch": 8}
    train_on(folder / "small", classes, folder / "images", 40, **small)
    with pytest.raises(RecipeError, match=r"64 × 64 pixels, the network sees images of 48 × 48") as error:
        classifier_for(folder / "images", folder / "large")
    assert "\n" not in str(error.value)


def test_of_few_and_dim_frames_the_mask_alone_says_what_carries_signal(tmp_path):
    condense_on(tmp_path / "dim", "small", n=8, light=0.0002)
    frames = np.load(tmp_path / "dim" / "condensed.npy")
    lit, good = (frames.max(axis=0) > 0).mean(), signal_pixels(tmp_path / "dim").mean()
    assert lit < 0.6 < 0.8 < good < 1
