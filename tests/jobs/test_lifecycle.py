"""The row is the job: claims, fencing, leases, cascades."""

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from webapp.accounts.models import Group
from webapp.datasets.models import Dataset
from webapp.jobs import lifecycle
from webapp.jobs.lifecycle import Order
from webapp.jobs.models import Job, Product, Shard, State
from webapp.jobs.services import Handle, cancel_job, retry_job, submit


@pytest.fixture
def group(db):
    return Group.objects.create(name="Beam time 1")


@pytest.fixture
def dataset(group):
    return Dataset.objects.create(group=group, name="run 1", n_frames=3000)


def submit_job(dataset, kind="simulate", **given):
    return submit(kind=kind, group=dataset.group, dataset=dataset, **given)


def made(claim, **result):
    """Publish a claimed shard as a worker does."""
    folder = settings.DATA_DIR / "products" / str(claim.shard.pk)
    Path(folder).mkdir(parents=True, exist_ok=True)
    return lifecycle.succeed(claim, result=result, folder=folder, files={})


def finish(dataset, kind, **facts):
    handle = submit_job(dataset, kind)
    assert made(lifecycle.claim_next(handle.job.kind_of.queue, "w"), **facts)
    return Handle(handle.id, handle.key)


def test_a_shard_is_claimed_once(dataset):
    handle = submit_job(dataset)
    first = lifecycle.claim_next("cpu", "a")
    assert first.job == handle.job
    assert first.attempt == 1
    assert lifecycle.claim_next("cpu", "b") is None
    handle.job.refresh_from_db()
    assert handle.job.state == State.RUNNING


def test_a_worker_gets_only_its_queue(dataset):
    submit_job(dataset)
    assert lifecycle.claim_next("gpu", "a") is None


def test_success_makes_the_product_under_the_announced_id(dataset):
    handle = submit_job(dataset)
    assert made(lifecycle.claim_next("cpu", "a"), n_frames=5)
    product = Product.objects.get(pk=handle.id)
    assert product.facts == {"n_frames": 5}
    handle.job.refresh_from_db()
    assert handle.job.state == State.SUCCEEDED


def test_the_same_request_is_found_and_not_computed_again(dataset):
    done = finish(dataset, "simulate")
    again = submit_job(dataset)
    assert again.id == done.id
    assert again.job is None


def test_the_same_request_joins_the_job_that_runs(dataset):
    assert submit_job(dataset).job == submit_job(dataset).job
    assert Job.objects.count() == 1


def test_another_parameter_is_another_job(dataset):
    assert submit_job(dataset, params={"seed": 1}).job != submit_job(dataset, params={"seed": 2}).job


def test_a_data_set_registered_twice_takes_over_what_is_there(dataset):
    finish(dataset, "simulate", n_frames=7)
    twin = Dataset.objects.create(group=dataset.group, name="again")
    handle = submit_job(twin)
    assert handle.job is None
    assert Product.objects.get(pk=handle.id).dataset == twin


def test_another_group_takes_over_nothing(dataset):
    finish(dataset, "simulate")
    stranger = Dataset.objects.create(group=Group.objects.create(name="others"), name="run 1")
    assert submit_job(stranger).job is not None


def test_a_worker_that_lost_its_lease_changes_nothing(dataset):
    submit_job(dataset)
    late = lifecycle.claim_next("cpu", "a")
    Shard.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert lifecycle.reap() == 1
    quick = lifecycle.claim_next("cpu", "b")
    assert quick.attempt == 2
    assert lifecycle.beat(late, done=99) is Order.LOST
    assert not made(late)
    lifecycle.fail(late, "too late")
    assert Shard.objects.get().done == 0
    assert made(quick)
    assert Product.objects.count() == 1


def test_the_third_loss_ends_the_job_with_a_reason(dataset):
    handle = submit_job(dataset)
    for _ in range(3):
        lifecycle.lose(lifecycle.claim_next("cpu", "a"), "Its process was killed.")
    handle.job.refresh_from_db()
    assert handle.job.state == State.FAILED
    assert "3 times" in handle.job.error
    assert lifecycle.claim_next("cpu", "a") is None


def test_a_released_shard_does_not_count_as_lost(dataset):
    submit_job(dataset)
    for _ in range(5):
        lifecycle.release(lifecycle.claim_next("cpu", "a"))
    assert lifecycle.claim_next("cpu", "a").shard.losses == 0


