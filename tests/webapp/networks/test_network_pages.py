import json

import numpy as np
import pytest
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset, make_user
from webapp.jobs.lifecycle import Claim
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job, submit
from webapp.networks.selectors import heat_rows, traversal_table
from workers.tasks.calls import arguments_of

pytestmark = pytest.mark.django_db
CLASSES = ["Prolate", "Streak"]
METRICS = {
    "n_frames": 40,
    "macro_f1": 0.6712,
    "macro_average_precision": 0.7,
    "mcc": 0.61,
    "constant_macro_f1": 0.167,
    "per_class": [
        {
            "class": name,
            "f1": 0.5,
            "precision": 0.25,
            "recall": None,
            "average_precision": 0.875,
            "mcc": 0.3,
            "support": 11,
            "decided": 12,
        }
        for name in CLASSES
    ],
    "confusion": [[9, 1], [0, 30]],
}


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def dataset(group):
    return make_sorted_dataset(group, 300)


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


def make_classifier(dataset, metrics=METRICS):
    card = {"kind": "classifier", "recipe": {"width": 16}, "seed": 3, "versions": {"torch": "2"}}
    card |= {"data": {"n_frames": 300, "sha256": "ab" * 32}, "n_steps": 40, "seconds": 9.0}
    card |= {"figures": {"metrics": metrics}, "classes": CLASSES, "single_label": False, "curve": []}
    return make_product(
        dataset,
        "train",
        lambda out: (out / "network.safetensors").write_bytes(b"weights"),
        card,
        {"condensation": dataset.products.get(kind="condense")},
        name="classifier of mine",
    )


def text_of(client, route, pk=None, **extra):
    answer = client.get(reverse(route, args=[pk] if pk else []), **extra)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_shows_the_figure_that_tells_most(signed_in, dataset):
    make_classifier(dataset)
    text = text_of(signed_in, "networks:network-list")
    assert '<span class="muted">macro-F1</span> <strong>0.671</strong>' in text
    assert '<span class="muted">active latents</span> <strong>8</strong>' in text


def test_the_page_of_a_classifier_shows_its_figures(signed_in, dataset):
    network = make_classifier(dataset)
    text = text_of(signed_in, "networks:network-detail", network.pk)
    for words in ("0.671", "One constant answer", "0.167", "0.875", "MCC", "shade-9"):
        assert words in text
    assert network.files["network.safetensors"]["sha256"] in text
    assert "accuracy" not in text.lower()


def test_the_page_of_a_classifier_says_how_certain_its_figures_are(signed_in, dataset):
    intervals = {
        "macro_f1": [0.61, 0.72],
        "mcc": [0.5, 0.6],
        "f1": [[0.8, 0.93]] + [None] * (len(CLASSES) - 1),
    }
    bins = [{"said": 0.1, "was": 0.12, "n": 400}, {"said": 0.9, "was": 0.84, "n": 100}]
    metrics = METRICS | {"intervals": intervals, "reliability": bins, "calibration_error": 0.028}
    network = make_classifier(dataset, metrics)
    network.facts["figures"]["doubtful_labels"] = [7, 3, 90]
    network.save()
    text = text_of(signed_in, "networks:network-detail", network.pk)
    for words in ("0.61 to 0.72", "0.80 to 0.93", "2.8 points on average", "was so in 84% of 100 answers"):
        assert words in text, words
    assert "mode=doubtful" in text
    assert "Look at 3 doubtful labels" in text
    assert "/frames/7/#why-title" in text


def test_a_classifier_without_figures_says_so(signed_in, dataset):
    text = text_of(signed_in, "networks:network-detail", make_classifier(dataset, None).pk)
    assert "Too few labels to hold some back" in text


def test_the_page_of_a_network_shows_curve_reconstructions_and_lineage(signed_in, dataset):
    network = dataset.products.get(kind="learn")
    text = text_of(signed_in, "networks:network-detail", network.pk)
    assert "<polyline" in text
    assert reverse("jobs:product-image", args=[network.pk, "reconstructions.png"]) in text
    assert "8 of 10 latents are active" in text
    assert f'Frames: <a href="{reverse("portal:dataset-detail", args=[dataset.pk])}">{dataset.name}' in text
    for made in ("Latents", "Clusters"):
        assert f"{made}: <a href" in text


def test_the_card_is_downloaded_as_it_is(signed_in, dataset):
    network = dataset.products.get(kind="learn")
    answer = signed_in.get(reverse("networks:network-card", args=[network.pk]))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(answer.content) == network.facts


def test_a_product_that_is_no_network_has_no_page_here(signed_in, dataset):
    index = dataset.products.get(kind="index")
    assert signed_in.get(reverse("networks:network-detail", args=[index.pk])).status_code == 404


def test_networks_of_others_are_not_found(client, dataset):
    network = dataset.products.get(kind="learn")
    client.force_login(make_user("eve", make_group("other")))
    for route in ("networks:network-detail", "networks:network-card"):
        assert client.get(reverse(route, args=[network.pk])).status_code == 404
    assert client.get(reverse("networks:dataset-learn", args=[dataset.pk])).status_code == 404
    assert network.name not in text_of(client, "networks:network-list")


def test_learning_again_asks_for_a_network_of_that_seed(signed_in, dataset):
    url = reverse("networks:dataset-learn", args=[dataset.pk])
    assert signed_in.post(url, {"seed": 4, "n_steps": 500}).url == url
    job = Job.objects.get()
    assert (job.kind, job.params) == ("learn", {"recipe": {"n_steps": 500}, "seed": 4})


