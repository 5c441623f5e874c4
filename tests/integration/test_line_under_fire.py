"""The whole line while its workers are killed and Redis is emptied: everything ends, with the same result."""

import os
import signal

import numpy as np
import pyarrow.parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.integration.conftest import wait_until
from webapp.accounts.models import Group
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.services import inspect_source, match_frames, plan_condensation, register_dataset
from webapp.explore.recluster import cluster_again
from webapp.jobs.kinds import KINDS
from webapp.jobs.models import Job, Product, Shard, State
from webapp.jobs.services import cancel_job, submit
from webapp.labels.carry import ask_for_file_labels
from webapp.labels.label_files import ask_to_read
from webapp.labels.services import create_scheme, label_frames
from webapp.manifests.comparison import judge_here
from webapp.networks.applicability import see_which_fit
from webapp.networks.explanations import ask_why
from webapp.portal.follow import Follower
from webapp.portal.services import Recipe, sort_dataset
from webapp.supervisor.group import broker_client
from workers.science.network import load_tensors

SHORT = Recipe(seed=1, learn={"n_steps": 150}, train={"n_steps": 20})
NAMES = ("rings", "streaks", "twins", "wide")
LABELS = b'{"index": 5, "classes": "rings"}\n'


def register(path, name):
    """Register the file for a group of its own, so that nothing of another run is taken over."""
    group = Group.objects.create(name=name)
    return register_dataset(group=group, name=name, paths=[path], roots=[path.parent])


def label(dataset, classes):
    create_scheme(dataset=dataset, names=NAMES, exclusive=())
    for place, name in enumerate(NAMES):
        frames = np.flatnonzero(classes == np.unique(classes)[place])[:15]
        label_frames(dataset=dataset, frames=frames, operation="set", classes=[name])


def simulate(group, follower):
    """Simulate a few frames as a job; they are not sorted, only compared."""
    params = {"n_frames": 96, "shape": [64, 64], "seed": 2, "mix": "balanced"}
    handle = submit(kind="simulate", group=group, params=params)
    follower.follow([handle])
    return Product.objects.get(pk=handle.id)


def sort(dataset, classes, follower):
    """Submit the whole line of a data set, some of whose frames get labelled."""
    follower.follow([inspect_source(dataset=dataset)])
    dataset.refresh_from_db()
    label(dataset, classes)
    return sort_dataset(dataset=dataset, recipe=SHORT)


def array(handle, name):
    return np.load(Product.objects.get(pk=handle.id).path(name))


def assert_same_result(line, undisturbed):
    """Compare what both lines made, file by file; the trained ones to a tolerance."""
    frames = [
        pyarrow.parquet.read_table(Product.objects.get(pk=each.index.id).path("frames.parquet"))
        for each in (line, undisturbed)
    ]
    assert frames[0].equals(frames[1])
    same = [array(each.condensation, "condensed.npy") for each in (line, undisturbed)]
    assert np.array_equal(*same)
    for name in ("network", "classifier"):
        first, second = (
            load_tensors(Product.objects.get(pk=getattr(each, name).id).folder)
            for each in (line, undisturbed)
        )
        for key in first:
            np.testing.assert_allclose(first[key], second[key], rtol=1e-3, atol=1e-3, err_msg=f"{name} {key}")
    labels = [array(each.clustering, "labels.npy") for each in (line, undisturbed)]
    assert np.mean(labels[0] == labels[1]) > 0.98
    np.testing.assert_allclose(
        *(array(each.classification, "probabilities.npy") for each in (line, undisturbed)), atol=1e-2
    )


class Killer:
    """Kill the worker of a kind of job with SIGKILL while it works on a shard of it, once for each kind."""

    def __init__(self, kinds):
        self.left = set(kinds)
        self.killed = {}

    def __call__(self):
        for shard in Shard.objects.filter(state=State.RUNNING, job__kind__in=self.left).select_related("job"):
            pid = int(shard.worker.split(":")[1])
            os.kill(pid, signal.SIGKILL)
            self.left.discard(shard.job.kind)
            self.killed[shard.job.kind] = shard.pk