def test_a_dead_process_of_this_host_is_seen_before_its_lease_runs_out(dataset):
    submit_job(dataset)
    host, pid, start = lifecycle.worker_name().rsplit(":", 2)
    lifecycle.claim_next("cpu", f"{host}:{pid}:{int(start) + 1}")
    assert lifecycle.reap() == 1


def test_a_living_process_is_not_lost(dataset):
    submit_job(dataset)
    lifecycle.claim_next("cpu", lifecycle.worker_name())
    assert not lifecycle.is_dead(lifecycle.worker_name())
    assert not lifecycle.is_dead("elsewhere:1:1")
    assert lifecycle.reap() == 0
    assert os.getpid() == int(lifecycle.worker_name().split(":")[1])


def test_a_job_waits_for_what_it_needs(dataset):
    source = submit_job(dataset, "inspect")
    index = submit_job(dataset, "index", inputs={"source": source})
    claim = lifecycle.claim_next("cpu", "a")
    assert claim.job == source.job
    assert lifecycle.claim_next("cpu", "b") is None
    made(claim, n_frames=3000)
    assert lifecycle.claim_next("cpu", "b").job == index.job


def test_frames_are_shared_out_once_their_number_is_known(dataset):
    source = submit_job(dataset, "inspect")
    index = submit_job(dataset, "index", inputs={"source": source})
    made(lifecycle.claim_next("cpu", "a"), n_frames=3000)
    assert not lifecycle.plan_if_needed(lifecycle.claim_next("cpu", "a"))
    shards = list(index.job.shards.order_by("index"))
    assert [shard.start for shard in shards] == [0, 512, 1024, 1536, 2048, 2560]
    assert shards[-1].stop == 3000


def test_the_last_shard_of_a_stage_opens_the_next_exactly_once(dataset):
    source = finish(dataset, "inspect", n_frames=1000)
    index = submit_job(dataset, "index", inputs={"source": source})
    claims = [lifecycle.claim_next("cpu", name) for name in "ab"]
    assert [claim.shard.start for claim in claims] == [0, 512]
    assert made(claims[0])
    assert index.job.shards.filter(stage=1).count() == 0
    assert made(claims[1])
    assert not made(claims[1])
    assert index.job.shards.filter(stage=1).count() == 1


def test_a_failure_cancels_what_was_to_follow_and_says_why(dataset):
    source = submit_job(dataset, "inspect")
    index = submit_job(dataset, "index", inputs={"source": source})
    condense = submit_job(dataset, "condense", inputs={"source": source, "index": index})
    lifecycle.fail(lifecycle.claim_next("cpu", "a"), "file.h5: broken. Give another.")
    condense.job.refresh_from_db()
    assert condense.job.state == State.CANCELLED
    assert "did not finish" in condense.job.error


def test_a_retry_queues_the_job_and_those_that_waited_for_it(dataset):
    source = submit_job(dataset, "inspect")
    index = submit_job(dataset, "index", inputs={"source": source})
    lifecycle.fail(lifecycle.claim_next("cpu", "a"), "no")
    retry_job(job=Job.objects.get(pk=source.job.pk))
    assert made(lifecycle.claim_next("cpu", "a"), n_frames=10)
    assert lifecycle.claim_next("cpu", "a").job == index.job


def test_a_waiting_job_is_cancelled_at_once(dataset):
    handle = submit_job(dataset)
    cancel_job(job=handle.job)
    handle.job.refresh_from_db()
    assert handle.job.state == State.CANCELLED
    assert lifecycle.claim_next("cpu", "a") is None


def test_a_running_job_learns_of_its_cancellation_with_the_heartbeat(dataset):
    handle = submit_job(dataset)
    claim = lifecycle.claim_next("cpu", "a")
    assert lifecycle.beat(claim, done=1) is Order.GO_ON
    cancel_job(job=handle.job)
    assert lifecycle.beat(claim, done=2) is Order.CANCEL
    lifecycle.mark_cancelled(claim)
    handle.job.refresh_from_db()
    assert handle.job.state == State.CANCELLED


def test_other_shards_stop_when_one_has_failed(dataset):
    source = finish(dataset, "inspect", n_frames=1000)
    submit_job(dataset, "index", inputs={"source": source})
    first, second = (lifecycle.claim_next("cpu", name) for name in "ab")
    lifecycle.fail(first, "broken")
    assert lifecycle.beat(second) is Order.CANCEL
    assert not made(second)


