"""Names and colours of clusters: who gave them, which clusters keep them, and what is refused."""

import uuid

import numpy as np
import pytest

from tests.webapp.clusterings import add_clustering
from tests.webapp.factories import make_group, make_sorted_dataset, make_user
from webapp.datasets.cluster_names import names_of, names_of_clustering
from webapp.datasets.cluster_operations import (
    OperationError,
    recolour_cluster,
    rename_cluster,
    undo_operation,
)
from webapp.datasets.cluster_overlap import count_overlap
from webapp.datasets.columns import columns_of
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.datasets.palette import cluster_colour
from webapp.jobs.models import Product
from workers.science.cluster import ClusterRecipe, cluster_points

pytestmark = pytest.mark.django_db
N = 200


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def first(dataset: Dataset) -> Product:
    return dataset.products.get(kind="cluster")


def labels_of(clustering: Product) -> np.ndarray:
    return np.load(clustering.folder / "labels.npy")


def called(clustering: Product) -> list[str]:
    names = names_of_clustering(clustering)
    return [names[number].name for number in sorted(names) if number >= 0]


def test_clusters_without_a_name_are_called_by_their_number_and_noise_is_grey(dataset):
    names = names_of(columns_of(dataset))
    assert {number: name.name for number, name in names.items()} == {
        0: "Cluster 0", 1: "Cluster 1", 2: "Cluster 2", -1: "Noise",
    }  # fmt: skip
    assert all(name.colour == cluster_colour(number) for number, name in names.items())
    assert not any(name.is_given for name in names.values())


def test_a_name_and_a_colour_belong_to_their_cluster_and_the_log_says_who_gave_them(dataset, first):
    ada = make_user("ada", dataset.group)
    rename_cluster(clustering=first, cluster=1, name="  Ring <b>patterns</b> ", user=ada)
    recolour_cluster(clustering=first, cluster=2, colour="#44AA99", user=ada)
    names = names_of_clustering(first)
    assert [names[number].name for number in (0, 1, 2)] == [
        "Cluster 0",
        "Ring <b>patterns</b>",
        "Cluster 2",
    ]
    assert names[2].colour == "#44aa99"
    assert [(item.kind, item.cluster, item.created_by) for item in dataset.cluster_operations.all()] == [
        ("rename", 1, ada),
        ("colour", 2, ada),
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("x" * 61, "61 signs"),
        ("round; or not", "semicolon"),
        ("round, or not", "comma"),
        ("two\nlines", "comma and semicolon"),
        ("Cluster 7", "without a name"),
        ("noise", "without a name"),
        ("RINGS", "There is a cluster “Rings” already"),
    ],
)
def test_a_name_that_would_not_tell_clusters_apart_is_refused(dataset, first, name, line):
    rename_cluster(clustering=first, cluster=0, name="Rings")
    with pytest.raises(OperationError, match=line):
        rename_cluster(clustering=first, cluster=1, name=name)
    assert called(first) == ["Rings", "Cluster 1", "Cluster 2"]


@pytest.mark.parametrize("colour", ["red", "#fff", "#ffffff", "#fefefe", "#10151a", "#12345g", ""])
def test_a_colour_that_cannot_be_seen_is_refused(dataset, first, colour):
    with pytest.raises(OperationError):
        recolour_cluster(clustering=first, cluster=1, colour=colour)


@pytest.mark.parametrize("cluster", [-1, 3, 99])
def test_noise_and_clusters_that_are_not_there_get_no_name(dataset, first, cluster):
    with pytest.raises(OperationError):
        rename_cluster(clustering=first, cluster=cluster, name="Rings")
    assert not ClusterOperation.objects.exists()


def test_what_is_sent_twice_counts_once(dataset, first):
    client_id = uuid.uuid4()
    once = rename_cluster(clustering=first, cluster=0, name="Rings", client_id=client_id)
    assert rename_cluster(clustering=first, cluster=0, name="Rings", client_id=client_id) == once
    assert dataset.cluster_operations.count() == 1


def test_undoing_takes_back_one_operation_and_leaves_the_later_ones(dataset, first):
    name = rename_cluster(clustering=first, cluster=0, name="Rings")
    recolour_cluster(clustering=first, cluster=0, colour="#44aa99")
    undo_operation(operation=name)
    found = names_of_clustering(first)[0]
    assert (found.name, found.colour) == ("Cluster 0", "#44aa99")
    with pytest.raises(OperationError, match="undone already"):
        undo_operation(operation=name)
    assert dataset.cluster_operations.count() == 3