def test_empty_fields_are_the_default_recipe(signed_in, dataset):
    url = reverse("networks:dataset-learn", args=[dataset.pk])
    signed_in.post(url, {"seed": 4, "n_steps": "", "patience": "", "start_from": ""})
    assert Job.objects.get().params["recipe"] == {}


def test_learning_may_stop_early_and_start_from_a_network_of_the_group(signed_in, dataset):
    network = dataset.products.get(kind="learn")
    url = reverse("networks:dataset-learn", args=[dataset.pk])
    signed_in.post(url, {"seed": 4, "patience": 5, "start_from": str(network.pk)})
    job = Job.objects.get()
    assert job.params["recipe"] == {"patience": 5}
    assert job.inputs["start_from"] == str(network.pk)
    claim = Claim(job.shards.get(), job, 1)
    assert arguments_of(claim)["start_from"] == str(network.folder)


def test_a_network_of_another_group_is_not_started_from(signed_in, dataset):
    other = make_sorted_dataset(make_group("other"), 300).products.get(kind="learn")
    url = reverse("networks:dataset-learn", args=[dataset.pk])
    assert signed_in.post(url, {"seed": 4, "start_from": str(other.pk)}).status_code == 422
    assert str(other.pk) not in text_of(signed_in, "networks:dataset-learn", dataset.pk)
    assert not Job.objects.exists()


def test_the_frames_along_each_latent_are_shown_and_lead_to_their_pages(signed_in, dataset):
    network = dataset.products.get(kind="learn")
    network.facts |= {"traversals": [{"latent": 0, "frames": [5, 6, 7, 8, 9]}], "ended": "all steps done"}
    network.facts["figures"] |= {"kl_per_latent": [1.25] + [0.0] * 9}
    network.save()
    text = text_of(signed_in, "networks:network-detail", network.pk)
    assert reverse("explore:frame-detail", args=[dataset.pk, 9]) in text
    assert 'alt="Frame 5, latent 0 at −2"' in text
    assert "1.25" in text
    assert "all steps done" in text


@pytest.mark.parametrize("fields", [{"seed": -1, "n_steps": 5}, {"seed": 1, "n_steps": 0}, {"seed": "x"}])
def test_impossible_numbers_are_refused(signed_in, dataset, fields):
    answer = signed_in.post(reverse("networks:dataset-learn", args=[dataset.pk]), fields)
    assert answer.status_code == 422
    assert not Job.objects.exists()


def test_a_viewer_does_not_learn(client, group, dataset):
    client.force_login(make_user("bob", group, role="viewer"))
    assert "n_steps" not in text_of(client, "networks:dataset-learn", dataset.pk).split("Recipe")[0]
    url = reverse("networks:dataset-learn", args=[dataset.pk])
    assert client.post(url, {"seed": 4, "n_steps": 500}).status_code == 403


def test_a_data_set_that_is_not_condensed_cannot_learn_yet(signed_in, group):
    dataset = make_dataset(group, 300)
    assert "have to be condensed first" in text_of(signed_in, "networks:dataset-learn", dataset.pk)
    signed_in.post(reverse("networks:dataset-learn", args=[dataset.pk]), {"seed": 4, "n_steps": 500})
    assert not Job.objects.exists()


def test_the_live_curve_polls_until_the_training_ends(signed_in, dataset):
    job = submit(kind="learn", group=dataset.group, dataset=dataset, params={"seed": 9}).job
    Job.objects.filter(pk=job.pk).update(
        state=State.RUNNING, curve=[{"step": 1, "kl": 2.0}, {"step": 2, "kl": 1.0}]
    )
    text = text_of(signed_in, "networks:dataset-learn", dataset.pk, HTTP_HX_REQUEST="true")
    assert "hx-get" in text
    assert "<polyline" in text
    job.refresh_from_db()
    end_job(job, State.FAILED, "The loss is no longer a number.")
    text = text_of(signed_in, "networks:dataset-learn", dataset.pk, HTTP_HX_REQUEST="true")
    assert "hx-get" not in text
    assert "The loss is no longer a number." in text


def test_an_old_failure_is_not_shown_beside_a_newer_network(signed_in, dataset):
    job = submit(kind="learn", group=dataset.group, dataset=dataset, params={"seed": 9}).job
    end_job(job, State.FAILED, "The loss is no longer a number.")
    newer = make_classifier(dataset)
    Product.objects.filter(kind="learn").update(created_at=newer.created_at)
    assert "no longer a number" not in text_of(signed_in, "networks:dataset-learn", dataset.pk)


def test_the_shades_of_the_confusion_follow_the_share_of_the_row():
    rows = heat_rows(METRICS, CLASSES)
    assert [[cell["shade"] for cell in row["cells"]] for row in rows] == [[8, 1], [0, 9]]
    assert heat_rows({"confusion": [[0, 0]]}, ["Empty"])[0]["cells"][0]["shade"] == 0


def test_frames_along_latents_are_found_where_an_older_card_names_none(dataset):
    network = dataset.products.get(kind="learn")
    Product.objects.filter(pk=network.pk).update(facts={**network.facts, "traversals": []})
    network.refresh_from_db()
    rows = {
        row["latent"]: [frame["index"] for frame in row["frames"]] for row in traversal_table(network)["rows"]
    }
    latents = np.load(dataset.products.get(kind="embed").folder / "latents.npy")[:, :8].astype(float)
    points = (latents - latents.mean(axis=0)) / latents.std(axis=0)
    assert sorted(rows) == list(range(8))
    for latent, frames in rows.items():
        for place, frame in zip((-2, -1, 0, 1, 2), frames, strict=True):
            aim = place * np.eye(8)[latent]
            assert frame == np.linalg.norm(points - aim, axis=1).argmin()
    dataset.products.filter(kind="embed").delete()
    assert traversal_table(network) is None
