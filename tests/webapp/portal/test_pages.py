import pytest
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, State
from webapp.jobs.services import end_job, submit
from webapp.portal.views import server_error

pytestmark = pytest.mark.django_db


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


def page(client, route, **kwargs):
    answer = client.get(reverse(route, kwargs=kwargs))
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_empty_portal_says_what_to_do_first(signed_in):
    text = page(signed_in, "portal:home")
    assert "First register a data set" in text
    assert reverse("datasets:dataset-register") in text


def test_whoever_is_in_no_group_is_told_whom_to_ask(client):
    client.force_login(make_user("nora"))
    assert "You belong to no group yet" in page(client, "portal:home")


def test_home_lists_data_sets_with_pictures_and_their_line(signed_in, group):
    dataset = make_sorted_dataset(group, 300)
    text = page(signed_in, "portal:home")
    index = dataset.products.get(kind="index")
    assert reverse("jobs:product-image", args=[index.pk, "mean.png"]) in text
    assert "Label: next" in text


def test_home_says_what_needs_me(signed_in, group):
    dataset = make_dataset(group, 300)
    end_job(submit(kind="index", group=group, dataset=dataset).job, State.FAILED, "The disk is full.")
    Dataset.objects.create(group=group, name="a draft of mine")
    text = page(signed_in, "portal:home")
    assert "The disk is full." in text
    assert "a draft of mine" in text


def test_a_failure_that_was_tried_again_needs_nobody(signed_in, group):
    dataset = make_dataset(group, 300)
    end_job(submit(kind="index", group=group, dataset=dataset).job, State.FAILED, "The disk is full.")
    submit(kind="index", group=group, dataset=dataset, params={"again": 1})
    assert "The disk is full." not in page(signed_in, "portal:home")


def test_home_costs_no_more_queries_for_more_data_sets(signed_in, group, django_assert_max_num_queries):
    for number in range(6):
        make_dataset(group, 300, f"run {number}")
    with django_assert_max_num_queries(16):
        page(signed_in, "portal:home")


def test_home_leaves_out_what_a_row_says_of_thousands_of_files(
    signed_in, group, django_assert_max_num_queries
):
    make_sorted_dataset(group, 60)
    make_dataset(group, 60, name="draft")
    Dataset.objects.filter(name="draft").update(is_draft=True)
    submit(kind="learn", group=group, dataset=Dataset.objects.get(is_draft=False), params={"seed": 1})
    Job.objects.update(state=State.RUNNING)
    with django_assert_max_num_queries(60) as captured:
        assert b"draft" in signed_in.get(reverse("portal:home")).content
    assert not [query["sql"] for query in captured.captured_queries if "asked_for" in query["sql"]]


def test_the_data_page_shows_facts_patterns_and_histograms(signed_in, group):
    dataset = make_sorted_dataset(group, 300)
    text = page(signed_in, "portal:dataset-detail", pk=dataset.pk)
    for words in ("64 × 64 px", "/entry/data/data", "max.png", "sheets/0.jpg", "all chosen automatically"):
        assert words in text
    columns = page(signed_in, "datasets:dataset-columns", pk=dataset.pk)
    assert "Total counts" in columns
    assert columns.count("<rect") > 2


def test_a_draft_leads_to_the_draft_page(signed_in, group):
    dataset = Dataset.objects.create(group=group, name="draft")
    answer = signed_in.get(reverse("portal:dataset-detail", args=[dataset.pk]))
    assert answer.url == reverse("datasets:dataset-draft", args=[dataset.pk])


def test_the_line_polls_only_while_something_moves(signed_in, group):
    dataset = make_dataset(group, 300)
    url = reverse("portal:dataset-line", args=[dataset.pk])
    assert b"hx-get" not in signed_in.get(url).content
    job = submit(kind="index", group=group, dataset=dataset).job
    assert b"hx-get" in signed_in.get(url).content
    end_job(job, State.CANCELLED, "Cancelled.")
    assert b"hx-get" not in signed_in.get(url).content


def test_the_line_tells_that_the_step_of_this_page_has_ended(signed_in, group):
    dataset = make_sorted_dataset(group, 300)
    url = reverse("portal:dataset-line", args=[dataset.pk])
    assert b"This step has ended" in signed_in.get(url, {"here": "learn", "was": "running"}).content
    assert b"This step has ended" not in signed_in.get(url, {"here": "learn", "was": "done"}).content
    assert signed_in.get(url, {"here": "<script>", "was": "?"}).status_code == 200


def test_sort_submits_all_that_is_left(signed_in, group):
    dataset = make_dataset(group, 300)
    answer = signed_in.post(reverse("portal:dataset-sort", args=[dataset.pk]), follow=True)
    kinds = set(Job.objects.values_list("kind", flat=True))
    assert {"index", "condense", "learn", "embed", "cluster", "project", "manifest"} <= kinds
    assert b"on the way" in answer.content


def test_sort_goes_on_from_the_newest_network(signed_in, group):
    dataset = make_dataset(group, 300)
    make_product(dataset, "learn", lambda out: None, {}, {}, {"recipe": {"n_steps": 77}, "seed": 5})
    signed_in.post(reverse("portal:dataset-sort", args=[dataset.pk]))
    assert Job.objects.get(kind="learn").params == {"recipe": {"n_steps": 77}, "seed": 5}


def test_a_viewer_may_not_sort_and_is_offered_no_button(client, group):
    client.force_login(make_user("bob", group, role="viewer"))
    dataset = make_dataset(group, 300)
    url = reverse("portal:dataset-sort", args=[dataset.pk])
    assert url not in page(client, "portal:dataset-detail", pk=dataset.pk)
    answer = client.post(url)
    assert answer.status_code == 403
    assert b"ask an owner" in answer.content
    assert not Job.objects.exists()


def test_sort_needs_a_post(signed_in, group):
    dataset = make_dataset(group, 300)
    assert signed_in.get(reverse("portal:dataset-sort", args=[dataset.pk])).status_code == 405


def test_the_group_page_lists_members_and_roles(signed_in, group):
    make_user("bob", group, role="viewer")
    text = page(signed_in, "portal:group-detail", pk=group.pk)
    assert "bob" in text
    assert "Viewer" in text


def test_what_belongs_to_others_is_not_found(client, group):
    dataset = make_dataset(group, 300)
    client.force_login(make_user("eve", make_group("other")))
    for route in ("portal:dataset-detail", "portal:dataset-line"):
        answer = client.get(reverse(route, args=[dataset.pk]))
        assert answer.status_code == 404
        assert b"a group that you are not in" in answer.content
    assert client.post(reverse("portal:dataset-sort", args=[dataset.pk])).status_code == 404
    assert client.get(reverse("portal:group-detail", args=[group.pk])).status_code == 404


def test_a_fault_gets_a_number_that_stands_in_the_log(rf, caplog):
    answer = server_error(rf.get("/jobs/"))
    assert answer.status_code == 500
    number = caplog.records[-1].args[0]
    assert number.encode() in answer.content


def test_names_are_shown_as_text(signed_in, group):
    make_dataset(group, 300, name="<script>alert(1)</script>")
    assert "<script>alert" not in page(signed_in, "portal:home")


@pytest.mark.parametrize(
    "route", ["portal:home", "portal:help", "jobs:job-list", "datasets:dataset-register"]
)
def test_pages_keep_to_the_content_security_policy(signed_in, route):
    answer = signed_in.get(reverse(route))
    text = answer.content.decode()
    assert " style=" not in text
    assert "<style" not in text
    assert " onclick=" not in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