def test_undoing_a_renaming_is_refused_when_another_cluster_has_the_old_name_by_now(dataset, first):
    rename_cluster(clustering=first, cluster=0, name="Rings")
    second = rename_cluster(clustering=first, cluster=0, name="Discs")
    rename_cluster(clustering=first, cluster=1, name="Rings")
    with pytest.raises(OperationError, match="Another cluster is called “Rings”"):
        undo_operation(operation=second)
    assert called(first) == ["Discs", "Rings", "Cluster 2"]


def test_names_and_colours_survive_another_clustering_although_the_numbers_change(dataset, first):
    for number, name in enumerate(("Rings", "Ellipses", "Streaks")):
        rename_cluster(clustering=first, cluster=number, name=name)
    before = labels_of(first)
    # Half of the largest becomes noise, so that it comes last; a tenth of the others wanders off.
    after = np.where(before == 0, 2, np.where(before == 1, 0, np.where(before == 2, 1, -1)))
    random = np.random.default_rng(3)
    after[(after == 2) & (random.random(N) < 0.5)] = -1
    after[random.random(N) < 0.05] = -1
    again = add_clustering(dataset, after)
    sizes = np.bincount(labels_of(again) + 1)[1:]
    old_of_new = [np.bincount(before[labels_of(again) == new] + 1)[1:].argmax() for new in range(len(sizes))]
    assert old_of_new != [0, 1, 2], "or the test shows nothing"
    assert called(again) == [("Rings", "Ellipses", "Streaks")[old] for old in old_of_new]
    colours = names_of_clustering(again)
    assert [colours[new].colour for new in range(3)] == [cluster_colour(old) for old in old_of_new]


