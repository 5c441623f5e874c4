"""The page that compares classifiers on frames that none of them learned from."""

import numpy as np
import pytest
from django.urls import reverse

from tests.webapp.drawn_frames import KIND_NAMES, draw_frames
from tests.webapp.factories import (
    make_classified,
    make_group,
    make_product,
    make_sorted_dataset,
    make_user,
)
from webapp.jobs.lifecycle import Claim
from webapp.jobs.models import Job
from webapp.labels.models import ClassScheme
from webapp.labels.services import create_scheme, label_frames
from webapp.manifests.comparison import choices_for, compare_networks
from workers.tasks.calls import arguments_of

pytestmark = pytest.mark.django_db
N_LABELLED = 120


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def dataset(group):
    """A data set whose first frames are labelled with what they are."""
    dataset = make_sorted_dataset(group, 300, "run 7")
    create_scheme(dataset=dataset, names=KIND_NAMES, exclusive=())
    kinds = draw_frames(300).kinds[:N_LABELLED]
    for number, name in enumerate(KIND_NAMES):
        frames = np.flatnonzero(kinds == number)
        label_frames(dataset=dataset, frames=frames, operation="set", classes=[name])
    return dataset


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


def truth_of(frames):
    return np.eye(len(KIND_NAMES), dtype=bool)[draw_frames(300).kinds[frames]]


def network_with(dataset, frames, wobble, seed, name):
    """Add a classifier whose fits said of `frames` what is true, disturbed by noise."""
    network = make_classified(dataset).input("network")
    save(network.folder, frames, wobble, seed)
    network.name = name
    network.save()
    return network


def save(folder, frames, wobble, seed):
    truth = truth_of(frames)
    said = np.abs(truth - np.random.default_rng(seed).uniform(0, wobble, truth.shape)).astype(np.float32)
    np.savez(folder / "judged.npz", indices=frames, truth=truth, probabilities=said)


def address(dataset, *networks):
    query = "&".join(f"network={network.pk}" for network in networks)
    return reverse("manifests:networks-compare", args=[dataset.pk]) + f"?{query}"


def text_of(client, url):
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_two_classifiers_are_compared_on_the_frames_that_both_had_not_seen(signed_in, dataset):
    good = network_with(dataset, np.arange(0, 100), 0.45, 1, "the good one")
    bad = network_with(dataset, np.arange(20, 120), 0.75, 2, "the bad one")
    text = text_of(signed_in, address(dataset, good, bad))
    assert "On the same 80 frames" in text
    assert "the good one by 0." in text
    assert "explore" not in text.split("First alone")[0]
    found = compare_networks(dataset, [one for one in choices_for(dataset) if one.judged])
    assert [pair.pair.better for pair in found.pairs] in ([1], [-1])
    assert found.n_frames == 80
    assert sum(found.support) == 80


def test_the_truth_is_the_labels_as_they_are_now(dataset):
    networks = [network_with(dataset, np.arange(100), 0.3, seed, f"n{seed}") for seed in (1, 2)]
    choices = [one for one in choices_for(dataset) if one.network in networks]
    before = compare_networks(dataset, choices)
    assert before.scores[0].macro_f1.value == 1
    label_frames(dataset=dataset, frames=np.arange(30), operation="set", classes=[KIND_NAMES[0]])
    label_frames(dataset=dataset, frames=np.arange(90, 100), operation="clear")
    after = compare_networks(dataset, choices)
    assert after.n_frames == 90
    assert after.scores[0].macro_f1.value < 0.95


