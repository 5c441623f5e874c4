"""Two results of a data set against each other."""

import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from django.urls import reverse

from tests.webapp.factories import (
    KIND_NAMES,
    make_classified,
    make_dataset,
    make_group,
    make_product,
    make_sorted_dataset,
    make_user,
)
from webapp.datasets.cluster_operations import rename_cluster
from webapp.datasets.columns import columns_of
from webapp.datasets.scopes import ScopeError, columns_of_scope, frames_of_scope, words_of_scope
from webapp.labels.services import create_scheme, label_frames
from webapp.portal.compare import comparison
from webapp.portal.cross_table import adjusted_rand, cross, kappa
from webapp.portal.groupings import grouping_of

pytestmark = pytest.mark.django_db

N = 240


@pytest.fixture
def dataset():
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def signed_in(client, dataset):
    client.force_login(make_user("ada", dataset.group))
    return client


def second_clustering(dataset):
    """Add a clustering in which the first two clusters are one, and return both."""
    first = dataset.products.get(kind="cluster")
    labels = np.load(first.folder / "labels.npy")
    inputs = {"embedding": first.input("embedding"), "network": first.input("network")}

    def write(out):
        np.save(out / "labels.npy", np.where(labels > 0, labels - 1, labels).astype(np.int32))
        np.save(out / "probabilities.npy", np.ones(N, np.float32))
        np.save(out / "outlier_scores.npy", np.zeros(N, np.float32))
        (out / "clusters.json").write_text("[]")

    return first, make_product(dataset, "cluster", write, {"n_clusters": 2, "n_noise": 0}, inputs)


def scope_of(url):
    return json.loads(parse_qs(urlsplit(url).query)["scope"][0])


def frames_at(dataset, url):
    """Return the frames that a link leads to, as the clusters page reads it."""
    scope = scope_of(url)
    return frames_of_scope(columns_of_scope(dataset, scope), scope)


def test_each_cell_counts_the_frames_of_both_and_leads_to_just_those(dataset):
    first, second = second_clustering(dataset)
    found = comparison(dataset, str(first.pk), str(second.pk), by_column=False)
    a, b = (np.load(each.folder / "labels.npy") for each in (first, second))
    n_cells = 0
    for row in found["rows"]:
        for (head, _, _), cell in zip(found["heads"], row.cells, strict=True):
            i, j = row.group.scope["cluster"], head.scope["cluster"]
            assert cell.n == np.count_nonzero((a == i) & (b == j))
            if cell.n:
                assert frames_at(dataset, cell.url).tolist() == np.flatnonzero((a == i) & (b == j)).tolist()
                n_cells += 1
    assert n_cells >= 3


def test_a_page_is_opened_on_the_clustering_that_its_scope_names(dataset):
    first, second = second_clustering(dataset)
    found = comparison(dataset, str(first.pk), str(second.pk), by_column=False)
    url = next(cell.url for row in found["rows"] for cell in row.cells if cell.n)
    assert parse_qs(urlsplit(url).query)["clustering"] == [str(first.pk)]
    assert scope_of(url)["clustering"] == str(first.pk)


def test_frames_with_two_classes_count_in_both_of_their_rows(dataset):
    create_scheme(dataset=dataset, names=KIND_NAMES)
    label_frames(dataset=dataset, frames=np.arange(10), operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=np.arange(4), operation="add", classes=["Streak"])
    labels = grouping_of(dataset, "labels")
    crossed = cross(dataset.pk, labels, labels)
    counts = crossed.counts
    names = [group.name for group in labels.groups]
    round_, streak, unseen = names.index("Round"), names.index("Streak"), names.index("unlabelled")
    assert (counts[round_, round_], counts[streak, streak], counts[round_, streak]) == (10, 4, 4)
    assert counts[unseen, unseen] == N - 10
    assert (
        crossed.n_rows[[round_, streak]].tolist() == crossed.n_columns[[round_, streak]].tolist() == [10, 4]
    )
    assert not labels.is_partition


def test_labels_given_since_are_in_the_table(dataset):
    create_scheme(dataset=dataset, names=KIND_NAMES)
    label_frames(dataset=dataset, frames=np.arange(5), operation="set", classes=["Round"])
    clusters = grouping_of(dataset, str(dataset.products.get(kind="cluster").pk))
    before = cross(dataset.pk, grouping_of(dataset, "labels"), clusters).n_rows[0]
    label_frames(dataset=dataset, frames=np.arange(5, 9), operation="set", classes=["Round"])
    after = cross(dataset.pk, grouping_of(dataset, "labels"), clusters).n_rows[0]
    assert (before, after) == (5, 9)


def test_agreement_is_one_for_the_same_grouping_and_nought_for_chance():
    assert adjusted_rand(np.diag([5, 7, 9])) == 1.0
    rng = np.random.default_rng(0)
    chance = np.histogram2d(rng.integers(0, 4, 20_000), rng.integers(0, 5, 20_000), bins=(4, 5))[0]
    assert abs(adjusted_rand(chance)) < 0.01
    assert adjusted_rand(np.zeros((2, 2))) is None


def test_agreement_is_that_of_scikit_learn():
    from sklearn.metrics import adjusted_rand_score, cohen_kappa_score

    rng = np.random.default_rng(1)
    a = rng.integers(0, 4, 500)
    b = np.where(rng.random(500) < 0.7, a, rng.integers(0, 4, 500))
    counts = np.histogram2d(a, b, bins=(4, 4))[0]
    assert adjusted_rand(counts) == pytest.approx(adjusted_rand_score(a, b))
    one, other = a == 0, b == 0
    cells = [(one & other), (one & ~other), (~one & other), (~one & ~other)]
    assert kappa(*(cell.sum() for cell in cells)) == pytest.approx(cohen_kappa_score(one, other))


