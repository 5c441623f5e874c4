"""Reading clusters anew, as the clusters page asks for it: what is found, said and refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import (
    CHOICE,
    MOST_NEIGHBOURS,
    make_group,
    make_product,
    make_sorted_dataset,
    make_user,
)
from webapp.datasets.columns import columns_of
from webapp.datasets.lineage import choose_clustering, newest
from webapp.datasets.models import Dataset
from webapp.explore.clusterings import readings_of, root_of, sweeps_of, whole_of, with_tree_for
from webapp.explore.recluster import cluster_again
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job, product_key
from webapp.portal.line import line_of
from webapp.portal.services import sort_dataset

pytestmark = pytest.mark.django_db
N = 70


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def first(dataset: Dataset) -> Product:
    return dataset.products.get(kind="cluster")


def sign_in(dataset: Dataset, role: str = "member") -> Client:
    client = Client()
    client.force_login(make_user(role, dataset.group, role=role))
    return client


def url_of(name: str, dataset: Dataset) -> str:
    return reverse(f"explore:{name}", args=[dataset.pk])


def ask(client: Client, dataset: Dataset, **given: Any) -> Any:
    clustering = given.pop("clustering", None) or newest(dataset, "cluster").pk
    return client.post(url_of("cluster-again", dataset), {"clustering": clustering, **given})


def read_anew(earlier: Product, choice: dict[str, Any], within: int | None = None, **recipe: Any) -> Product:
    """Add what a worker makes of a job that reads clusters anew."""
    inputs = {"clustering": earlier, **{name: earlier.input(name) for name in ("embedding", "network")}}
    facts = {"n_clusters": 3, "n_noise": 9, "choice": choice}

    def write(out: Path) -> None:
        shutil.copytree(earlier.folder, out, dirs_exist_ok=True)

    params = {"recipe": recipe, "within": within}
    return make_product(earlier.dataset, "cluster", write, facts, inputs, params)


def test_other_settings_make_a_job_of_the_tree_and_the_report_waits_for_it(dataset, first):
    answer = ask(sign_in(dataset), dataset, min_cluster_size=12, min_samples=7, method="leaf")
    assert answer.url == url_of("dataset-clusters", dataset) + "#cluster-again"
    job = Job.objects.get(kind="recluster")
    assert job.params == {
        "recipe": {"min_cluster_size": 12, "min_samples": 7, "method": "leaf"},
        "within": None,
    }
    parents = {"clustering": first, "embedding": first.input("embedding"), "network": first.input("network")}
    assert job.inputs == {name: str(product.pk) for name, product in parents.items()}
    assert job.key == product_key("recluster", parents, job.params)
    report = Job.objects.get(kind="nuisance")
    assert report.inputs["clustering"] == str(job.result_id)
    assert job in report.after.all()


def test_what_is_left_empty_or_open_is_no_part_of_the_key(dataset, first):
    member = sign_in(dataset)
    ask(member, dataset, min_cluster_size="", min_samples=7, method="auto")
    ask(member, dataset, min_samples=7)
    assert [job.params["recipe"] for job in Job.objects.filter(kind="recluster")] == [{"min_samples": 7}]


def test_the_settings_of_the_root_lead_back_to_it_without_a_job(dataset, first):
    again = read_anew(
        first, {"min_cluster_size": 12, "min_samples": 5, "method": "leaf"}, min_cluster_size=12
    )
    assert newest(dataset, "cluster") == again
    asked = {name: CHOICE[name] for name in ("min_cluster_size", "min_samples", "method")}
    member = sign_in(dataset)
    for given in (asked, {}):
        choose_clustering(dataset=dataset, clustering=again.pk)
        assert ask(member, dataset, clustering=again.pk, **given).url == url_of("dataset-clusters", dataset)
        dataset.refresh_from_db()
        assert newest(dataset, "cluster") == first
    assert not Job.objects.filter(kind="recluster").exists()


def test_the_same_settings_are_found_from_wherever_one_stands(dataset, first):
    handle = cluster_again(clustering=first, recipe={"min_samples": 7})
    other = read_anew(first, {"min_cluster_size": 12}, min_cluster_size=12)
    assert cluster_again(clustering=other, recipe={"min_samples": 7}) == handle
    # One cluster of these and of those are different frames.
    within = [cluster_again(clustering=each, recipe={}, within=1).job.pk for each in (first, other)]
    assert within[0] != within[1]


def test_a_cluster_is_looked_into_where_it_was_seen(dataset, first):
    other = read_anew(first, {"min_cluster_size": 12}, min_cluster_size=12)
    ask(sign_in(dataset), dataset, clustering=other.pk, within=1)
    job = Job.objects.get(kind="recluster")
    assert job.params == {"recipe": {}, "within": 1}
    assert job.inputs["clustering"] == str(other.pk)


@pytest.mark.parametrize(
    ("given", "field", "line"),
    [
        ({"min_cluster_size": 1}, "min_cluster_size", "greater than or equal to 2"),
        ({"min_cluster_size": 36}, "min_cluster_size", "at most 35"),
        ({"min_cluster_size": "many"}, "min_cluster_size", "whole number"),
        ({"min_samples": MOST_NEIGHBOURS + 1}, "min_samples", f"at most {MOST_NEIGHBOURS}"),
        ({"min_samples": 0}, "min_samples", "greater than or equal to 1"),
        ({"method": "kmeans"}, "method", "not one of the available choices"),
        ({"within": 77}, "within", "no cluster 77"),
        ({"within": -1}, "within", "no cluster -1"),
        ({"within": 0, "min_samples": 100}, "min_samples", "at most"),
    ],
)
def test_bad_input_is_one_line_at_its_field_and_no_job(dataset, first, given, field, line):
    answer = ask(sign_in(dataset), dataset, **given)
    assert answer.status_code == 422
    [said] = answer.context["form"].errors[field]
    assert line in said
    text = answer.content.decode()
    assert f'id="again-{field}-error"' in text
    assert text.count("aria-invalid") == 1
    assert not Job.objects.exists()


def test_the_form_holds_the_settings_of_the_clusters_shown(dataset, first):
    form = sign_in(dataset).get(url_of("dataset-clusters", dataset)).context["form"]
    assert form.initial == {"min_cluster_size": 10, "min_samples": 5, "method": "eom"}
    parts = read_anew(first, {"min_cluster_size": 3, "within": 0, "n_parts": 2}, within=0)
    page = Client()
    page.force_login(make_user("grace", dataset.group))
    assert page.get(url_of("dataset-clusters", dataset)).context["form"].initial == form.initial
    assert whole_of(parts) == first


def test_sizes_of_a_sample_are_told_and_asked_for_in_frames_of_the_data_set(dataset, first):
    Product.objects.filter(pk=first.pk).update(facts=first.facts | {"n_fitted": N // 2})
    page = sign_in(dataset).get(url_of("dataset-clusters", dataset))
    assert page.context["form"].initial["min_cluster_size"] == 20
    assert [trial.settings.min_cluster_size for trial in page.context["sweeps"][0].trials] == [20, 20, 40]


def test_the_sweep_says_what_was_tried_and_each_row_can_be_taken(dataset, first):
    member = sign_in(dataset)
    page = member.get(url_of("dataset-clusters", dataset))
    [sweep] = page.context["sweeps"]
    assert [(trial.is_chosen, trial.is_shown) for trial in sweep.trials] == [
        (True, True),
        *[(False, False)] * 2,
    ]
    text = page.content.decode()
    assert "Of 3 settings the best." in text
    assert text.count("Take this") == 2
    taken = {name: getattr(sweep.trials[1].settings, name) for name in ("min_cluster_size", "min_samples")}
    ask(member, dataset, method=sweep.trials[1].settings.method, **taken)
    assert Job.objects.get(kind="recluster").params["recipe"] == {
        "min_cluster_size": 10,
        "min_samples": 5,
        "method": "leaf",
    }


def test_a_cluster_looked_into_brings_its_own_sweep(dataset, first):
    choice = CHOICE | {"within": 1, "n_parts": 3}
    parts = read_anew(first, choice, within=1)
    inner, outer = sweeps_of(parts)
    assert (inner.clustering, inner.within) == (first.pk, 1)
    assert outer.within is None
    assert not any(trial.is_shown for trial in outer.trials), "so that one can go back to each of them"
    words = [reading.words for reading in readings_of(dataset, parts, parts)]
    assert words == [
        "Cluster 1 looked into: 3 parts",
        "at least 10 frames, 5 neighbours, few and stable clusters (chosen among 3)",
    ]


def test_the_newest_clusters_are_shown_until_somebody_goes_on_from_others(dataset, first):
    again = read_anew(
        first, {"min_cluster_size": 12, "min_samples": 5, "method": "leaf"}, min_cluster_size=12
    )
    member, page = sign_in(dataset), url_of("dataset-clusters", dataset)
    assert member.get(page).context["shown"] == again
    looked_at = member.get(page, {"clustering": first.pk})
    assert looked_at.context["shown"] == first
    assert looked_at.context["page"]["clustering"] == str(first.pk)
    assert "Not current:" in looked_at.content.decode()
    assert "Not current:" not in member.get(page).content.decode()
    assert member.get(page).context["shown"] == again, "to look is not to choose"
    assert member.post(url_of("clustering-choose", dataset), {"clustering": first.pk}).url == page
    dataset.refresh_from_db()
    assert columns_of(dataset).products["cluster"] == first
    assert newest(dataset, "cluster") == first


def test_clusters_read_anew_are_not_stale_and_those_chosen_bring_their_manifest(dataset, first):
    manifest = make_product(
        dataset, "manifest", write_nothing, {}, {"clustering": first}, {"labels_as_of": 0}
    )
    again = read_anew(first, {"min_cluster_size": 12}, min_cluster_size=12)
    states = {step.place.name: step.state for step in line_of(dataset)}
    assert (states["clusters"], states["download"]) == ("done", "stale")
    newer = make_product(dataset, "manifest", write_nothing, {}, {"clustering": again}, {"labels_as_of": 0})
    choose_clustering(dataset=dataset, clustering=first.pk)
    assert newest(dataset, "manifest") == manifest
    assert {step.place.name: step.state for step in line_of(dataset)}["download"] == "done"
    choose_clustering(dataset=dataset, clustering=again.pk)
    assert newest(dataset, "manifest") == newer


def write_nothing(folder: Path) -> None:
    (folder / "x").write_bytes(b"x")


def test_sorting_goes_on_from_clusters_that_were_read_anew(dataset):
    line = sort_dataset(dataset=dataset)  # its jobs have yet to run; the clusters are added by hand
    root = make_product(
        dataset,
        "cluster",
        write_nothing,
        {"n_clusters": 2},
        {},
    )
    Product.objects.filter(pk=root.pk).update(
        key=line.clustering.key, inputs={"embedding": str(line.embedding.id), "network": str(line.network.id)}
    )
    again = make_product(dataset, "cluster", write_nothing, {"n_clusters": 3}, {"clustering": root})
    assert root_of(again) == root
    assert sort_dataset(dataset=dataset).clustering.id == again.pk
    choose_clustering(dataset=dataset, clustering=root.pk)
    assert sort_dataset(dataset=dataset).clustering.id == root.pk


def test_a_page_that_waits_is_told_how_it_ended(dataset, first):
    member, status = sign_in(dataset), url_of("again-status", dataset)
    assert "hx-trigger" not in member.get(status).content.decode()
    ask(member, dataset, min_samples=7)
    job = Job.objects.get(kind="recluster")
    waiting = member.get(status).content.decode()
    assert "as soon as a worker is free" in waiting
    assert f"was={job.pk}" in waiting
    assert waiting in member.get(url_of("dataset-clusters", dataset)).content.decode()
    Job.objects.filter(pk=job.pk).update(state=State.RUNNING)
    job.shards.update(state=State.RUNNING, note="choosing clusters", done=3, total=12)
    assert "choosing clusters" in member.get(status).content.decode()
    assert 'value="25"' in member.get(status).content.decode()
    Job.objects.filter(pk=job.pk).update(state=State.SUCCEEDED)
    ended = member.get(status, {"was": job.pk})
    assert "The new clusters are there" in ended.content.decode()
    assert ended["HX-Trigger"] == "clusters-ready"
    assert "hx-trigger" not in ended.content.decode()
    assert "new clusters" not in member.get(status).content.decode(), "who did not wait has them already"


def test_a_reading_that_failed_says_why_until_another_is_asked_for(dataset, first):
    member = sign_in(dataset)
    ask(member, dataset, min_samples=7)
    end_job(Job.objects.get(kind="recluster"), State.FAILED, "min_samples 7: too many. Choose fewer.")
    page = member.get(url_of("dataset-clusters", dataset)).content.decode()
    assert "min_samples 7: too many. Choose fewer." in page
    ask(member, dataset, min_samples=6)
    assert "too many" not in member.get(url_of("dataset-clusters", dataset)).content.decode()


def test_clusters_whose_tree_was_not_kept_say_so_and_are_not_read(dataset, first):
    shutil.rmtree(first.folder / "density")
    member = sign_in(dataset)
    page = member.get(url_of("dataset-clusters", dataset))
    assert page.context["form"] is None
    assert "cannot be read anew" in page.content.decode()
    assert "Look into this cluster" not in page.content.decode()
    assert ask(member, dataset, min_samples=7).status_code == 302
    assert not Job.objects.exists()


def test_a_tree_that_was_connected_for_another_reading_serves_the_next(dataset, first):
    again = read_anew(first, {"min_cluster_size": 12, "min_samples": 9}, min_samples=9)
    np.save(again.folder / "density" / "ends-9.npy", np.zeros((1, 2), np.int32))
    assert with_tree_for(first, 9) == again
    assert with_tree_for(first, 8) == first
    assert with_tree_for(first, None) == first


def test_viewers_look_and_compare_but_change_nothing(dataset, first):
    read_anew(first, {"min_cluster_size": 12}, min_cluster_size=12)
    viewer = sign_in(dataset, "viewer")
    text = viewer.get(url_of("dataset-clusters", dataset), {"clustering": first.pk}).content.decode()
    assert "All clusterings of this data set" in text
    for control in (
        "Take this",
        "Go on from these",
        "Look into this cluster",
        url_of("cluster-again", dataset),
    ):
        assert control not in text
    assert ask(viewer, dataset, min_samples=7).status_code == 403
    assert viewer.post(url_of("clustering-choose", dataset), {"clustering": first.pk}).status_code == 403
    assert not Job.objects.exists()


def test_people_of_other_groups_find_nothing(dataset, first):
    other = make_sorted_dataset(make_group("another"), N)
    stranger = Client()
    stranger.force_login(make_user("stranger", other.group))
    assert ask(stranger, dataset, clustering=first.pk).status_code == 404
    assert stranger.get(url_of("again-status", dataset)).status_code == 404
    assert stranger.post(url_of("clustering-choose", dataset), {"clustering": first.pk}).status_code == 404
    for named in (first.pk, "x"):
        assert ask(stranger, other, clustering=named).status_code == 404
        assert stranger.get(url_of("dataset-clusters", other), {"clustering": named}).status_code == 404
    chosen = stranger.post(url_of("clustering-choose", other), {"clustering": first.pk})
    assert chosen.status_code == 404
    assert not Job.objects.exists()