def test_a_network_of_another_data_set_is_asked_first(signed_in, dataset, group):
    own = network_with(dataset, np.arange(100), 0.3, 1, "own")
    foreign = make_classified(make_sorted_dataset(group, 300, "run 5", seed=1)).input("network")
    foreign.facts["data"]["sha256"] = "ab" * 32
    foreign.save()
    assert "It has not been asked about these frames yet" in text_of(
        signed_in, address(dataset, own, foreign)
    )
    signed_in.post(reverse("manifests:networks-judge", args=[dataset.pk]), {"network": [foreign.pk]})
    job = Job.objects.get(kind="judge")
    (job.folder / "scratch").mkdir(parents=True)
    arguments = arguments_of(Claim(job.shards.get(), job, 1))
    assert arguments["network_dir"] == str(foreign.folder)
    with np.load(arguments["labels"], allow_pickle=False) as labels:
        assert len(labels["indices"]) == N_LABELLED
    assert "being asked about" in text_of(signed_in, address(dataset, own, foreign))
    inputs = {"condensation": dataset.products.get(kind="condense"), "network": foreign}
    make_product(
        dataset, "judge", lambda out: save(out, np.arange(120), 0.7, 3), {}, inputs, params=job.params
    )
    job.delete()
    text = text_of(signed_in, address(dataset, own, foreign))
    assert "On the same 100 frames" in text


def test_a_network_that_learned_from_the_same_frames_elsewhere_is_not_compared(dataset, group):
    twin = make_classified(make_sorted_dataset(group, 300, "the same again")).input("network")
    choice = next(one for one in choices_for(dataset) if one.network == twin)
    assert choice.judged is None
    assert "these very frames" in choice.problem


def test_an_old_classifier_says_to_train_again_and_cannot_be_chosen(signed_in, dataset):
    old = make_classified(dataset).input("network")
    new = network_with(dataset, np.arange(50), 0.3, 1, "new")
    text = text_of(signed_in, address(dataset, old, new))
    assert "Train again." in text
    assert "On the same" not in text


def test_renamed_classes_are_matched_and_unknown_ones_left_out(dataset):
    networks = [network_with(dataset, np.arange(100), 0.3, seed, f"n{seed}") for seed in (1, 2)]
    scheme = ClassScheme.objects.get(dataset=dataset)
    scheme.classes[0] |= {"name": "Disc", "former": [KIND_NAMES[0]]}
    scheme.classes.append({"name": "New", "key": "", "colour": "#ffffff"})
    scheme.save()
    networks[0].facts["classes"] = ["Other", *KIND_NAMES[1:]]
    networks[0].save()
    found = compare_networks(dataset, [one for one in choices_for(dataset) if one.network in networks])
    assert found.classes == list(KIND_NAMES[1:])
    assert found.left_out == ["Disc"]


def test_too_few_frames_and_one_or_seven_networks_are_refused_in_words(signed_in, dataset):
    first = network_with(dataset, np.arange(0, 60), 0.3, 1, "first")
    second = network_with(dataset, np.arange(55, 110), 0.3, 2, "second")
    assert "Only 5 labelled frames are new to all" in text_of(signed_in, address(dataset, first, second))
    assert "Choose 2 to 6 classifiers; these are 1" in text_of(signed_in, address(dataset, first))
    more = [network_with(dataset, np.arange(60), 0.3, seed, f"n{seed}") for seed in range(6)]
    assert "these are 7" in text_of(signed_in, address(dataset, first, *more))


def test_a_damaged_file_is_one_line(signed_in, dataset):
    networks = [network_with(dataset, np.arange(100), 0.3, seed, f"n{seed}") for seed in (1, 2)]
    (networks[0].folder / "judged.npz").write_bytes(b"\x80\x04K\x01.")
    assert "cannot be read. Train again." in text_of(signed_in, address(dataset, *networks))


def test_foreign_people_and_viewers(client, dataset, group):
    network = network_with(dataset, np.arange(100), 0.3, 1, "ours alone")
    network_with(dataset, np.arange(100), 0.3, 2, "another of ours")
    client.force_login(make_user("eve", make_group("other")))
    assert client.get(address(dataset, network)).status_code == 404
    client.force_login(make_user("bob", group, role="viewer"))
    assert client.post(reverse("manifests:networks-judge", args=[dataset.pk])).status_code == 403
    assert "ours alone" in text_of(client, address(dataset))
