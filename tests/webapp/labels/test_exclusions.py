"""Classes that exclude each other never meet, whoever adds them and whatever the classes become later."""

import importlib

import numpy as np
import pytest
from django.apps import apps

from tests.webapp.factories import make_group
from webapp.datasets.models import Dataset
from webapp.labels.exclusions import driven_out, excluded_by, n_in_conflict
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.naming import LabelError
from webapp.labels.selectors import class_names, label_state
from webapp.labels.services import create_scheme, import_labels_csv, label_frames
from webapp.labels.state_cache import current_labels, replay

pytestmark = pytest.mark.django_db
CLASSES = ("Oblate", "Prolate", "Streak", "Bent", "Empty")
GROUPS = (("Oblate", "Prolate"), ("Bent", "Prolate", "Ghost"))


@pytest.fixture
def dataset() -> Dataset:
    dataset = Dataset.objects.create(group=make_group(), name="run 7", is_draft=False, n_frames=40)
    create_scheme(dataset=dataset, names=CLASSES, excludes=GROUPS)
    return dataset


def add(dataset: Dataset, *classes: str, operation: str = "add", frames: tuple = (1,)) -> LabelEvent:
    return label_frames(dataset=dataset, frames=np.array(frames), operation=operation, classes=classes)


def labels_of(dataset: Dataset, frame: int = 1) -> list[str]:
    return class_names(dataset.scheme, int(label_state(dataset).masks[frame]))


def test_droplets_are_oblate_or_prolate_from_the_start() -> None:
    dataset = Dataset.objects.create(group=make_group(), name="run 8", n_frames=4)
    assert create_scheme(dataset=dataset).excludes == [["Spherical/Oblate", "Prolate"]]


def test_a_class_that_there_is_not_excludes_nothing(dataset: Dataset) -> None:
    assert dataset.scheme.excludes == [["Oblate", "Prolate"], ["Bent", "Prolate"]]
    assert excluded_by(dataset.scheme) == {
        "Oblate": ["Prolate", "Empty"],
        "Prolate": ["Oblate", "Bent", "Empty"],
        "Streak": ["Empty"],
        "Bent": ["Prolate", "Empty"],
        "Empty": ["Oblate", "Prolate", "Streak", "Bent"],
    }


def test_an_added_class_drives_out_just_those_that_it_excludes(dataset: Dataset) -> None:
    add(dataset, "Oblate", "Streak", "Bent")
    add(dataset, "Prolate")
    assert labels_of(dataset) == ["Prolate", "Streak"]
    add(dataset, "Empty")
    assert labels_of(dataset) == ["Empty"]
    add(dataset, "Bent")
    assert labels_of(dataset) == ["Bent"]


@pytest.mark.parametrize("operation", ["set", "add"])
def test_classes_that_exclude_each_other_are_refused_in_one_act(dataset: Dataset, operation: str) -> None:
    for classes, words in ((("Prolate", "Bent"), "exclude each other"), (("Empty", "Bent"), "stands alone")):
        with pytest.raises(LabelError, match=words):
            add(dataset, *classes, operation=operation)
    add(dataset, "Oblate", "Bent", operation=operation)
    add(dataset, "Prolate", "Bent", operation="remove")
    assert labels_of(dataset) == ["Oblate"]


@pytest.mark.parametrize("seed", range(3))
def test_no_chain_of_additions_brings_them_together(dataset: Dataset, seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(40):
        add(
            dataset,
            str(random.choice(CLASSES)),
            frames=tuple(np.flatnonzero(random.random(40) < 0.4)) or (0,),
        )
    assert n_in_conflict(dataset.scheme, current_labels(dataset).sizes) == 0
    np.testing.assert_array_equal(current_labels(dataset).state.masks, replay(dataset).state.masks)


def test_what_was_labelled_stays_when_the_exclusions_change(dataset: Dataset) -> None:
    scheme = dataset.scheme
    scheme.excludes = []
    scheme.save()
    add(dataset, "Oblate")
    event = add(dataset, "Prolate")
    scheme.excludes = [["Oblate", "Prolate"]]
    scheme.exclusive = ["Oblate"]
    scheme.save()
    assert replay(dataset, event.pk).state.masks[1] == 0b11
    assert labels_of(dataset) == ["Oblate", "Prolate"]
    assert n_in_conflict(scheme, current_labels(dataset).sizes) == 1


def test_a_single_label_is_driven_out_by_any_other(dataset: Dataset) -> None:
    ClassScheme.objects.update(single_label=True)
    dataset.scheme.refresh_from_db()
    add(dataset, "Oblate")
    add(dataset, "Streak")
    assert labels_of(dataset) == ["Streak"]
    assert driven_out(dataset.scheme, 0) == 0


def test_a_file_that_says_both_of_one_frame_makes_classes_without_that_exclusion(tmp_path) -> None:
    for name, text, expected in (
        ("apart", "1,Prolate\n2,Spherical/Oblate\n", [["Spherical/Oblate", "Prolate"]]),
        ("both", "1,Prolate;Spherical/Oblate\n2,Prolate\n", []),
    ):
        dataset = Dataset.objects.create(group=make_group(), name=name, n_frames=4)
        path = tmp_path / f"{name}.csv"
        path.write_text("index,classes\n" + text)
        import_labels_csv(dataset=dataset, file=path)
        assert dataset.scheme.excludes == expected


def test_events_from_before_learn_what_they_cleared(dataset: Dataset) -> None:
    ClassScheme.objects.update(excludes=[])
    dataset.scheme.refresh_from_db()
    add(dataset, "Oblate", "Streak")
    add(dataset, "Empty")
    add(dataset, "Bent")
    add(dataset, "Streak")
    before = list(LabelEvent.objects.values_list("clears", flat=True))
    LabelEvent.objects.update(clears=0)
    module = importlib.import_module("webapp.labels.migrations.0002_readings_and_exclusions")
    module.write_down_what_was_cleared(apps, None)
    assert list(LabelEvent.objects.values_list("clears", flat=True)) == before
    assert replay(dataset).state.masks[1] == 0b1100
