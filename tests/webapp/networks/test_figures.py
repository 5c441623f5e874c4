"""Figures of a classifier on its pages: with intervals, and none that looks exact and tells nothing."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.classifier_figures import figures_of as make_figures
from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from webapp.networks.figures import figures_of, sorted_percents

pytestmark = pytest.mark.django_db
CLASSES = ("Prolate", "Streak", "Round", "Empty")


@pytest.fixture
def dataset():
    return make_sorted_dataset(make_group(), n_frames=120)


@pytest.fixture
def network(dataset):
    network = make_classified(dataset, CLASSES).input("network")
    network.facts |= {"figures": make_figures(CLASSES, False)}
    network.facts["recipe"] |= {"exclusive": ["Empty"]}
    network.save()
    return network


def pages_of(dataset, network) -> list[str]:
    client = Client()
    client.force_login(make_user("ada", dataset.group))
    addresses = [
        reverse("manifests:dataset-classify", args=[dataset.pk]),
        reverse("networks:network-detail", args=[network.pk]),
    ]
    return [client.get(address).content.decode() for address in addresses]


def test_both_pages_say_the_same_with_intervals_beside_one_constant_answer(dataset, network):
    tables = [
        re.search(r'<dl class="figure-row">.*?</tfoot>', text, re.S) for text in pages_of(dataset, network)
    ]
    assert tables[0].group() == tables[1].group()
    text = tables[0].group()
    assert "One constant answer" in text
    assert len(re.findall(r"0\.\d\d to [01]\.\d\d", text)) == 3 + 3 * 3
    assert "accuracy" not in text.lower()


def test_a_class_with_three_labels_has_no_figures(dataset, network):
    rare = figures_of(network).classes[3]
    assert rare.is_too_few
    for text in pages_of(dataset, network):
        row = re.search(r'<tr><th scope="row">Empty</th>.*?</tr>', text, re.S).group()
        assert "too few to tell" in row
        assert "1.000" not in row


def test_the_share_of_a_class_is_told_among_labels_and_in_all_frames(network):
    found = figures_of(network, sorted_percents(network))
    assert sum(row.percent for row in found.classes) == pytest.approx(100)
    assert all(row.in_all is not None and row.in_all > 0 for row in found.classes)


def test_what_comes_together_is_told_where_several_classes_are_allowed(dataset, network):
    found = figures_of(network)
    assert [name for name, _ in found.together] == list(CLASSES)
    cell = found.together[0][1][1]
    assert cell.words.startswith("labelled 0 of 31 (0 to 11 %), decided")
    assert all("Classes that come together" in text for text in pages_of(dataset, network))
    network.facts["figures"] = make_figures(CLASSES, True)
    assert figures_of(network).together == []


def test_it_is_told_what_the_rule_of_classes_that_stand_alone_has_changed(dataset, network):
    words = figures_of(network).exclusions
    assert re.fullmatch(
        r"Rule: Empty stands alone\. \d+ of 96 decisions changed by that; none is broken\.", words
    )
    assert all(words in text for text in pages_of(dataset, network))


def test_reliability_is_told_of_each_class_with_enough_labels(dataset, network):
    assert [name for name, _ in figures_of(network).reliability_of_each] == list(CLASSES[:3])
    assert all("Reliability of Streak" in text for text in pages_of(dataset, network))


def test_cards_of_earlier_versions_are_shown_without_what_they_lack(network):
    metrics = network.facts["figures"]["metrics"]
    old = {
        name: metrics[name]
        for name in ("n_frames", "macro_f1", "macro_average_precision", "mcc", "per_class", "confusion")
    }
    network.facts["figures"] = {"metrics": old}
    found = figures_of(network)
    assert found.macro_f1.low is None
    assert (found.together, found.exclusions, found.reliability) == ([], "", None)
