"""Writes about classes and labels."""

import io
import uuid
from pathlib import Path

import numpy as np
import pytest

from tests.webapp.factories import make_group, make_user
from webapp.datasets.models import Dataset
from webapp.labels.models import LabelEvent
from webapp.labels.selectors import label_state
from webapp.labels.services import (
    LabelError,
    add_class,
    create_scheme,
    import_labels_csv,
    label_frames,
    undo_event,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return Dataset.objects.create(group=make_group(), name="run 7", is_draft=False, n_frames=50)


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("index,classes\n3,Round;Streak\n4,Round\n9,Empty\n11,\n12,Round\n")
    return path


def labels_of(dataset: Dataset) -> dict[int, list[str]]:
    masks, names = label_state(dataset).masks, dataset.scheme.names
    labelled = np.flatnonzero(masks >= 0).tolist()
    return {
        frame: [name for place, name in enumerate(names) if masks[frame] >> place & 1] for frame in labelled
    }


def test_the_same_client_id_is_stored_once(dataset: Dataset) -> None:
    create_scheme(dataset=dataset)
    act = {"dataset": dataset, "frames": np.array([1]), "operation": "set", "client_id": uuid.uuid4()}
    first, second = (label_frames(classes=classes, **act) for classes in (["Round"], ["Bent"]))
    assert first == second
    assert labels_of(dataset) == {1: ["Round"]}


def test_an_undo_that_is_sent_twice_is_stored_once_and_another_one_is_refused(dataset: Dataset) -> None:
    create_scheme(dataset=dataset)
    event = label_frames(dataset=dataset, frames=np.array([1]), operation="set", classes=["Round"])
    client_id = uuid.uuid4()
    undone = undo_event(event=event, user=None, client_id=client_id)
    assert undo_event(event=event, user=None, client_id=client_id) == undone
    for again in (event, undone):
        with pytest.raises(LabelError, match="undone already"):
            undo_event(event=again, user=None)
    assert labels_of(dataset) == {}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "at least one"),
        (["A", "B", "A "], "named twice"),
        (["A;B"], "without comma and semicolon"),
        (["A,B"], "without comma and semicolon"),
        (["  "], "needs a name"),
        (["A\nB"], "needs a name"),
        ([f"class {n}" for n in range(63)], "too many"),
    ],
)
def test_classes_that_could_not_be_told_apart_are_refused(
    dataset: Dataset, names: list[str], words: str
) -> None:
    with pytest.raises(LabelError, match=words):
        create_scheme(dataset=dataset, names=names)


def test_the_62nd_class_fits_into_a_mask_and_no_further_one(dataset: Dataset) -> None:
    scheme = create_scheme(dataset=dataset, names=[f"class {n}" for n in range(61)])
    add_class(scheme=scheme, name="last")
    label_frames(dataset=dataset, frames=np.array([0]), operation="set", classes=["last", "class 0"])
    assert labels_of(dataset) == {0: ["class 0", "last"]}
    with pytest.raises(LabelError, match="At most 62"):
        add_class(scheme=scheme, name="one more")
    with pytest.raises(LabelError, match="has classes already"):
        create_scheme(dataset=dataset)


def test_a_csv_makes_classes_and_one_event_for_each_set_of_them(dataset: Dataset, csv_file: Path) -> None:
    user = make_user("ada", dataset.group)
    assert import_labels_csv(dataset=dataset, file=csv_file, user=user) == 5
    assert dataset.scheme.names == ["Round", "Streak", "Empty"]
    assert dataset.scheme.exclusive == ["Empty"]
    assert labels_of(dataset) == {3: ["Round", "Streak"], 4: ["Round"], 9: ["Empty"], 11: [], 12: ["Round"]}
    assert sorted(LabelEvent.objects.values_list("n_frames", flat=True)) == [1, 1, 1, 2]
    assert set(LabelEvent.objects.values_list("scope", flat=True)) == {"imported from labels.csv"}


