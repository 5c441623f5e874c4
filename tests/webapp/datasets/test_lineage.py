import uuid

import pytest

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset
from webapp.datasets.columns import columns_of
from webapp.datasets.lineage import choose_condensation, newest, order_by_choice
from webapp.portal.line import line_of
from webapp.portal.selectors import newest_recipe

pytestmark = pytest.mark.django_db


def write_nothing(folder):
    (folder / "x").write_bytes(b"x")


@pytest.fixture
def dataset():
    return make_sorted_dataset(make_group(), 300)


@pytest.fixture
def older(dataset):
    return dataset.products.get(kind="condense")


@pytest.fixture
def again(dataset, older):
    """Condensed again with another recipe, after all the rest was made."""
    inputs = {"index": dataset.products.get(kind="index")}

    def write(out):
        for name in ("condensed.npy", "geometry.npz"):
            (out / name).write_bytes((older.folder / name).read_bytes())

    return make_product(dataset, "condense", write, older.facts, inputs, {"recipe": {"scale": "sqrt"}})


def states(dataset):
    return {step.place.name: step.state for step in line_of(dataset)}


def test_without_a_choice_the_newest_condensation_is_used_and_what_follows_is_stale(dataset, older, again):
    assert newest(dataset, "condense") == again
    assert columns_of(dataset).products["condense"] == again
    assert newest(dataset, "learn").inputs["condensation"] == str(older.pk)
    assert states(dataset)["learn"] == "stale"
    assert newest_recipe(dataset).condense == {"scale": "sqrt"}


def test_the_chosen_condensation_brings_its_own_results_back(dataset, older, again):
    choose_condensation(dataset=dataset, condensation=older.pk)
    dataset.refresh_from_db()
    assert newest(dataset, "condense") == older
    assert columns_of(dataset).products["condense"] == older
    assert states(dataset)["learn"] == "done"
    assert newest_recipe(dataset).condense == {}


def test_what_was_made_from_the_current_one_goes_before_what_is_newer(dataset, older, again):
    fresh = make_product(dataset, "learn", write_nothing, {}, {"condensation": again})
    make_product(dataset, "learn", write_nothing, {}, {"condensation": older}, {"seed": 3})
    assert newest(dataset, "learn") == fresh
    assert states(dataset)["learn"] == "done"
    assert states(dataset)["clusters"] == "stale"


def test_a_choice_that_is_not_there_falls_back_to_the_newest(dataset, again):
    choose_condensation(dataset=dataset, condensation=uuid.uuid4())
    assert newest(dataset, "condense") == again


def test_products_that_name_each_other_in_a_circle_end(dataset):
    rows = [{"id": 1, "kind": "learn", "inputs": {"a": 2}}, {"id": 2, "kind": "embed", "inputs": {"a": 1}}]
    rows += [{"id": number, "kind": "condense", "inputs": {}} for number in (3, 4)]
    assert [row["id"] for row in order_by_choice(rows, None)] == [1, 2, 3, 4]


def test_a_data_set_without_condensation_keeps_its_order():
    fresh = make_dataset(make_group("other"), 60, "run 8")
    assert newest(fresh, "inspect") is not None
    assert newest(fresh, "condense") is None
