import json
from pathlib import Path

import numpy as np
import pytest

from tests.science.test_classifier import SCALE_MAX, SMALL, patterns
from workers.science.classifier import classify_frames, load_classifier
from workers.science.errors import Cancelled, RecipeError, TrainingError
from workers.science.labels_file import write_labels_npz
from workers.science.network import load_card
from workers.science.steps.classify import classify_range, merge_classification, train_classifier

N = 64
QUICK = SMALL | {"n_steps": 6, "shapes": True}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    condensed, matrix = patterns(N)
    folder = tmp_path / "condensed"
    folder.mkdir()
    np.save(folder / "condensed.npy", condensed)
    mask = np.ones((60, 60), bool)
    np.savez(folder / "geometry.npz", mask=mask, centre=np.array([29.5, 29.5]), scale_max=SCALE_MAX, size=48)
    write_labels_npz(tmp_path / "labels.npz", np.arange(30), matrix[:30])
    for name in ("network", "scratch"):
        (tmp_path / name).mkdir()
    return tmp_path


def train(data: Path, **changes: object) -> dict:
    given = {
        "condensed_dir": str(data / "condensed"),
        "labels": str(data / "labels.npz"),
        "classes": ["ring", "streak"],
        "single_label": True,
        "recipe": QUICK,
        "seed": 0,
        "scratch": str(data / "scratch"),
        "threads": 1,
        "out": str(data / "network"),
    }
    return train_classifier(**(given | changes))


def sort_range(data: Path, name: str, start: int, stop: int) -> Path:
    out = data / name
    out.mkdir()
    folders = {"condensed_dir": str(data / "condensed"), "network_dir": str(data / "network")}
    classify_range(**folders, start=start, stop=stop, threads=1, out=str(out))
    return out


def test_training_writes_a_network_with_a_card_that_says_what_its_figures_are_from(data):
    points = []
    card = train(
        data, on_progress=lambda done, total, unit, note="", point=None: points.append((done, point, unit))
    )
    assert sorted(p.name for p in (data / "network").iterdir()) == [
        "card.json",
        "geometry.npz",
        "judged.npz",
        "network.safetensors",
        "reference.safetensors",
    ]
    assert load_card(data / "network") == json.loads(json.dumps(card))
    metrics = card["figures"]["metrics"]
    assert metrics["n_frames"] == card["figures"]["n_held_back"] == 6
    assert [row["support"] for row in metrics["per_class"]] == [3, 3]
    assert "did not see" in card["figures"]["figures_from"]
    assert "then trained on all labels" in card["figures"]["figures_from"]
    assert "too long" in card["figures"]["learning_curve"]["why"]
    assert [done for done, _, unit in points if unit == "steps"] == list(range(1, 13))
    assert all({"step", "loss"} <= set(point) for point in card["curve"])
    assert any("macro_f1" in point for _, point, _ in points if point)


def test_the_default_recipe_judges_every_label_and_keeps_an_expert_that_reads_back(data):
    card = train(data, recipe={})
    assert card["figures"]["n_held_back"] == card["figures"]["metrics"]["n_frames"] == 30
    assert "had not seen it" in card["figures"]["figures_from"]
    assert card["n_steps"] == 5
    told = card["figures"]["learning_curve"]
    assert [point["labels"] for point in told["points"]] == sorted(
        point["labels"] for point in told["points"]
    )
    assert {row["class"] for row in told["classes"]} == {"ring", "streak"}
    assert told["doubled"]["macro_f1"] >= told["doubled"]["now"] > 0.9
    with np.load(data / "network" / "judged.npz", allow_pickle=False) as judged:
        assert sorted(judged["indices"].tolist()) == list(range(30))
        assert (judged["truth"].argmax(axis=1) == judged["indices"] % 2).all()
        assert np.allclose(judged["probabilities"].sum(axis=1), 1, atol=1e-5)
    network = load_classifier(data / "network")
    assert network.residual is None
    right = np.load(sort_range(data, "rest", 30, N) / "probabilities.npy").argmax(axis=1)
    assert (right == np.arange(30, N) % 2).mean() > 0.9


def test_classes_that_exclude_each_other_are_never_decided_together(data):
    groups = [["ring", "streak"]]
    card = train(data, single_label=False, recipe={"excludes": groups})
    assert card["recipe"]["excludes"] == groups
    assert card["figures"]["metrics"]["exclusions"]["broken"] == 0
    assert load_classifier(data / "network").excludes == [[0, 1]]
    stated = json.loads((sort_range(data, "rest", 30, N) / "classification.json").read_text())
    assert stated["excludes"] == groups
    with pytest.raises(RecipeError, match="not a list of lists"):
        train(data, recipe={"excludes": ["ring"]})


def test_a_classifier_of_an_earlier_version_is_refused_with_what_to_do(data):
    train(data)
    path = data / "network" / "card.json"
    card = json.loads(path.read_text())
    del card["recipe"]["shapes"]
    path.write_text(json.dumps(card))
    with pytest.raises(RecipeError, match="Train it again"):
        load_classifier(data / "network")


