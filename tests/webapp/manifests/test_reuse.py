"""Networks of other data sets on the Sort page, and the choice of the current classifier."""

import numpy as np
import pytest
from django.urls import reverse

from tests.webapp.factories import (
    make_classified,
    make_group,
    make_product,
    make_sorted_dataset,
    make_user,
)
from webapp.datasets.classifier_choice import changes_of
from webapp.datasets.columns import columns_of
from webapp.datasets.lineage import newest
from webapp.datasets.models import ClassifierChoice
from webapp.datasets.scopes import frames_of_scope
from webapp.jobs.lifecycle import Claim
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job, submit
from webapp.labels.models import ClassScheme
from webapp.labels.services import create_scheme, label_frames
from webapp.manifests.card import network_entry
from webapp.manifests.reuse import match_classes, sort_with_network
from webapp.manifests.services import NotReady
from webapp.networks.applicability import candidates_for, see_which_fit
from webapp.portal.line import line_of
from workers.tasks.calls import arguments_of, on_product

pytestmark = pytest.mark.django_db
USE = 'id="use-network"'


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def network(group):
    """A classifier of another data set."""
    return make_classified(make_sorted_dataset(group, 300, "run 6")).input("network")


@pytest.fixture
def dataset(group):
    return make_sorted_dataset(group, 300, "run 7")


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


