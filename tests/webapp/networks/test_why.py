"""Why a frame got its class: who may ask, what is found again, and what is shown."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.explained import explain
from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from webapp.jobs.lifecycle import Claim
from webapp.jobs.models import Job, State
from webapp.jobs.results import result_url
from webapp.jobs.services import end_job
from workers.tasks.calls import arguments_of

pytestmark = pytest.mark.django_db
FRAME = 7
HTMX = {"HX-Request": "true"}


@pytest.fixture
def dataset():
    dataset = make_sorted_dataset(make_group(), n_frames=120)
    make_classified(dataset)
    return dataset


def signed_in(dataset, role: str = "member") -> Client:
    client = Client()
    client.force_login(make_user(f"ada the {role}", dataset.group, role=role))
    return client


def address(dataset, name: str = "why", frame: int = FRAME) -> str:
    return reverse(f"networks:frame-{name}", args=[dataset.pk, frame])


def test_asking_makes_one_job_for_the_frame_that_a_page_waits_for(dataset):
    client = signed_in(dataset)
    assert "Show what spoke for it" in client.get(address(dataset)).content.decode()
    for _ in range(2):
        text = client.post(address(dataset, "ask-why"), headers=HTMX).content.decode()
    assert "Looking for what spoke" in text
    assert 'hx-trigger="load delay:1s"' in text
    job = Job.objects.get(kind="explain")
    assert (job.kind_of.queue, job.params) == ("cpu", {"frame": FRAME})
    given = arguments_of(Claim(job.shards.get(), job, 1))
    products = {kind: dataset.products.get(kind=kind).folder for kind in ("condense", "train")}
    assert given["frame"] == FRAME
    assert given["condensed_dir"] == str(products["condense"])
    assert given["network_dir"] == str(products["train"])


def test_without_a_script_one_comes_back_to_the_frame(dataset):
    answer = signed_in(dataset).post(address(dataset, "ask-why"))
    assert answer.url == reverse("explore:frame-detail", args=[dataset.pk, FRAME]) + "#why"


def test_what_was_found_is_shown_with_the_decided_class_first_and_is_asked_for_no_more(dataset):
    product = explain(dataset, FRAME)
    client = signed_in(dataset)
    text = client.get(address(dataset)).content.decode()
    assert "hx-trigger" not in text
    first = text.split("<option")[1]
    assert "decided" in first
    assert "data-silent" in text.split("<option")[-1]
    client.post(address(dataset, "ask-why"), headers=HTMX)
    assert not Job.objects.filter(kind="explain").exists()
    heat = client.get(address(dataset, "heat"), {"place": 1, "of": product.pk})
    expected = np.load(product.folder / "heat.npy")[1]
    assert heat.content == expected.tobytes()
    assert "immutable" in heat["Cache-Control"]


def test_the_job_leads_to_the_frame(dataset):
    address = reverse("explore:frame-detail", args=[dataset.pk, FRAME])
    assert result_url(explain(dataset, FRAME)) == address + "#why-title"


def test_another_frame_and_a_newer_classifier_have_no_explanation_yet(dataset):
    explain(dataset, FRAME)
    client = signed_in(dataset)
    assert "Show what spoke for it" in client.get(address(dataset, frame=FRAME + 1)).content.decode()
    make_classified(dataset)
    assert "Show what spoke for it" in client.get(address(dataset)).content.decode()


def test_a_failure_is_said_and_can_be_asked_again(dataset):
    client = signed_in(dataset)
    client.post(address(dataset, "ask-why"), headers=HTMX)
    end_job(Job.objects.get(kind="explain"), State.FAILED, "The network is gone. Train again.")
    text = client.get(address(dataset)).content.decode()
    assert "The network is gone. Train again." in text
    assert "Ask again" in text
    assert "hx-trigger" not in text


def test_viewers_see_what_others_asked_for_and_cannot_ask(dataset):
    viewer = signed_in(dataset, "viewer")
    assert "You are a viewer" in viewer.get(address(dataset)).content.decode()
    assert viewer.post(address(dataset, "ask-why"), headers=HTMX).status_code == 403
    explain(dataset, FRAME)
    assert "data-why-class" in viewer.get(address(dataset)).content.decode()


@pytest.mark.parametrize("place", ["9", "-1", "x", ""])
def test_a_class_that_is_not_there_has_no_heat(dataset, place):
    explain(dataset, FRAME)
    assert signed_in(dataset).get(address(dataset, "heat"), {"place": place}).status_code == 404


def test_frames_that_nothing_has_sorted_are_not_explained():
    bare = make_sorted_dataset(make_group("another beam time"), n_frames=60)
    client = signed_in(bare)
    assert client.get(address(bare)).status_code == 404
    assert client.post(address(bare, "ask-why"), headers=HTMX).status_code == 404
    assert (
        'id="why-title"'
        not in client.get(reverse("explore:frame-detail", args=[bare.pk, 3])).content.decode()
    )