def test_a_range_is_sorted_as_the_array_function_sorts_it_and_ranges_join_in_order(data):
    train(data)
    parts = [sort_range(data, "a", 0, 40), sort_range(data, "b", 40, N)]
    (data / "joined").mkdir()
    assert merge_classification(parts=[str(p) for p in parts], out=str(data / "joined")) == {"n_frames": N}
    joined = np.load(data / "joined" / "probabilities.npy")
    network = load_classifier(data / "network")
    direct = classify_frames(np.load(data / "condensed" / "condensed.npy"), network)
    assert joined.dtype == np.float32
    assert np.allclose(joined, direct, atol=1e-5)
    assert np.allclose(joined.sum(axis=1), 1, atol=1e-5)
    stated = json.loads((data / "joined" / "classification.json").read_text())
    assert stated == {
        "classes": ["ring", "streak"],
        "single_label": True,
        "thresholds": [0.5, 0.5],
        "exclusive": [],
        "excludes": [],
    }


def test_frames_that_were_not_labelled_are_sorted_right(data):
    train(data)
    probabilities = np.load(sort_range(data, "rest", 30, N) / "probabilities.npy")
    assert (probabilities.argmax(axis=1) == np.arange(30, N) % 2).mean() > 0.9


def test_several_classes_a_frame_may_be_learned(data):
    _, matrix = patterns(30)
    write_labels_npz(data / "labels.npz", np.arange(30), np.column_stack([matrix, np.arange(30) % 3 == 0]))
    card = train(data, classes=["ring", "streak", "third"], single_label=False)
    assert len(card["figures"]["metrics"]["confusion"]) == len(card["thresholds"]) == 3
    probabilities = np.load(sort_range(data, "p", 0, 10) / "probabilities.npy")
    assert probabilities.shape == (10, 3)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_a_killed_training_goes_on_and_ends_at_the_same_network(data, monkeypatch):
    monkeypatch.setattr("workers.science.fit_residual.CHECKPOINT_EVERY", 2)

    def kill_in_the_second_fit(done: int, *_: object, **__: object) -> None:
        if done == 9:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(data, on_progress=kill_in_the_second_fit)
    steps: list[int] = []
    train(data, on_progress=lambda done, total, unit, **_: steps.append(done) if unit == "steps" else None)
    assert steps == [9, 10, 11, 12]
    resumed = np.load(sort_range(data, "resumed", 0, N) / "probabilities.npy")
    (data / "fresh").mkdir()
    train(data, scratch=str(data / "fresh"))
    undisturbed = np.load(sort_range(data, "undisturbed", 0, N) / "probabilities.npy")
    assert np.allclose(resumed, undisturbed, atol=1e-4)


def test_classes_with_one_label_or_none_are_warned_of_and_still_sorted(data):
    _, matrix = patterns(30)
    rare = np.arange(30) == 4
    write_labels_npz(
        data / "labels.npz", np.arange(30), np.column_stack([matrix & ~rare[:, None], rare, rare & False])
    )
    card = train(data, classes=["ring", "streak", "rare", "absent"])
    assert [warning.split(":")[0] for warning in card["warnings"]] == ["rare", "absent"]
    assert [row["support"] for row in card["figures"]["metrics"]["per_class"]][2:] == [0, 0]


def test_frames_without_a_class_are_left_out_where_one_class_is_wanted(data):
    _, matrix = patterns(30)
    matrix[:3] = False
    write_labels_npz(data / "labels.npz", np.arange(30), matrix)
    card = train(data)
    assert card["data"]["n_labelled"] == 27
    assert "3 frames" in card["warnings"][0]


def test_two_labels_are_enough_to_train_but_give_no_figures(data):
    write_labels_npz(data / "labels.npz", np.arange(2), patterns(2)[1])
    card = train(data)
    assert card["figures"]["metrics"] is None
    assert any("no figures" in warning for warning in card["warnings"])


@pytest.mark.parametrize(
    ("indices", "classes", "cause"),
    [
        ([], ["ring", "streak"], "no labels"),
        ([0, 0], ["ring", "streak"], "twice"),
        ([0, N], ["ring", "streak"], "outside"),
        ([0, 2], ["ring", "streak"], "same label"),
        ([0, 1], ["ring"], "do not fit 1 classes"),
        ([0, 1], ["ring", "ring"], "occurs twice"),
    ],
)
def test_labels_that_cannot_be_learned_from_are_refused_with_a_reason(data, indices, classes, cause):
    matrix = np.eye(2, dtype=bool)[np.array(indices, int) % 2]
    write_labels_npz(data / "labels.npz", np.array(indices, np.int64), matrix)
    with pytest.raises(TrainingError, match=cause):
        train(data, classes=classes)


def test_an_unknown_setting_is_refused(data):
    with pytest.raises(RecipeError, match="depth"):
        train(data, recipe={"depth": 18})


def test_frames_of_another_size_and_ranges_outside_are_refused(data):
    train(data)
    with pytest.raises(RecipeError, match="outside"):
        sort_range(data, "outside", 0, N + 1)
    with pytest.raises(RecipeError, match="Condense"):
        classify_frames(np.zeros((1, 32, 32), np.uint8), load_classifier(data / "network"))


def test_parts_of_different_networks_are_not_joined(data):
    train(data)
    parts = [sort_range(data, "a", 0, 32), sort_range(data, "b", 32, N)]
    (parts[1] / "classification.json").write_text("{}")
    with pytest.raises(RecipeError, match="different networks"):
        merge_classification(parts=[str(p) for p in parts], out=str(data / "scratch"))
