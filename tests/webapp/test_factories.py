"""The factories make what the steps would make."""

import numpy as np
import pyarrow.parquet as parquet
import pytest

from tests.webapp.factories import make_classified, make_group, make_sorted_dataset

pytestmark = pytest.mark.django_db


def test_all_columns_of_a_sorted_data_set_share_one_length() -> None:
    dataset = make_sorted_dataset(make_group(), n_frames=300)
    folder = {product.kind: product.folder for product in dataset.products.all()}
    assert parquet.read_metadata(folder["index"] / "frames.parquet").num_rows == 300
    for kind, name in [
        ("condense", "condensed"),
        ("embed", "latents"),
        ("cluster", "labels"),
        ("project", "map"),
    ]:
        assert len(np.load(folder[kind] / f"{name}.npy")) == 300


def test_a_classification_knows_its_network() -> None:
    classification = make_classified(make_sorted_dataset(make_group(), n_frames=40))
    assert len(classification.input("network").facts["classes"]) == 4
    assert np.load(classification.path("probabilities.npy")).shape == (40, 4)
