"""Asking again with changes: every form is filled with what its kind of job was given."""

import numpy as np
import pytest
from django.urls import reverse

from tests.webapp.factories import (
    KIND_NAMES,
    make_classified,
    make_dataset,
    make_group,
    make_sorted_dataset,
    make_user,
)
from webapp.jobs.again import again_url
from webapp.jobs.models import Job, State
from webapp.jobs.services import Handle, end_job, submit
from webapp.labels.services import create_scheme, label_frames
from webapp.manifests.forms import PUBLISHED
from workers.science import classifier_recipe

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    return make_sorted_dataset(make_group(), 200)


@pytest.fixture
def signed_in(client, dataset):
    client.force_login(make_user("ada", dataset.group))
    return client


def ask(dataset, kind, *inputs, **params):
    products = {name: Handle.of(dataset.products.get(kind=made)) for name, made in inputs}
    job = submit(kind=kind, group=dataset.group, dataset=dataset, inputs=products, params=params).job
    end_job(job, State.FAILED, "The disk is full.")
    return job


def form_of(client, job):
    """Follow the button of the job's page; return the form and what it begins with."""
    url = again_url(job)
    page = client.get(reverse("jobs:job-detail", args=[job.pk])).content.decode()
    assert f'href="{url.replace("&", "&amp;")}"' in page
    answer = client.get(url)
    assert answer.status_code == 200
    assert "Filled with the settings of" in answer.content.decode()
    form = answer.context["form"]
    return answer, {field.name: field.value() for field in form}


def test_a_training_is_asked_for_again_with_its_settings_and_those_without_a_field(signed_in, dataset):
    job = ask(
        dataset,
        "learn",
        ("condensation", "condense"),
        ("start_from", "learn"),
        recipe={"n_steps": 70, "gamma": 4.0},
        seed=9,
    )
    answer, values = form_of(signed_in, job)
    assert (values["seed"], values["n_steps"]) == (9, 70)
    assert str(values["start_from"]) == str(dataset.products.get(kind="learn").pk)
    assert "gamma = 4.0" in answer.content.decode()
    changed = {"again": job.pk, "seed": 9, "n_steps": 80}
    signed_in.post(reverse("networks:dataset-learn", args=[dataset.pk]), changed)
    assert Job.objects.first().params == {"recipe": {"n_steps": 80, "gamma": 4.0}, "seed": 9}


def test_clusters_are_asked_for_again_from_the_same_tree_and_open_settings_stay_open(signed_in, dataset):
    inputs = (("clustering", "cluster"), ("embedding", "embed"), ("network", "learn"))
    job = ask(dataset, "recluster", *inputs, recipe={"min_samples": 3}, within=1)
    answer, values = form_of(signed_in, job)
    assert (values["min_samples"], values["min_cluster_size"], values["within"]) == (3, None, 1)
    assert answer.context["shown"].pk == dataset.products.get(kind="cluster").pk


def test_a_classifier_is_asked_for_again_with_changes(signed_in, dataset):
    create_scheme(dataset=dataset, names=KIND_NAMES)
    label_frames(dataset=dataset, frames=np.arange(20), operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=np.arange(20, 40), operation="set", classes=["Streak"])
    make_classified(dataset)
    job = ask(
        dataset,
        "train",
        ("condensation", "condense"),
        recipe={"shapes": False, "residual": True, "n_steps": 50, "width": 8},
        seed=2,
        labels_as_of=1,
    )
    _, values = form_of(signed_in, job)
    assert (values["seed"], values["n_steps"], values["weight_decay"]) == (2, 50, None)
    assert values["experts"] == "residual"
    url = reverse("manifests:dataset-train", args=[dataset.pk])
    given = {"again": job.pk, "seed": 2, "experts": "both"}
    assert signed_in.post(url, given | {"n_steps": 0}).status_code == 422
    assert signed_in.post(url, given | {"experts": "magic"}).status_code == 422
    signed_in.post(url, given | {"n_steps": 60, "learning_rate": 0.001})
    params = Job.objects.filter(kind="train").first().params
    assert params["recipe"] == {"width": 8, "residual": True, "n_steps": 60, "learning_rate": 0.001}
    assert params["seed"] == 2


def test_a_condensation_is_asked_for_again_with_its_recipe(signed_in, dataset):
    recipe = {"crop": 40.0, "find_hot": False, "hole_radius": 3.0}
    job = ask(dataset, "condense", ("source", "inspect"), ("index", "index"), recipe=recipe)
    _, values = form_of(signed_in, job)
    assert (values["crop"], values["find_hot"], values["find_dead"], values["hole_radius"]) == (
        40.0,
        False,
        True,
        3.0,
    )


def test_a_job_of_another_group_fills_no_form(signed_in, dataset):
    other = make_dataset(make_group("other"), 20)
    theirs = submit(kind="learn", group=other.group, dataset=other, params={"seed": 77}).job
    url = reverse("networks:dataset-learn", args=[dataset.pk])
    for named in (theirs.pk, "no-uuid"):
        answer = signed_in.get(f"{url}?again={named}")
        assert answer.status_code == 200
        assert "Filled with" not in answer.content.decode()


def test_kinds_without_a_form_and_viewers_are_not_offered_it(signed_in, client, dataset):
    assert again_url(ask(dataset, "index")) == ""
    job = ask(dataset, "learn", ("condensation", "condense"), seed=5)
    client.force_login(make_user("bob", dataset.group, role="viewer"))
    assert 'id="ask-again"' not in client.get(reverse("jobs:job-detail", args=[job.pk])).content.decode()


def test_the_published_network_is_offered_with_the_settings_of_its_recipe(signed_in, dataset):
    assert PUBLISHED == classifier_recipe.PUBLISHED
    create_scheme(dataset=dataset, names=KIND_NAMES)
    label_frames(dataset=dataset, frames=np.arange(20), operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=np.arange(20, 40), operation="set", classes=["Streak"])
    make_classified(dataset)
    job = ask(dataset, "train", ("condensation", "condense"), recipe=PUBLISHED, seed=0, labels_as_of=1)
    _, values = form_of(signed_in, job)
    assert (values["experts"], values["n_steps"]) == ("published", None)
    url = reverse("manifests:dataset-train", args=[dataset.pk])
    signed_in.post(url, {"again": job.pk, "seed": 1, "experts": "published", "n_steps": 500})
    recipe = Job.objects.filter(kind="train").first().params["recipe"]
    assert recipe == PUBLISHED | {"n_steps": 500}