def page(client, dataset):
    answer = client.get(reverse("manifests:dataset-classify", args=[dataset.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def post(client, route, dataset, **fields):
    return client.post(reverse(f"manifests:{route}", args=[dataset.pk]), fields)


def tell_verdicts(dataset, *verdicts):
    """Add what the step `applicability.judge` would have found."""
    rows = [
        {"id": str(network.pk), "verdict": verdict, "sentence": f"{verdict}: so it is", "score": score}
        for network, verdict, score in verdicts
    ]
    facts = {"n_looked_at": 300, "verdicts": rows}
    inputs = {"condensation": dataset.products.get(kind="condense")}
    return make_product(dataset, "applicability", lambda out: None, facts, inputs)


def sortings(dataset, n=2):
    """Return classifications of the data set by classifiers of its own, the oldest first."""
    return [make_classified(dataset, ("Round", "Streak", f"Only{number}")) for number in range(n)]


def test_networks_of_other_data_sets_are_offered_where_there_is_no_label(signed_in, dataset, network):
    text = page(signed_in, dataset)
    assert USE in text
    assert text.index(USE) < text.index("How well the newest classifier sorts")
    assert "Not looked at yet" in text
    assert "those of the network would be: “Round”" in text


def test_a_group_with_one_data_set_is_offered_nothing(signed_in, dataset):
    make_classified(dataset)
    assert USE not in page(signed_in, dataset)


def test_the_job_is_told_all_networks_of_the_group_and_where_they_learned(signed_in, dataset, network):
    post(signed_in, "networks-look", dataset)
    job = Job.objects.get()
    arguments = arguments_of(Claim(job.shards.get(), job, 1))
    told = {row["id"]: row for row in arguments["candidates"]}
    others = Product.objects.filter(kind__in=("train", "learn")).exclude(dataset=dataset)
    assert set(told) == {str(product.pk) for product in others}
    assert told[str(network.pk)]["condensed_dir"] == str(network.input("condensation").folder)
    assert "Networks are tried" in page(signed_in, dataset) or "networks are tried" in page(
        signed_in, dataset
    )


def test_networks_that_fit_come_first_and_one_that_does_not_has_no_button(signed_in, dataset, network, group):
    other = make_classified(make_sorted_dataset(group, 300, "run 5")).input("network")
    tell_verdicts(dataset, (network, "unfit", 0.1), (other, "fits", 0.9))
    assert [one.network for one in candidates_for(dataset, "train")] == [other, network]
    text = page(signed_in, dataset)
    assert text.index("Fits: so it is.") < text.index("Unfit: so it is.")
    assert text.count(">Sort with this network<") == 1


def test_verdicts_on_frames_that_were_condensed_otherwise_are_forgotten(dataset, network):
    tell_verdicts(dataset, (network, "fits", 0.9))
    assert candidates_for(dataset, "train")[0].verdict == "fits"
    make_product(dataset, "condense", lambda out: None, {"n_frames": 300})
    assert candidates_for(dataset, "train")[0].verdict == ""


def test_one_click_takes_the_classes_over_sorts_and_writes_a_manifest(signed_in, dataset, network):
    answer = post(signed_in, "network-use", dataset, network=network.pk)
    assert answer.url.startswith(reverse("manifests:dataset-classify", args=[dataset.pk]))
    scheme = ClassScheme.objects.get(dataset=dataset)
    assert scheme.names == network.facts["classes"]
    jobs = {job.kind: job for job in Job.objects.all()}
    assert set(jobs) == {"classify", "manifest"}
    assert jobs["classify"].inputs["network"] == str(network.pk)
    assert str(network.pk) in jobs["manifest"].inputs.values()
    assert jobs["manifest"].inputs["classification"] == str(jobs["classify"].result_id)


def test_a_manifest_says_that_its_network_learned_elsewhere(dataset, network):
    entry = network_entry(network, dataset)
    assert entry["is_of_another_data_set"]
    assert entry["learned_from"]["name"] == "run 6"
    assert not network_entry(network, network.dataset)["is_of_another_data_set"]


def test_classes_are_matched_by_name_present_or_former(dataset, network):
    scheme = create_scheme(dataset=dataset, names=("Disc", "Streak", "Odd"))
    scheme.classes[0]["former"] = ["Round"]
    scheme.save()
    match = match_classes(scheme, network)
    assert match.shared == ["Disc", "Streak"]
    assert match.missing == ["Odd"]
    assert "Elliptical" in match.unknown
    assert "It does not know “Odd”" in match.words


def test_a_network_without_a_class_in_common_is_refused(signed_in, dataset, network):
    create_scheme(dataset=dataset, names=("A", "B"))
    with pytest.raises(NotReady, match="none of these is a class of this data set"):
        sort_with_network(dataset=dataset, network=network)
    post(signed_in, "network-use", dataset, network=network.pk)
    assert "none of these is a class" in page(signed_in, dataset)
    assert not Job.objects.exists()


def test_a_network_of_another_group_or_a_viewer_gets_nothing(client, signed_in, dataset, group):
    foreign = make_classified(make_sorted_dataset(make_group("other"), 300, "theirs")).input("network")
    assert post(signed_in, "network-use", dataset, network=foreign.pk).status_code == 404
    assert post(signed_in, "network-use", dataset, network="x").status_code == 404
    assert "theirs" not in page(signed_in, dataset)
    client.force_login(make_user("bob", group, role="viewer"))
    for route in ("network-use", "networks-look", "classifier-choose", "classifier-undo"):
        assert post(client, route, dataset).status_code == 403
    assert not Job.objects.exists()


def test_a_data_set_sorted_by_another_ones_network_has_that_step_done(dataset, network):
    def state():
        return next(step for step in line_of(dataset) if step.place.name == "sort").state

    assert state() in ("later", "next")
    inputs = {"condensation": dataset.products.get(kind="condense"), "network": network}
    make_product(
        dataset,
        "classify",
        lambda out: np.save(out / "probabilities.npy", np.zeros((300, 4), np.float32)),
        {"n_frames": 300},
        inputs,
    )
    assert state() == "done"


def test_an_earlier_classifier_is_used_again_by_all_pages_and_this_is_undone(signed_in, dataset):
    create_scheme(dataset=dataset, names=("Round", "Streak", "Only0", "Only1"))
    first, second = sortings(dataset)
    assert newest(dataset, "classify") == second
    assert "Use this one again" in page(signed_in, dataset)
    post(signed_in, "classifier-choose", dataset, classification=first.pk)
    dataset.refresh_from_db()
    assert newest(dataset, "classify") == first
    assert newest(dataset, "train") == first.input("network")
    columns = columns_of(dataset)
    assert columns.products["classify"] == first
    assert len(frames_of_scope(columns, {"predicted": "Only0"}))
    change = changes_of(dataset)[0]
    assert (change.choice.created_by.username, change.network) == ("ada", first.input("network"))
    assert "ada chose" in page(signed_in, dataset)
    post(signed_in, "classifier-undo", dataset)
    dataset.refresh_from_db()
    assert newest(dataset, "classify") == second
    assert ClassifierChoice.objects.count() == 2
    assert "ada went back to" in page(signed_in, dataset)
    post(signed_in, "classifier-undo", dataset)
    assert "There is nothing to undo" in page(signed_in, dataset)
    assert ClassifierChoice.objects.count() == 2


def test_what_is_sorted_next_becomes_the_current_one_and_the_old_choice_cannot_be_undone(dataset):
    first, second = sortings(dataset)
    from webapp.datasets.classifier_choice import last_to_undo, use_again

    use_again(dataset=dataset, classification=first)
    assert last_to_undo(dataset).before == second.pk
    third = make_classified(dataset, ("Round", "Streak"))
    on_product(third)
    dataset.refresh_from_db()
    assert newest(dataset, "classify") == third
    assert last_to_undo(dataset) is None


def test_a_sorting_of_frames_condensed_otherwise_is_not_offered_again(signed_in, dataset):
    first, _ = sortings(dataset)
    make_product(dataset, "condense", lambda out: None, {"n_frames": 300})
    post(signed_in, "classifier-choose", dataset, classification=first.pk)
    assert "This sorting is not one of the frames as they are condensed now" in page(signed_in, dataset)
    assert not ClassifierChoice.objects.exists()


def test_there_is_nothing_to_try_without_networks_elsewhere(dataset):
    assert see_which_fit(dataset=dataset) is None


def test_a_training_may_start_from_a_classifier_of_another_data_set_alone(signed_in, dataset, network):
    create_scheme(dataset=dataset, names=("Round", "Streak"))
    for place, name in enumerate(("Round", "Streak")):
        frames = np.arange(10) + 10 * place
        label_frames(dataset=dataset, frames=frames, operation="set", classes=[name])
    own = make_classified(dataset).input("network")
    earlier = submit(kind="train", group=dataset.group, dataset=dataset, params={"seed": 5}).job
    end_job(earlier, State.FAILED, "No.")
    fields = {"again": earlier.pk, "experts": "shapes", "seed": 1}
    assert post(signed_in, "dataset-train", dataset, **fields, start_from=own.pk).status_code == 422
    assert post(signed_in, "dataset-train", dataset, **fields, start_from=network.pk).status_code == 302
    job = Job.objects.filter(kind="train").exclude(pk=earlier.pk).get()
    assert job.inputs["start_from"] == str(network.pk)
    (job.folder / "scratch").mkdir(parents=True)
    assert arguments_of(Claim(job.shards.get(), job, 1))["start_from"] == str(network.folder)


def test_many_networks_are_folded_behind_the_five_that_come_first(signed_in, dataset, network):
    for _ in range(7):
        make_classified(network.dataset)
    text = page(signed_in, dataset)
    assert "3 more</summary>" in text
    assert text.count(">Sort with this network<") == 8
