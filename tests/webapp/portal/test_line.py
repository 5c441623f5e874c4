from datetime import timedelta

import pytest
from django.utils import timezone

from tests.webapp.factories import (
    make_classified,
    make_dataset,
    make_group,
    make_product,
    make_sorted_dataset,
)
from webapp.datasets.cluster_operations import rename_cluster, undo_operation
from webapp.jobs.models import Product, State
from webapp.jobs.services import end_job, submit
from webapp.labels.models import LabelEvent
from webapp.portal.line import line_of, lines_of

pytestmark = pytest.mark.django_db


def states(dataset):
    return {step.place.name: step.state for step in line_of(dataset)}


def write_nothing(folder):
    (folder / "x").write_bytes(b"x")


def test_a_fresh_data_set_begins_with_data():
    dataset = make_dataset(make_group(), 300)
    assert states(dataset) == dict.fromkeys(["learn", "clusters", "label", "sort", "download"], "later") | {
        "data": "next"
    }


def test_after_the_clusters_labelling_comes_next():
    assert states(make_sorted_dataset(make_group(), 300)) == {
        "data": "done",
        "learn": "done",
        "clusters": "done",
        "label": "next",
        "sort": "later",
        "download": "later",
    }


def test_a_newer_network_makes_the_clusters_stale_but_not_itself():
    dataset = make_sorted_dataset(make_group(), 300)
    condensation = dataset.products.get(kind="condense")
    make_product(dataset, "learn", write_nothing, {}, {"condensation": condensation}, {"seed": 1})
    assert states(dataset)["learn"] == "done"
    assert states(dataset)["clusters"] == "stale"


def test_a_change_high_up_shows_far_below():
    dataset = make_sorted_dataset(make_group(), 300)
    inputs = {"clustering": dataset.products.get(kind="cluster")}
    make_product(dataset, "manifest", write_nothing, {}, inputs, {"labels_as_of": 0})
    assert states(dataset)["download"] == "done"
    index = dataset.products.get(kind="index")
    make_product(dataset, "condense", write_nothing, {}, {"index": index}, {"recipe": {"size": 96}})
    assert states(dataset)["data"] == "done"
    assert states(dataset)["learn"] == "stale"
    assert states(dataset)["download"] == "stale"


def test_labels_given_after_the_training_make_the_sorting_stale():
    dataset = make_sorted_dataset(make_group(), 300)
    make_classified(dataset)
    network = Product.objects.get(kind="train")
    event = LabelEvent.objects.create(dataset=dataset, operation="set", mask=1)
    network.params = {"labels_as_of": event.id}
    network.save()
    assert states(dataset)["label"] == "done"
    assert states(dataset)["sort"] == "done"
    LabelEvent.objects.create(dataset=dataset, operation="set", mask=2)
    assert states(dataset)["sort"] == "stale"


def test_a_cluster_that_was_renamed_since_makes_the_manifest_stale_until_the_name_is_taken_back():
    dataset = make_sorted_dataset(make_group(), 300)
    clustering = dataset.products.get(kind="cluster")
    inputs = {"index": dataset.products.get(kind="index"), "clustering": clustering}
    make_product(dataset, "manifest", write_nothing, {}, inputs)
    assert states(dataset)["download"] == "done"
    operation = rename_cluster(clustering=clustering, cluster=1, name="Rings")
    assert states(dataset)["download"] == "stale"
    undo_operation(operation=operation)
    assert states(dataset)["download"] == "done"


def test_a_running_job_fills_its_share_of_the_step():
    dataset = make_dataset(make_group(), 1000)
    job = submit(kind="learn", group=dataset.group, dataset=dataset).job
    assert states(dataset)["learn"] == "waiting"
    job.state = State.RUNNING
    job.save()
    job.shards.update(state=State.RUNNING, done=30, total=120)
    step = line_of(dataset)[1]
    assert (step.state, step.percent, step.words) == ("running", 25.0, "running, 25 %")
    assert "next" not in states(dataset).values()


def test_a_failed_job_shows_until_its_product_is_there():
    dataset = make_dataset(make_group(), 300)
    job = submit(kind="learn", group=dataset.group, dataset=dataset).job
    end_job(job, State.FAILED, "No.")
    assert states(dataset)["learn"] == "failed"
    make_product(dataset, "learn", write_nothing)
    assert states(dataset)["learn"] == "done"


def test_a_dry_run_of_frames_that_were_not_chosen_makes_nothing_stale():
    dataset = make_sorted_dataset(make_group(), 300)
    source = dataset.products.get(kind="inspect")
    source.params = {"dataset_path": dataset.dataset_path}
    source.save()
    other = make_product(dataset, "inspect", write_nothing, {}, {}, {"dataset_path": "/other"})
    assert other.created_at > source.created_at
    assert states(dataset)["data"] == "done"


def test_the_lines_of_many_data_sets_cost_as_many_queries_as_one(django_assert_num_queries):
    group = make_group()
    datasets = [make_dataset(group, 300, f"run {number}") for number in range(4)]
    with django_assert_num_queries(5):
        line_of(datasets[0])
    with django_assert_num_queries(5):
        assert len(lines_of(datasets)) == 4


def test_an_old_failure_is_forgotten_once_a_later_job_is_on_its_way():
    dataset = make_dataset(make_group(), 300)
    job = submit(kind="learn", group=dataset.group, dataset=dataset).job
    end_job(job, State.FAILED, "No.")
    type(job).objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=1))
    submit(kind="learn", group=dataset.group, dataset=dataset, params={"seed": 2})
    assert states(dataset)["learn"] == "waiting"
