"""A sorted data set with labels and a classifier's answer, and a member of its group."""

import pytest
from django.test import Client

from tests.webapp.factories import make_group, make_sorted_dataset, make_user
from tests.webapp.manifests.products import classify, label_some
from webapp.datasets.models import Dataset


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_sorted_dataset(make_group(), n_frames=300)
    label_some(dataset)
    classify(dataset)
    return dataset


@pytest.fixture
def member(dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group))
    return client