def test_the_same_csv_again_appends_nothing_even_under_another_name(dataset: Dataset, csv_file: Path) -> None:
    import_labels_csv(dataset=dataset, file=csv_file)
    upload = io.BytesIO(csv_file.read_bytes())
    upload.name = "other.csv"
    assert import_labels_csv(dataset=dataset, file=upload) == 5
    assert LabelEvent.objects.count() == 4


def test_the_same_csv_labels_another_data_set_too(dataset: Dataset, csv_file: Path) -> None:
    import_labels_csv(dataset=dataset, file=csv_file)
    other = Dataset.objects.create(group=dataset.group, name="run 8", n_frames=50)
    import_labels_csv(dataset=other, file=csv_file, single_label=False)
    assert labels_of(other) == labels_of(dataset)


def test_foreign_classes_come_by_name_and_a_byte_order_mark_is_no_harm(
    dataset: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes("﻿index,classes\r\n0,zebra\r\n1,ape\r\n".encode())
    import_labels_csv(dataset=dataset, file=path, single_label=True)
    assert dataset.scheme.names == ["ape", "zebra"]
    assert dataset.scheme.single_label


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: not the header"),
        ("frame,label\n1,Round\n", "line 1: not the header"),
        ("index,classes\n", "holds no labels"),
        ("index,classes\n1,Round\n50,Round\n", "line 3: there is no frame 50"),
        ("index,classes\n1,Round\n-1,Round\n", "line 3: “-1” is no frame number"),
        ("index,classes\n²,Round\n", "line 2: “²” is no frame number"),
        ("index,classes\n1,Round\n2,Bent\n1,Bent\n", "line 4: frame 1 has been labelled in line 2"),
        ("index,classes\n1,Round,Bent\n", "line 2: has 3 fields"),
        ('index,classes\n1,"Round\n', "line 2: is not valid CSV"),
        ("index,classes\n1,\n", "names no class"),
        (f"index,classes\n1,{'x' * 61}\n", "line 2: A class needs a name"),
        ("index,classes\n" + "9" * 5000 + ",Round\n", "line 2: there is no frame"),
    ],
)
def test_a_csv_that_is_wrong_is_refused_with_its_line_and_changes_nothing(
    dataset: Dataset, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(LabelError, match=words) as caught:
        import_labels_csv(dataset=dataset, file=path)
    assert str(caught.value).startswith("labels.csv")
    assert "\n" not in str(caught.value)
    assert not LabelEvent.objects.exists()
    assert not hasattr(Dataset.objects.get(pk=dataset.pk), "scheme")


def test_a_csv_with_a_class_that_the_data_set_has_not_names_line_and_remedy(
    dataset: Dataset, csv_file: Path
) -> None:
    create_scheme(dataset=dataset, names=["Round", "Empty"])
    with pytest.raises(
        LabelError, match=r"line 2: There is no class “Streak”.* Use the classes .*Round, Empty"
    ):
        import_labels_csv(dataset=dataset, file=csv_file)
    assert not LabelEvent.objects.exists()


def test_a_csv_with_two_classes_for_one_frame_is_refused_where_each_has_one(
    dataset: Dataset, csv_file: Path
) -> None:
    with pytest.raises(LabelError, match="line 2: Each frame has one class only"):
        import_labels_csv(dataset=dataset, file=csv_file, single_label=True)


def test_a_file_that_is_missing_or_no_text_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"none\.csv: cannot be read"):
        import_labels_csv(dataset=dataset, file=tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabelError, match="not text in UTF-8"):
        import_labels_csv(dataset=dataset, file=tmp_path / "binary.csv")


def test_labels_need_frames(csv_file: Path) -> None:
    draft = Dataset.objects.create(group=make_group(), name="draft")
    with pytest.raises(LabelError, match="no frames yet"):
        import_labels_csv(dataset=draft, file=csv_file)