def beside_the_line(dataset, before, line):
    """Submit the kinds of job that no line needs, with the classifier of `before` as one of the group."""
    elsewhere = Product.objects.get(dataset=before, kind="train")
    Product.objects.filter(pk=elsewhere.pk).update(group=dataset.group)
    Dataset.objects.filter(pk=dataset.pk).update(relinked_from=before)
    dataset.refresh_from_db()
    source, clustering = (Product.objects.get(pk=handle.id) for handle in (line.source, line.clustering))
    anew = {"min_cluster_size": 12, "min_samples": 4, "method": "leaf"}
    return [
        plan_condensation(dataset=dataset, source=line.source, index=line.index, recipe={"size": 64}),
        match_frames(dataset=dataset, index=line.index),
        ask_for_file_labels(dataset=dataset, source=source),
        cluster_again(clustering=clustering, recipe=anew),
        see_which_fit(dataset=dataset),
        *judge_here(dataset=dataset, networks=[elsewhere]),
        ask_why(columns=columns_of(dataset), frame=3),
        ask_to_read(dataset=dataset, file=SimpleUploadedFile("labels.jsonl", LABELS)),
    ]


@pytest.mark.timeout(900)
def test_killed_workers_and_an_empty_redis_change_nothing(group, cxi_file):
    path, classes = cxi_file
    follower = Follower(tend=group.tend)
    plain_set = register(path, "undisturbed")
    plain_simulation = simulate(plain_set.group, follower)
    plain = sort(plain_set, classes, follower)
    follower.follow(plain.handles)

    killer, client, emptied = Killer(set(KINDS) - {"watch"}), broker_client(), set()

    def fire():
        killer()
        done = Job.objects.filter(group__name="under fire", state=State.SUCCEEDED).count()
        if done in (4, 6) and done not in emptied:
            client.flushall()
            emptied.add(done)
        group.tend()

    follower = Follower(tend=fire, pause_s=0.02)
    dataset = register(path, "under fire")
    simulation = simulate(dataset.group, follower)
    line = sort(dataset, classes, follower)
    assert line.network.job != plain.network.job

    ids = [handle.job.pk for handle in line.handles if handle.job]
    wait_until(
        lambda: not Job.objects.filter(pk__in=ids).exclude(state=State.SUCCEEDED).exists(),
        tend=fire,
        seconds=600,
    )
    others = beside_the_line(dataset, plain_set, line)
    wait_until(
        lambda: not Job.objects.active().filter(dataset=dataset).exists(), tend=fire, seconds=120, every=0.01
    )
    kinds = {Product.objects.get(pk=handle.id).kind for handle in others}
    beside = {"applicability", "judge", "explain", "label-file"}
    assert kinds == {"plan", "match", "file-labels", "cluster"} | beside
    assert killer.left == set()
    # What was killed at work was worked on again; a placeholder is replaced by the shards that it stood for.
    attempts = dict(Shard.objects.filter(pk__in=killer.killed.values()).values_list("job__kind", "attempt"))
    assert all(attempt >= 2 for attempt in attempts.values()), attempts
    assert emptied
    assert simulation.files["labels.csv"] == plain_simulation.files["labels.csv"]
    assert_same_result(line, plain)
    left_behind = [job.folder for job in Job.objects.filter(pk__in=ids) if job.folder.exists()]
    assert left_behind == []


@pytest.mark.timeout(300)
def test_a_worker_told_to_stop_gives_its_shard_back_at_once(group, cxi_file):
    path, _ = cxi_file
    follower = Follower(tend=group.tend)
    dataset = register(path, "handed back")
    follower.follow([inspect_source(dataset=dataset)])
    dataset.refresh_from_db()
    line = sort_dataset(dataset=dataset, recipe=Recipe(learn={"n_steps": 100_000}))
    learning = wait_until(
        lambda: Shard.objects.filter(job=line.network.job, state=State.RUNNING, done__gt=0).first(),
        tend=group.tend,
        seconds=120,
    )
    os.kill(int(learning.worker.split(":")[1]), signal.SIGTERM)
    again = wait_until(
        lambda: Shard.objects.filter(pk=learning.pk, state=State.RUNNING, attempt=2).first(),
        tend=group.tend,
        seconds=60,
    )
    assert again.losses == 0


@pytest.mark.timeout(300)
def test_cancelling_a_training_stops_it_and_what_was_to_follow(group, cxi_file):
    path, _ = cxi_file
    follower = Follower(tend=group.tend)
    dataset = register(path, "cancelled")
    follower.follow([inspect_source(dataset=dataset)])
    dataset.refresh_from_db()
    line = sort_dataset(dataset=dataset, recipe=Recipe(learn={"n_steps": 100_000}))
    wait_until(
        lambda: Shard.objects.filter(job=line.network.job, state=State.RUNNING, done__gt=0).exists(),
        tend=group.tend,
        seconds=120,
    )
    cancel_job(job=line.network.job)
    wait_until(
        lambda: Job.objects.get(pk=line.network.job.pk).state == State.CANCELLED, tend=group.tend, seconds=30
    )
    assert Job.objects.get(pk=line.manifest.job.pk).state == State.CANCELLED
    assert not Product.objects.filter(pk=line.network.id).exists()
