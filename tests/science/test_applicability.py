"""Which network fits which frames."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.science.detectors import condense_counts, condense_on, mask_of, train_on
from workers.science.applicability import compare_shapes, confidence_of, expected_right, mean_entropy
from workers.science.errors import ScienceError
from workers.science.fitness import judge_fitness
from workers.science.reference import REFERENCE, load_reference, make_reference
from workers.science.steps.applicability import judge

EYE = np.eye(64, dtype=np.float32)


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> Path:
    """Folders: frames `home`, `again` (same particles), `other` (other ones), and a network of `home`."""
    folder = tmp_path_factory.mktemp("networks")
    classes = condense_on(folder / "home", "small", seed=1)
    condense_on(folder / "again", "large", seed=2)
    condense_counts(folder / "other", crossed_gratings(200), mask_of(GRATING), size=48)
    train_on(folder / "home", classes, folder / "network")
    images = {"shapes": False, "residual": True, "input": "image", "width": 2, "n_steps": 2, "batch": 8}
    train_on(folder / "home", classes, folder / "images", 40, **images)
    return folder


GRATING = {"side": 64, "hole": 2, "gap": slice(50, 51)}


def crossed_gratings(n: int) -> np.ndarray:
    """Draw frames of Bragg peaks on a tilted grid, as no droplet makes them."""
    random = np.random.default_rng(5)
    y, x = np.indices((64, 64)) - 31.5
    frames = []
    for _ in range(n):
        turn, period = random.uniform(0, np.pi), random.uniform(7, 11)
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        peaks = (np.cos(np.pi * u / period) * np.cos(np.pi * v / period)) ** 20
        frames.append(random.poisson(200 * peaks * np.exp(-np.hypot(x, y) / 15)))
    return np.array(frames, np.uint16)


def judged(networks: Path, frames: str, tmp_path: Path, name: str = "network") -> dict:
    (tmp_path / frames).mkdir()
    candidate = {"id": name, "network_dir": str(networks / name), "condensed_dir": None}
    found = judge(
        condensed_dir=str(networks / frames),
        candidates=[candidate],
        seed=0,
        threads=1,
        out=str(tmp_path / frames),
    )
    assert json.loads((tmp_path / frames / "applicability.json").read_text()) == found
    return found["verdicts"][0]


def test_the_same_particles_on_another_detector_fit_and_other_patterns_do_not(networks, tmp_path):
    same, other = (judged(networks, frames, tmp_path) for frames in ("again", "other"))
    assert same["verdict"] == "fits", same
    assert other["verdict"] == "unfit", other
    assert "of the frames look like those it learned from" in same["sentence"]
    assert other["sentence"].startswith("does not fit: ")
    assert same["score"] > 2 * other["score"]
    low, high = same["likeness"]["alike_interval"]
    assert 0.5 < low <= same["likeness"]["alike"] <= high <= 1


def test_answers_are_told_beside_those_on_the_networks_own_unseen_frames(networks, tmp_path):
    answers = judged(networks, "again", tmp_path)["answers"]
    assert 0.7 < answers["expected"] <= 1
    assert 0.8 < answers["own_right"] <= 1
    assert 0 <= answers["own_entropy"] < 0.5
    assert sum(answers["shares"].values()) == pytest.approx(1, abs=1e-3)


def test_a_network_that_cannot_see_the_frames_says_why(networks, tmp_path):
    found = judged(networks, "again", tmp_path, "images")
    assert found["verdict"] == "unfit"
    assert "64 × 64 pixels, the network sees images of 48 × 48" in found["sentence"]


def test_a_network_from_before_references_is_judged_by_the_frames_that_it_learned_from(networks, tmp_path):
    for name in ("network.safetensors", "card.json", "geometry.npz"):
        (tmp_path / name).write_bytes((networks / "network" / name).read_bytes())
    given = {"condensed_dir": str(networks / "again"), "seed": 0, "threads": 1, "out": str(tmp_path)}
    old = {"id": "old", "network_dir": str(tmp_path)}
    blind = judge(candidates=[old | {"condensed_dir": None}], **given)["verdicts"][0]
    assert (blind["verdict"], blind["score"]) == ("care", 0.0)
    assert "train it again" in blind["sentence"]
    seeing = judge(candidates=[old | {"condensed_dir": str(networks / "home")}], **given)["verdicts"][0]
    assert seeing["likeness"]["alike"] > 0.7


def test_the_reference_holds_labelled_frames_with_their_classes_and_others_without(networks):
    kept = load_reference(networks / "network")
    assert kept.shapes.shape == (240, 64)
    assert (kept.classes >= 0).sum() == 80
    assert np.allclose(np.linalg.norm(kept.shapes, axis=1), 1, atol=1e-4)
    assert kept.classes[:8].tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_a_reference_is_never_larger_than_its_limit(networks):
    matrix = np.eye(4, dtype=bool)[np.arange(240) % 4]
    assert len(make_reference(networks / "home", np.arange(240), matrix).shapes) == 240


def test_a_damaged_reference_is_one_line(tmp_path):
    (tmp_path / REFERENCE).write_bytes(b"\x80\x04not tensors")
    with pytest.raises(ScienceError, match="Train the network again") as error:
        load_reference(tmp_path)
    assert "\n" not in str(error.value)


def test_nineteen_in_twenty_frames_of_the_same_sort_are_alike():
    random = np.random.default_rng(0)
    shares = [
        compare_shapes(random.normal(size=(200, 6)), random.normal(size=(300, 6)), seed).alike
        for seed in range(5)
    ]
    assert 0.9 < np.mean(shares) < 0.99


def test_the_energy_distance_sees_a_change_of_the_mixture_that_likeness_does_not():
    random = np.random.default_rng(0)
    places = random.normal(scale=20, size=(2, 6))
    even, uneven = random.integers(2, size=300), (random.random(300) < 0.95).astype(int)
    reference, same, other = (
        places[kinds] + random.normal(size=(300, 6)) for kinds in (even, even[::-1], uneven)
    )
    alike, unalike = compare_shapes(same, reference), compare_shapes(other, reference)
    assert abs(alike.alike - unalike.alike) < 0.06
    assert unalike.energy > 10 * max(alike.energy, 0.005)
    assert unalike.energy_interval[0] > alike.energy


def test_entropy_is_none_where_all_is_certain_and_whole_where_nothing_is():
    for single in (True, False):
        assert mean_entropy(np.eye(4, dtype=np.float32), single) < 1e-6
        assert mean_entropy(np.full((3, 4), 0.25 if single else 0.5), single) == pytest.approx(1)


def test_expected_right_is_the_own_share_on_frames_like_ones_own_and_less_on_doubtful_ones():
    random = np.random.default_rng(1)
    own = random.random(4000)
    is_right = random.random(4000) < own
    assert expected_right(own, own, is_right) == pytest.approx(is_right.mean(), abs=0.01)
    assert expected_right(own * 0.5, own, is_right) < is_right.mean() - 0.2
    assert expected_right(own, own[:0], is_right[:0]) is None
    assert confidence_of(np.array([[0.9, 0.4]]), False).tolist() == [0.6]


@pytest.mark.parametrize(
    ("alike", "answers", "verdict", "words"),
    [
        (0.94, None, "fits", "94 % of the frames look like"),
        (0.6, None, "care", "40 % of the frames are unlike"),
        (0.3, None, "unfit", "70 % of the frames are unlike"),
        (0.9, {"expected": 0.5, "own_right": 0.9}, "care", "50% expected right, 90% at home"),
        (0.9, {"most_common": ["Empty", 0.8], "own_most_common": 0.1}, "care", "80% of them “Empty”"),
        (0.9, {"most_common": ["Round", 0.8], "own_most_common": 0.73}, "fits", "90 %"),
    ],
)
def test_verdicts_say_why(alike, answers, verdict, words):
    likeness = compare_shapes(EYE[:5], EYE)
    found = judge_fitness(type(likeness)(alike, [alike, alike], 0.0, [0.0, 0.0]), 400, answers)
    assert found["verdict"] == verdict
    assert words in found["sentence"]
