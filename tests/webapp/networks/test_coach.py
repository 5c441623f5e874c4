"""What to label next, as the Sort page and the Label page say it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.classifier_figures import figures_of
from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from webapp.labels.services import create_scheme
from webapp.networks.coach import coach_of

pytestmark = pytest.mark.django_db
CLASSES = ("Prolate", "Streak", "Round", "Layered")


@pytest.fixture
def dataset():
    return make_sorted_dataset(make_group(), n_frames=120)


@pytest.fixture
def network(dataset):
    create_scheme(dataset=dataset, names=CLASSES, exclusive=())
    network = make_classified(dataset, CLASSES).input("network")
    network.facts |= {"figures": figures_of(CLASSES, True)}
    network.save()
    return network


def read(dataset, route: str, role: str = "member") -> str:
    client = Client()
    client.force_login(make_user(f"ada the {role}", dataset.group, role=role))
    answer = client.get(reverse(route, args=[dataset.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_sort_page_says_what_more_labels_of_each_class_would_bring_and_links_to_their_queue(
    dataset, network
):
    text = read(dataset, "manifests:dataset-classify")
    assert "What to label next" in text
    rows = re.findall(r"(\d+) more: 0\.\d\d → about [01]\.\d\d", text)
    assert len(rows) == 3
    assert "mode=class&amp;class=Prolate" in text
    assert re.search(r"Macro-F1 over the number of labels. Judged: \d\d labels: macro-F1 0.\d\d", text)


def test_a_class_with_three_labels_is_asked_for_first_without_a_figure(dataset, network):
    coach = coach_of(network)
    assert coach.too_few == (("Layered", 3, 2),)
    assert coach.line == "Layered has 3 labels, too few to tell: label 2 more first."
    assert "Layered" not in [row.name for row in coach.advice]


def test_what_was_labelled_since_is_not_asked_for_again(dataset, network):
    counts = {"Layered": 4, "Prolate": 40, "Streak": 31, "Round": 31}
    assert coach_of(network, counts).line == "Layered has 4 labels, too few to tell: label 1 more first."
    counts["Layered"] = 5
    coach = coach_of(network, counts)
    assert coach.too_few == ()
    assert [row.since for row in coach.advice if row.name == "Prolate"] == [9]
    curve = network.facts["figures"]["learning_curve"] | {"helps": True}
    network.facts["figures"] = network.facts["figures"] | {"learning_curve": curve}
    assert "more of" in coach_of(network, counts).line
    plenty = dict.fromkeys(CLASSES, 400)
    assert "Train again" in coach_of(network, plenty).line


def test_the_label_page_says_it_in_one_line(dataset, network):
    assert "Layered has 3 labels, too few to tell" in read(dataset, "labels:dataset-label")


def test_a_viewer_is_offered_no_labelling(dataset, network):
    text = read(dataset, "manifests:dataset-classify", "viewer")
    assert "What to label next" in text
    assert "Label frames taken for" not in text


def test_where_more_labels_hardly_help_the_confused_classes_are_named(dataset, network):
    curve = network.facts["figures"]["learning_curve"] | {"helps": False, "confused": ["Layered", "Round"]}
    curve["classes"] = [row for row in curve["classes"] if "after" in row]
    network.facts["figures"] = network.facts["figures"] | {"learning_curve": curve}
    assert coach_of(network).line.startswith("More labels will hardly help: Layered and Round are confused")


def test_cards_without_a_curve_say_what_to_do_and_why(dataset, network):
    network.facts["figures"] = {"metrics": None}
    assert "Train again" in coach_of(network).why
    network.facts["figures"] = {"learning_curve": {"why": "a residual network is fitted for minutes"}}
    assert (
        coach_of(network).why
        == "Nothing can be told of more labels: a residual network is fitted for minutes."
    )


def test_the_projection_begins_where_the_labels_end_and_never_falls(network):
    chart = coach_of(network).chart
    known, beyond = (
        [tuple(map(float, pair.split(","))) for pair in line.split()]
        for line in (chart.known, chart.projected)
    )
    assert known[-1] == beyond[0]
    assert known[-1][0] <= chart.now < beyond[-1][0]
    heights = [y for _, y in known + beyond]
    assert heights == sorted(heights, reverse=True)
