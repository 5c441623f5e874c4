"""The table of networks, what people say of them, and where they come from."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.webapp.factories import make_classified, make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.classifier_choice import use_again
from webapp.jobs.models import Job, Product
from webapp.live.models import LiveSession
from webapp.live.selectors import sorters_for
from webapp.networks.applicability import networks_for
from webapp.networks.describe import archive_network, describe_network
from webapp.networks.lineage import MOST_IN_COLUMN, lineage_of
from webapp.networks.models import NetworkChange
from webapp.networks.registry import Wish, rows_for, tell_uses

pytestmark = pytest.mark.django_db


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def user(group):
    return make_user("ada", group)


@pytest.fixture
def dataset(group):
    return make_sorted_dataset(group, 300, "run 7")


@pytest.fixture
def signed_in(client, user):
    client.force_login(user)
    return client


def classifier(dataset, name="", macro_f1=0.85, user=None):
    """Add a classifier with that figure."""
    network = make_classified(dataset).input("network")
    network.facts["figures"]["metrics"] |= {"macro_f1": macro_f1, "intervals": {"macro_f1": [0.7, 0.9]}}
    network.name, network.created_by = name or network.name, user
    network.save()
    return network


def names(user, **wish):
    return [row.called for row in rows_for(user, Wish.of({name: str(value) for name, value in wish.items()}))]


def page(client, **query):
    answer = client.get(reverse("networks:network-list"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def act(client, route, network, **fields):
    return client.post(reverse(f"networks:{route}", args=[network.pk]), fields)


def test_the_table_is_searched_filtered_and_sorted(user, dataset, group):
    other = make_sorted_dataset(group, 300, "night shift")
    classifier(dataset, "weak", 0.4)
    classifier(dataset, "strong", 0.9, user)
    classifier(other, "middling", 0.6)
    assert names(user, kind="train") == ["middling", "strong", "weak"]
    assert names(user, kind="train", sort="figure") == ["strong", "middling", "weak"]
    assert names(user, kind="train", sort="name") == ["middling", "strong", "weak"]
    assert names(user, mine=1) == ["strong"]
    assert names(user, kind="train", dataset=other.pk) == ["middling"]
    assert names(user, q="STRONG streak") == ["strong"]
    assert names(user, q="night", kind="learn") == ["night shift: FactorVAE, seed 0"]
    assert names(user, q="nowhere") == []
    assert Wish.of({"sort": "'", "state": "x", "kind": "index", "dataset": "1"}) == Wish()


def test_a_row_says_what_it_learned_from_and_how_good_it_is(signed_in, dataset):
    network = classifier(dataset, "mine", 0.8)
    network.facts["data"]["n_labelled"] = 123
    network.save()
    text = page(signed_in)
    for words in ("123 labels", "0.8</strong>", "0.70 to 0.90", "Round, Elliptical, Streak, Empty", "run 7"):
        assert words in text, words


def test_where_a_network_is_used_follows_what_is_current(user, dataset):
    first = make_classified(dataset)
    second = make_classified(dataset)

    def used():
        rows = rows_for(user, Wish())
        tell_uses(rows)
        return {row.pk: row.used for row in rows if row.used}

    clusters = dataset.products.get(kind="learn").pk
    sorts = [("sorts", "run 7", dataset.pk)]
    assert used() == {clusters: [("clusters", "run 7", dataset.pk)], second.input("network").pk: sorts}
    use_again(dataset=dataset, classification=first)
    assert used()[first.input("network").pk] == sorts
    assert second.input("network").pk not in used()


def test_a_live_session_that_runs_is_told(signed_in, group, dataset):
    network = classifier(dataset)
    job = Job.objects.create(kind="watch", group=group, key="k")
    session = LiveSession.objects.create(group=group, name="night", watched="/x", network=network, job=job)
    assert reverse("live:session-detail", args=[session.pk]) in page(signed_in)
    Job.objects.update(state="succeeded")
    assert reverse("live:session-detail", args=[session.pk]) not in page(signed_in)


def test_two_hundred_networks_cost_no_more_queries_than_two(signed_in, dataset):
    network = classifier(dataset)
    page(signed_in)
    with CaptureQueriesContext(
        connection,
    ) as few:
        page(signed_in)
    for number in range(200):
        make_product(
            dataset, "train", lambda out: None, network.facts, {}, {"number": number}, name=f"n {number}"
        )
    with CaptureQueriesContext(connection) as many:
        text = page(signed_in)
    assert len(many) <= len(few) + 1
    assert "1 to 50 shown" in text
    assert "Page 1 of 5" in text
    assert "201 to 202 shown" in page(signed_in, page=5)


def test_a_name_and_a_note_stand_beside_the_title_and_are_logged(signed_in, user, dataset):
    network = classifier(dataset, "automatic title")
    act(signed_in, "network-describe", network, name="  The  good one ", note="For nights.\nDim.")
    text = page(signed_in)
    assert "The good one" in text
    assert "automatic title" in text
    assert "For nights." in text
    assert names(user, q="nights") == ["The good one"]
    act(signed_in, "network-describe", network, name="", note="For nights.\nDim.")
    words = [change.words for change in NetworkChange.objects.all()]
    assert words == [
        "took the name away, before “The good one”",
        "noted: For nights.\nDim.",
        "named it “The good one”",
    ]
    assert set(NetworkChange.objects.values_list("created_by__username", flat=True)) == {"ada"}
    act(signed_in, "network-describe", network, name="", note="For nights.\nDim.")
    assert NetworkChange.objects.count() == 3, "nothing changed"


def test_an_archived_network_is_kept_but_offered_nowhere(signed_in, user, group, dataset):
    network, other = classifier(dataset, "old"), make_sorted_dataset(group, 300, "run 8")
    folder = network.folder
    assert network in networks_for(other, "train")
    act(signed_in, "network-archive", network, archived=1)
    assert network not in networks_for(other, "train")
    assert network not in sorters_for(user)
    assert "old" not in names(user)
    assert names(user, state="archived") == ["old"]
    assert folder.is_dir()
    text = signed_in.get(reverse("networks:network-detail", args=[network.pk])).content.decode()
    assert "Offer it again" in text
    assert "ada archived it" in text
    act(signed_in, "network-archive", network, archived=0)
    assert network in networks_for(other, "train")


def test_viewers_and_strangers_say_nothing(client, group, dataset):
    network = classifier(dataset)
    client.force_login(make_user("bob", group, role="viewer"))
    for route in ("network-describe", "network-archive"):
        assert act(client, route, network).status_code == 403
    client.force_login(make_user("eve", make_group("other")))
    for route in ("network-describe", "network-archive"):
        assert act(client, route, network).status_code == 404
    assert not NetworkChange.objects.exists()
    assert "run 7" not in page(client)


def test_the_lineage_leads_from_the_frames_over_the_network_to_what_was_made(group, dataset):
    classification = make_classified(dataset)
    network = classification.input("network")
    inputs = {"classification": classification, "network_0": network}
    manifest = make_product(dataset, "manifest", lambda out: None, {}, inputs)
    further = make_product(dataset, "train", lambda out: None, network.facts, {"start_from": network})
    nodes = {node.key: node for node in lineage_of(network).nodes}
    columns = {key: node.column for key, node in nodes.items()}
    condensation = dataset.products.get(kind="condense")
    expected = {condensation: -1, network: 0, classification: 1, further: 1, manifest: 2}
    assert columns == {str(product.pk): column for product, column in expected.items()}
    assert nodes[str(manifest.pk)].parents == [str(classification.pk)], "not from the network besides"
    back = {node.key: node.column for node in lineage_of(further).nodes}
    assert back[str(network.pk)] == -1
    assert back[str(condensation.pk)] == -2


def test_a_long_lineage_is_cut_and_says_so(dataset):
    network = dataset.products.get(kind="learn")
    for number in range(MOST_IN_COLUMN + 3):
        make_product(dataset, "train", lambda out: None, {}, {"start_from": network}, {"number": number})
    found = lineage_of(network)
    assert found.n_left_out == 4
    assert len({(node.x, node.y) for node in found.nodes}) == len(found.nodes)


def test_a_network_without_a_data_set_has_a_page(signed_in, group, dataset):
    network = classifier(dataset, "from elsewhere")
    network.parents.clear()
    Product.objects.filter(pk=network.pk).update(dataset=None, inputs={})
    describe_network(network=network, name="Guest", note="")
    archive_network(network=network, is_archived=False)
    answer = signed_in.get(reverse("networks:network-detail", args=[network.pk]))
    assert answer.status_code == 200
    assert "Guest" in page(signed_in)