def test_the_group_with_less_running_goes_first(dataset):
    other = Dataset.objects.create(group=Group.objects.create(name="night shift"), name="run 9")
    for seed in range(3):
        submit_job(dataset, params={"seed": seed})
    waiting = submit_job(other)
    assert lifecycle.claim_next("cpu", "a").job.group == dataset.group
    assert lifecycle.claim_next("cpu", "b").job == waiting.job


def test_a_job_whose_input_vanished_fails_with_a_word(dataset):
    source = finish(dataset, "inspect", n_frames=0)
    index = submit_job(dataset, "index", inputs={"source": source})
    assert not lifecycle.plan_if_needed(lifecycle.claim_next("cpu", "a"))
    index.job.refresh_from_db()
    assert index.job.state == State.FAILED
    assert "no frames" in index.job.error


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_claim_every_shard_exactly_once():
    dataset = Dataset.objects.create(group=Group.objects.create(name="crowd"), name="run")
    for seed in range(24):
        submit_job(dataset, params={"seed": seed})
    claimed, lock = [], threading.Lock()

    def work(name):
        while claim := lifecycle.claim_next("cpu", name):
            with lock:
                claimed.append(claim.shard.pk)
            made(claim)
        connection.close()

    threads = [threading.Thread(target=work, args=(f"w{place}",)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 24
    assert Job.objects.filter(state=State.SUCCEEDED).count() == 24


def test_a_cancelled_job_whose_worker_is_stopped_before_it_knows_ends_all_the_same(dataset):
    handle = submit_job(dataset)
    claim = lifecycle.claim_next("cpu", "a")
    cancel_job(job=handle.job)
    lifecycle.release(claim)
    handle.job.refresh_from_db()
    assert handle.job.state == State.CANCELLED


def test_a_placeholder_that_is_cancelled_opens_no_shards(dataset):
    source = submit_job(dataset, "inspect")
    index = submit_job(dataset, "index", inputs={"source": source})
    made(lifecycle.claim_next("cpu", "a"), n_frames=3000)
    claim = lifecycle.claim_next("cpu", "a")
    cancel_job(job=index.job)
    assert not lifecycle.plan_if_needed(claim)
    index.job.refresh_from_db()
    assert index.job.state == State.CANCELLED


def test_retrying_a_follower_retries_what_it_waits_for(dataset):
    source = submit_job(dataset, "inspect")
    index = submit_job(dataset, "index", inputs={"source": source})
    lifecycle.fail(lifecycle.claim_next("cpu", "a"), "no")
    retry_job(job=Job.objects.get(pk=index.job.pk))
    assert made(lifecycle.claim_next("cpu", "a"), n_frames=10)
    assert lifecycle.claim_next("cpu", "a").job == index.job


def test_a_job_submitted_behind_one_that_has_failed_meanwhile_does_not_wait_for_ever(dataset):
    source = submit_job(dataset, "inspect")
    lifecycle.fail(lifecycle.claim_next("cpu", "a"), "no")
    index = submit_job(dataset, "index", inputs={"source": source})
    assert Job.objects.get(pk=index.job.pk).state == State.CANCELLED


def test_the_reaper_ends_what_waits_for_something_that_will_not_come(dataset):
    source = submit_job(dataset, "inspect")
    index = submit_job(dataset, "index", inputs={"source": source})
    Job.objects.filter(pk=source.job.pk).update(state=State.FAILED)
    lifecycle.reap()
    assert Job.objects.get(pk=index.job.pk).state == State.CANCELLED


def test_a_new_attempt_is_not_chained_to_the_followers_of_an_old_one(dataset):
    source = submit_job(dataset, "inspect")
    old = submit_job(dataset, "index", inputs={"source": source})
    Job.objects.filter(pk=source.job.pk).update(state=State.FAILED)
    again = submit_job(dataset, "inspect")
    new = submit_job(dataset, "index", inputs={"source": again})
    assert new.job != old.job


def test_what_another_job_has_made_is_not_made_again_by_a_retry(dataset):
    first = submit_job(dataset)
    lifecycle.fail(lifecycle.claim_next("cpu", "a"), "no")
    finish(dataset, "simulate")
    retry_job(job=Job.objects.get(pk=first.job.pk))
    first.job.refresh_from_db()
    assert first.job.state == State.FAILED
    assert "nothing to retry" in first.job.error
