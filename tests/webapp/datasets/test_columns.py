"""The columns of a data set's products."""

import uuid

import numpy as np
import pytest

from tests.webapp.factories import (
    draw_frames,
    make_classified,
    make_dataset,
    make_group,
    make_product,
    make_sorted_dataset,
)
from webapp.datasets.columns import columns_of

pytestmark = pytest.mark.django_db


def test_columns_are_memory_mapped_and_hold_what_the_steps_wrote() -> None:
    columns, drawn = columns_of(make_sorted_dataset(make_group(), 60)), draw_frames(60)
    assert isinstance(columns.latents, np.memmap)
    assert isinstance(columns.condensed, np.memmap)
    np.testing.assert_array_equal(columns.clusters, drawn.labels)
    np.testing.assert_array_equal(columns.positions, drawn.positions)
    assert columns.physics("total").shape == (60,)


def test_a_data_set_that_is_not_sorted_has_no_columns() -> None:
    columns = columns_of(make_dataset(make_group(), 7))
    assert (columns.condensed, columns.clusters, columns.positions, columns.classifier) == (None,) * 4
    assert columns.n_frames == 7
    assert columns.identity(0) == {}


def test_the_row_of_a_frame_leads_back_to_its_source() -> None:
    dataset = make_sorted_dataset(make_group(), 30)
    row = columns_of(dataset).identity(17)
    assert (row["index"], row["source_index"], row["train_id"], row["pulse_id"]) == (17, 17, 10_000_017, None)
    assert row["source"] == dataset.source_files.get().path


def test_a_newer_clustering_is_taken_and_an_older_one_can_be_named() -> None:
    dataset = make_sorted_dataset(make_group(), 20)
    old = dataset.products.get(kind="cluster")
    inputs = {"embedding": old.input("embedding"), "network": old.input("network")}
    newer = make_product(
        dataset, "cluster", lambda out: np.save(out / "labels.npy", np.zeros(20, np.int32)), {}, inputs
    )
    assert columns_of(dataset).products["cluster"] == newer
    assert columns_of(dataset, clustering=old.pk).products["cluster"] == old
    assert columns_of(dataset, clustering=uuid.uuid4()) is None


def test_a_map_of_other_latents_than_those_clustered_is_passed_over() -> None:
    dataset = make_sorted_dataset(make_group(), 20)
    drawn = dataset.products.get(kind="project")
    network = dataset.products.get(kind="learn")
    embedding = make_product(
        dataset,
        "embed",
        lambda out: np.save(out / "latents.npy", np.zeros((20, 3), "f4")),
        {},
        {"network": network},
    )
    make_product(
        dataset,
        "project",
        lambda out: np.save(out / "map.npy", np.ones((20, 2), "f4")),
        {},
        {"embedding": embedding},
    )
    columns = columns_of(dataset)
    assert columns.products["project"] == drawn
    assert columns.latents.shape == (20, 10)


def test_a_column_of_another_length_counts_as_missing() -> None:
    dataset = make_sorted_dataset(make_group(), 20)
    make_product(dataset, "cluster", lambda out: np.save(out / "labels.npy", np.zeros(19, np.int32)))
    assert columns_of(dataset).clusters is None


def test_a_classification_names_its_classifier() -> None:
    dataset = make_sorted_dataset(make_group(), 20)
    classification = make_classified(dataset)
    columns = columns_of(dataset)
    assert columns.classifier == classification.input("network")
    assert columns.class_probabilities.shape == (20, 4)
