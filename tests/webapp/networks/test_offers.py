"""Networks of other data sets on the Learn page."""

import pytest
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset, make_user
from webapp.jobs.models import Job, Product
from webapp.portal.line import line_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def network(group):
    return make_sorted_dataset(group, 300, "run 6").products.get(kind="learn")


@pytest.fixture
def dataset(group):
    """A data set whose frames are condensed, and no more."""
    dataset = make_sorted_dataset(group, 300, "run 7")
    Product.objects.filter(dataset=dataset, kind__in=("learn", "embed", "cluster", "project")).delete()
    return dataset


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


def page(client, dataset, **query):
    answer = client.get(reverse("networks:dataset-learn", args=[dataset.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_learn_page_offers_networks_of_other_data_sets_with_two_ways(signed_in, dataset, network):
    text = page(signed_in, dataset)
    assert f"Cluster with this network: {network}" in text
    assert f"?start={network.pk}#again" in text
    begun = page(signed_in, dataset, start=network.pk)
    assert f'<option value="{network.pk}" selected>' in begun


def test_one_click_embeds_clusters_and_draws_the_map_without_a_training(signed_in, dataset, network):
    answer = signed_in.post(reverse("explore:latents-use", args=[dataset.pk]), {"network": network.pk})
    assert answer.url == reverse("explore:dataset-clusters", args=[dataset.pk])
    kinds = sorted(Job.objects.values_list("kind", flat=True))
    assert kinds == ["cluster", "embed", "gallery", "project"]
    assert Job.objects.get(kind="embed").inputs["network"] == str(network.pk)


def test_with_its_latents_the_step_learn_is_done(dataset, network):
    def state():
        return next(step for step in line_of(dataset) if step.place.name == "learn").state

    assert state() in ("later", "next")
    inputs = {"condensation": dataset.products.get(kind="condense"), "network": network}
    make_product(dataset, "embed", lambda out: None, {"n_frames": 300}, inputs)
    assert state() == "done"


def test_a_network_of_another_group_is_not_there(signed_in, dataset):
    foreign = make_sorted_dataset(make_group("other"), 300, "theirs").products.get(kind="learn")
    url = reverse("explore:latents-use", args=[dataset.pk])
    assert signed_in.post(url, {"network": foreign.pk}).status_code == 404
    assert signed_in.post(url, {"network": "x"}).status_code == 404
    assert "theirs" not in page(signed_in, dataset)
    assert not Job.objects.exists()


def test_frames_that_are_not_condensed_are_said_to_be_missing(signed_in, group, network):
    bare = make_dataset(group, 300, "bare")
    signed_in.post(reverse("explore:latents-use", args=[bare.pk]), {"network": network.pk})
    assert "not condensed yet" in page(signed_in, bare)
    assert "Cluster with this network: " not in page(signed_in, bare)
