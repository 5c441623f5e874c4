"""The nuisance report on the clusters page."""

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_group, make_product, make_sorted_dataset, make_user
from tests.webapp.nuisance_reports import WHY, judge, make_report
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job

pytestmark = pytest.mark.django_db
N = 70


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


def sign_in(dataset: Dataset, role: str) -> Client:
    client = Client()
    client.force_login(make_user(role, dataset.group, role=role))
    return client


@pytest.fixture
def client(dataset: Dataset) -> Client:
    return sign_in(dataset, "viewer")


class Tables(HTMLParser):
    """The tables of a page as rows of text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.tables[-1][-1][-1] += data


def fragment(client: Client, dataset: Dataset) -> str:
    response = client.get(reverse("explore:nuisance-report", args=[dataset.pk]))
    assert response.status_code == 200
    return response.content.decode()


def test_the_matrix_is_a_table_of_clusters_and_one_of_latents(client: Client, dataset: Dataset) -> None:
    make_report(dataset)
    text = fragment(client, dataset)
    clusters, latents = Tables(text).tables
    assert clusters[0] == ["Cluster", "Cell", "Brightness", "How it differs most"]
    assert clusters[1] == ["Cluster 0", "0", "31", "brighter than 80 % of the rest"]
    assert clusters[2] == ["Cluster 1", "97", "0", f"Artefact? {WHY}"]
    assert clusters[3][:3] == ["Cluster 2", "–", "80"]
    assert clusters[4][0] == "Noise"
    assert latents[1] == ["Latent 0", "25", "–", "not used"]
    assert "1 of 3 clusters looks like an artefact." in text
    assert "not compared: the same in all frames (0.1)" in text


def test_names_from_files_are_never_markup_and_nothing_is_styled_inline(
    client: Client, dataset: Dataset
) -> None:
    make_report(dataset)
    for text in (
        fragment(client, dataset),
        client.get(reverse("explore:dataset-clusters", args=[dataset.pk])).content.decode(),
    ):
        assert "cell &lt;7&gt;" in text
        assert "<7>" not in text
        assert "style=" not in text


def test_the_card_of_a_flagged_cluster_says_why_and_leads_to_its_frames(
    client: Client, dataset: Dataset
) -> None:
    url = reverse("explore:dataset-clusters", args=[dataset.pk])
    assert "Artefact?" not in client.get(url).content.decode()
    make_report(dataset)
    response = client.get(url)
    flags = {card["id"]: card["flags"] for card in response.context["cards"]}
    assert flags[1] == {"artefact": WHY, "sorted_by": ""}
    assert flags[2]["sorted_by"].startswith("Sorted by brightness")
    assert response.content.decode().count("Artefact?") == 1
    assert f'href="{url}?cluster=1"' in fragment(client, dataset)


def test_a_report_of_other_clusters_is_not_shown(client: Client, dataset: Dataset) -> None:
    make_report(dataset)
    older = dataset.products.get(kind="cluster")
    newer = make_product(dataset, "cluster", lambda out: copy_files(older, out), older.facts)
    assert "There is no report of these clusters yet." in fragment(client, dataset)
    url = reverse("explore:nuisance-report", args=[dataset.pk])
    assert "Cluster 1" in client.get(url, {"clustering": older.pk}).content.decode()
    assert "Cluster 1" not in client.get(url, {"clustering": newer.pk}).content.decode()
    assert client.get(url, {"clustering": dataset.pk}).status_code == 404
    assert client.get(url, {"clustering": "x"}).status_code == 404


def copy_files(product: Product, out: Path) -> None:
    shutil.copytree(product.folder, out, dirs_exist_ok=True)


def test_hundreds_of_clusters_are_cut_short_but_no_flag_is_left_out(client: Client, dataset: Dataset) -> None:
    many = [judge(number, 0.0, 0.0, artefact=WHY if number == 450 else "") for number in range(500)]
    make_report(dataset, many)
    text = fragment(client, dataset)
    assert len(Tables(text).tables[0]) == 1 + 201
    assert "Cluster 450" in text
    assert "201 of 500 shown" in text


def test_a_member_asks_for_the_report_and_the_page_waits_for_it(dataset: Dataset) -> None:
    member, url = sign_in(dataset, "member"), reverse("explore:nuisance-write", args=[dataset.pk])
    assert url in fragment(member, dataset)
    assert member.post(url).url == reverse("explore:dataset-clusters", args=[dataset.pk])
    job = Job.objects.get(kind="nuisance")
    assert job.inputs["clustering"] == str(dataset.products.get(kind="cluster").pk)
    assert [cause.kind for cause in job.after.all()] == ["measure"]
    text = fragment(member, dataset)
    assert "hx-trigger" in text
    assert reverse("jobs:job-detail", args=[job.pk]) in text
    member.post(url)
    assert Job.objects.filter(kind="nuisance").count() == 1


def test_a_report_that_failed_says_why_and_can_be_asked_for_again(dataset: Dataset) -> None:
    member, url = sign_in(dataset, "member"), reverse("explore:nuisance-write", args=[dataset.pk])
    member.post(url)
    end_job(Job.objects.get(kind="nuisance"), State.FAILED, "The disk is full.")
    text = fragment(member, dataset)
    assert "The disk is full." in text
    assert "hx-trigger" not in text
    assert url in text


def test_who_may_only_read_sees_no_button_and_is_refused(client: Client, dataset: Dataset) -> None:
    url = reverse("explore:nuisance-write", args=[dataset.pk])
    assert url not in fragment(client, dataset)
    assert client.post(url).status_code == 403
    assert not Job.objects.exists()


def test_people_of_other_groups_find_nothing(dataset: Dataset) -> None:
    make_report(dataset)
    stranger = Client()
    stranger.force_login(make_user("stranger", make_group("another")))
    assert stranger.get(reverse("explore:nuisance-report", args=[dataset.pk])).status_code == 404
    assert stranger.post(reverse("explore:nuisance-write", args=[dataset.pk])).status_code == 404
    mine = make_sorted_dataset(make_group("another"), N)
    theirs = dataset.products.get(kind="cluster").pk
    url = reverse("explore:nuisance-report", args=[mine.pk])
    assert stranger.get(url, {"clustering": theirs}).status_code == 404