def test_classes_of_people_and_classifier_are_compared_by_kappa_over_labelled_frames(dataset, signed_in):
    create_scheme(dataset=dataset, names=KIND_NAMES)
    classification = make_classified(dataset)
    said = np.load(classification.folder / "probabilities.npy")[:, 0] >= 0.5
    label_frames(dataset=dataset, frames=np.flatnonzero(said), operation="set", classes=[KIND_NAMES[0]])
    others = np.flatnonzero(~said)[:20]
    label_frames(dataset=dataset, frames=others, operation="set", classes=[KIND_NAMES[1]])
    found = comparison(dataset, "labels", str(classification.pk), by_column=False)
    first = next(each for each in found["kappas"] if each.name == KIND_NAMES[0])
    assert (first.kappa, first.n_both) == (1.0, int(said.sum()))
    answer = signed_in.get(
        reverse("portal:dataset-compare", args=[dataset.pk]), {"a": "labels", "b": classification.pk}
    )
    assert "Cohen's kappa" in answer.content.decode()


def test_clusters_that_have_the_same_number_only_by_chance_do_not_go_together(dataset):
    first, second = second_clustering(dataset)
    found = comparison(dataset, str(first.pk), str(second.pk), by_column=False)
    assert found["kappas"] == []
    assert found["disagreements"] == []  # each cluster of the first lies whole in one of the second


def test_a_cluster_that_is_called_like_a_class_goes_with_it(dataset):
    create_scheme(dataset=dataset, names=KIND_NAMES)
    clustering = dataset.products.get(kind="cluster")
    rename_cluster(clustering=clustering, cluster=1, name="Round")
    inside = np.flatnonzero(np.load(clustering.folder / "labels.npy") == 1)
    label_frames(dataset=dataset, frames=inside[:9], operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=inside[9:12], operation="set", classes=["Streak"])
    found = comparison(dataset, str(clustering.pk), "labels", by_column=False)
    assert [(each.name, each.n_both) for each in found["kappas"]] == [("Round", 9)]
    one, other, expected, n, _ = found["disagreements"][0]
    assert (one.name, other.name, n, expected.name) == ("Round", "Streak", 3, "Round")


def test_a_frame_that_has_the_expected_class_and_another_one_does_not_disagree(dataset):
    create_scheme(dataset=dataset, names=KIND_NAMES)
    clustering = dataset.products.get(kind="cluster")
    inside = np.flatnonzero(np.load(clustering.folder / "labels.npy") == 1)
    label_frames(dataset=dataset, frames=inside[:12], operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=inside[:8], operation="add", classes=["Elliptical"])
    label_frames(dataset=dataset, frames=inside[12:14], operation="set", classes=["Elliptical"])
    found = comparison(dataset, str(clustering.pk), "labels", by_column=False)
    differing = [(one.name, other.name, n) for one, other, _, n, _ in found["disagreements"]]
    assert differing == [("Cluster 1", "Elliptical", 2)]
    row = next(row for row in found["rows"] if row.group.name == "Cluster 1")
    assert row.n == len(inside)


def test_what_lies_off_the_group_that_goes_with_it_is_listed(dataset):
    first, second = second_clustering(dataset)
    found = comparison(dataset, str(second.pk), str(first.pk), by_column=True)
    one, other, _, n, url = found["disagreements"][0]
    assert one.scope != other.scope
    assert len(frames_at(dataset, url)) == n


def test_the_page_chooses_two_results_by_itself_and_says_what_is_missing(client, signed_in, dataset):
    page = reverse("portal:dataset-compare", args=[dataset.pk])
    text = signed_in.get(page).content.decode()
    assert "How many frames are in both" in text
    for query in ({"a": "x", "b": str(dataset.pk)}, {"a": "labels"}):
        assert signed_in.get(page, query).status_code == 200
    bare = make_dataset(dataset.group, 20, "bare")
    text = signed_in.get(reverse("portal:dataset-compare", args=[bare.pk])).content.decode()
    assert "not two results to compare yet" in text


def test_results_of_another_data_set_are_none_of_this_one(dataset):
    other = make_sorted_dataset(make_group(), N, "run 8")
    foreign = other.products.get(kind="cluster")
    assert grouping_of(dataset, str(foreign.pk)) is None
    with pytest.raises(ScopeError, match="not there"):
        frames_of_scope(columns_of(dataset), {"member": [str(foreign.pk), 0]})


@pytest.mark.parametrize("value", [None, [], ["labels"], ["labels", "Round"], [3, 4], ["no-uuid", 0]])
def test_a_member_that_cannot_be_read_is_refused_in_a_sentence(dataset, value):
    with pytest.raises(ScopeError, match=r"\.$"):
        frames_of_scope(columns_of(dataset), {"member": value})


def test_a_member_of_another_clustering_is_said_in_words(dataset):
    first, _ = second_clustering(dataset)
    scope = {"member": [str(first.pk), 1]}
    assert words_of_scope(columns_of(dataset), scope) == "in Cluster 1 of another clustering"
    expected = np.flatnonzero(np.load(first.folder / "labels.npy") == 1)
    assert frames_of_scope(columns_of(dataset), scope).tolist() == expected.tolist()