def test_a_name_goes_to_the_larger_part_of_a_cluster_and_to_no_second_one(dataset, first):
    rename_cluster(clustering=first, cluster=0, name="Rings")
    labels = labels_of(first).copy()
    members = np.flatnonzero(labels == 0)
    labels[members[: len(members) // 3]] = 7
    again = add_clustering(dataset, labels)
    assert called(again).count("Rings") == 1
    assert called(again)[0] == "Rings"


def test_of_two_equal_halves_neither_is_the_cluster():
    before = np.zeros(40, np.int32)
    assert count_overlap(before, np.repeat([0, 1], [20, 20])).matches() == {}
    assert count_overlap(before, np.repeat([0, 1], [21, 19])).matches() == {0: 0}


def test_what_little_is_left_of_a_cluster_does_not_keep_its_name(dataset, first):
    rename_cluster(clustering=first, cluster=0, name="Rings")
    labels = labels_of(first).copy()
    members = np.flatnonzero(labels == 0)
    labels[members[len(members) // 5 :]] = -1
    assert "Rings" not in called(add_clustering(dataset, labels))


def test_a_cluster_that_is_new_takes_no_colour_of_one_that_kept_its_own(dataset, first):
    swapped = np.array([1, 2, 0, -1])[labels_of(first)]
    swapped[swapped == 2] = np.where(np.arange((swapped == 2).sum()) % 2, 2, 5)
    again = add_clustering(dataset, swapped)
    colours = [name.colour for number, name in names_of_clustering(again).items() if number >= 0]
    assert len(colours) == len(set(colours)) == 4


def test_names_given_to_an_earlier_clustering_later_stay_with_it(dataset, first):
    again = add_clustering(dataset, labels_of(first))
    rename_cluster(clustering=first, cluster=0, name="Rings")
    assert called(first)[0] == "Rings"
    assert called(again)[0] == "Cluster 0"


def test_names_come_from_the_clustering_that_was_current_not_from_the_root(dataset, first):
    again = add_clustering(dataset, labels_of(first), earlier=first)
    rename_cluster(clustering=again, cluster=0, name="Rings")
    third = add_clustering(dataset, labels_of(first), earlier=first)
    assert called(third)[0] == "Cluster 0", "its inputs name the root"
    ClusterOperation.objects.create(
        dataset=dataset, clustering=third.pk, kind="read", params={"before": str(again.pk)}
    )
    assert called(third)[0] == "Rings"


def test_a_clustering_whose_files_are_gone_hands_down_nothing(dataset, first):
    rename_cluster(clustering=first, cluster=0, name="Rings")
    again = add_clustering(dataset, labels_of(first))
    (first.folder / "labels.npy").unlink()
    (first.folder / "clusters.json").unlink()
    assert called(again) == ["Cluster 0", "Cluster 1", "Cluster 2"]


def test_a_clustering_of_other_frames_hands_down_nothing(dataset, first):
    rename_cluster(clustering=first, cluster=0, name="Rings")
    assert "Rings" not in called(add_clustering(dataset, labels_of(first)[:-1]))


def test_no_two_clusters_are_ever_the_same_one():
    random = np.random.default_rng(5)
    for _ in range(50):
        before, after = random.integers(-1, 5, 60), random.integers(-1, 5, 60)
        mixed = np.where(random.random(60) < 0.7, before, after)
        matches = count_overlap(before, mixed).matches()
        assert len(set(matches.values())) == len(matches)


def test_pairs_of_many_clusters_are_counted_as_those_of_few():
    random = np.random.default_rng(5)
    before, after = random.integers(-1, 3000, 20_000), random.integers(-1, 3000, 20_000)
    found = count_overlap(before, after)
    assert found.shared.sum() == 20_000
    assert found.old_sizes.tolist() == np.bincount(before + 1, minlength=3001).tolist()
    assert found.new_sizes.tolist() == np.bincount(after + 1, minlength=3001).tolist()
    assert found.old_kept[1:].sum() == found.new_kept[1:].sum() == ((before >= 0) & (after >= 0)).sum()


def test_names_survive_another_network_and_other_settings_by_which_clusters_are_found(dataset, first):
    """As in practice: latents of another training, and clusters of another least size."""
    random = np.random.default_rng(5)
    middles, kinds = random.normal(0, 3, (5, 6)), random.choice(5, N, p=(0.3, 0.25, 0.2, 0.15, 0.1))
    latents = middles[kinds] + random.normal(0, 0.85, (N, 6))
    turned = (latents + random.normal(0, 0.3, (N, 6))) @ np.linalg.qr(random.normal(size=(6, 6)))[0]
    found = [
        cluster_points(points.astype(np.float32), ClusterRecipe(method="eom", **recipe))
        for points, recipe in (
            (latents, {"min_cluster_size": 10, "min_samples": 5}),
            (turned, {"min_cluster_size": 8, "min_samples": 8}),
        )
    ]
    once = add_clustering(dataset, found[0].labels)
    kind_of = [np.bincount(kinds[labels_of(once) == number]).argmax() for number in range(5)]
    assert sorted(kind_of) == [0, 1, 2, 3, 4], "or the test shows nothing"
    for number, kind in enumerate(kind_of):
        rename_cluster(clustering=once, cluster=number, name=f"Kind {kind}")
    again = add_clustering(dataset, found[1].labels)
    assert (labels_of(again) != labels_of(once)).mean() > 0.3, "the numbers are others"
    for number, name in enumerate(called(again)):
        assert name == f"Kind {np.bincount(kinds[labels_of(again) == number]).argmax()}"


@pytest.mark.parametrize("seed", range(8))
def test_no_two_clusters_ever_end_with_one_name_or_one_free_colour(dataset, first, seed):
    """Whatever people do: rename, undo, cluster again, merge and split at random."""
    random = np.random.default_rng(seed)
    clustering, names = first, ["Rings", "Discs", "Streaks", "Empty ones"]
    for _ in range(12):
        present = [number for number in names_of_clustering(clustering) if number >= 0]
        act = random.integers(4)
        try:
            if act < 2 and present:
                name = names[random.integers(len(names))]
                rename_cluster(clustering=clustering, cluster=int(random.choice(present)), name=name)
            elif act == 2 and (made := dataset.cluster_operations.exclude(kind="undo").last()):
                undo_operation(operation=made)
            else:
                labels = labels_of(clustering).copy()
                moved = random.random(N) < 0.3
                labels[moved] = random.integers(-1, len(present) + 1, moved.sum())
                clustering = add_clustering(dataset, labels)
        except OperationError:
            pass
        found = [name for number, name in names_of_clustering(clustering).items() if number >= 0]
        for each in ("name", "colour"):
            values = [getattr(name, each) for name in found]
            assert len(set(values)) == len(values)
