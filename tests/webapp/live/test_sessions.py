"""Live sessions: start, stop, resume, who may do what, and what the page shows."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from webapp.jobs.models import Job, Product
from webapp.live.models import LiveSession
from webapp.live.selectors import watch_arguments
from webapp.live.services import start_session
from workers.live.snapshot import Snapshot

pytestmark = pytest.mark.django_db
ROW = {"file": "a.h5", "state": "sorted", "time": "2026-01-01T00:00:00+00:00", "is_backlog": False}


@pytest.fixture
def folder() -> Path:
    path = settings.ALLOWED_ROOTS[0] / "incoming"
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def sorter() -> Product:
    return make_classified(make_sorted_dataset(make_group(), n_frames=60)).input("network")


@pytest.fixture
def member(sorter) -> Client:
    return signed_in(make_user("ada", sorter.group))


@pytest.fixture
def session(sorter, folder) -> LiveSession:
    return start_session(name="shift 3", folder=folder, sorter=sorter)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def start(client: Client, folder: object, sorter: Product):
    return client.post(
        reverse("live:session-list"), {"name": "shift 3", "folder": str(folder), "sorter": str(sorter.pk)}
    )


def act(client: Client, session: LiveSession, action: str):
    return client.post(reverse(f"live:session-{action}", args=[session.pk]))


def page(client: Client, session: LiveSession, **headers: str):
    return client.get(reverse("live:session-detail", args=[session.pk]), headers=headers)


def write_counts(session: LiveSession) -> None:
    session.folder.mkdir(parents=True, exist_ok=True)
    snapshot = Snapshot(session.folder, ["Disc", "Streak"])
    (session.folder / "thumbnails").mkdir(exist_ok=True)
    (session.folder / "thumbnails" / "7.webp").write_bytes(b"picture")
    for number in range(8):
        row = {**ROW, "number": number, "index": number, "classes": ["Disc"], "latency_ms": 100.0 + number}
        snapshot.take({**row, "processing_ms": 2.0, "probabilities": {"Disc": 0.9, "Streak": 0.1}})
    failed = {
        "time": ROW["time"],
        "file": "<b>.h5",
        "index": None,
        "state": "failed",
        "reason": "is truncated",
    }
    snapshot.take({**failed, "number": 8})
    snapshot.write(["growing.h5"])


def test_a_started_session_has_a_job_that_knows_what_to_watch(member, folder, sorter):
    response = start(member, folder, sorter)
    session = LiveSession.objects.get()
    assert response.url == reverse("live:session-detail", args=[session.pk])
    assert session.group == sorter.group
    assert (session.job.kind, session.job.params["session"]) == ("watch", str(session.pk))
    arguments = watch_arguments(session.job)
    assert arguments["folder"] == str(folder)
    assert arguments["network_dir"] == str(sorter.folder)
    assert arguments["reference"] is None
    assert arguments["session_dir"] == str(session.folder)
    assert arguments["dataset_path"] == "/entry/data/data"


def test_a_clustering_is_watched_with_its_factorvae_and_its_latents(member, folder, sorter):
    clustering = sorter.dataset.products.get(kind="cluster")
    start(member, folder, clustering)
    session = LiveSession.objects.get()
    assert session.network == clustering.input("network")
    reference = watch_arguments(session.job)["reference"]
    assert Path(reference["latents"]).name == "latents.npy"
    assert Path(reference["latents"]).exists()
    assert reference["labels"] == str(clustering.path("labels.npy"))


def test_a_folder_outside_of_the_roots_is_refused_in_one_line(member, sorter, tmp_path):
    response = start(member, tmp_path, sorter)
    assert response.status_code == 422
    errors = response.context["form"].errors["folder"]
    assert len(errors) == 1
    assert "not inside of an allowed folder" in errors[0]
    assert not LiveSession.objects.exists()
    assert not Job.objects.exists()


def test_a_link_that_leads_out_of_the_roots_is_refused(member, sorter, folder, tmp_path):
    link = folder / "way-out"
    link.symlink_to(tmp_path)
    assert "allowed folder" in start(member, link, sorter).context["form"].errors["folder"][0]
    link.unlink()
    for text in (f"{folder}/../../..", "incoming", "", "\0", f"{folder}/missing"):
        assert start(member, text, sorter).status_code == 422
    assert not LiveSession.objects.exists()


def test_a_file_is_no_folder_to_watch(member, sorter, folder):
    (folder / "a.h5").write_bytes(b"")
    assert "is not a folder" in start(member, folder / "a.h5", sorter).context["form"].errors["folder"][0]


def test_the_network_of_another_group_cannot_be_chosen(folder, sorter):
    other = make_group("another beam time")
    client = signed_in(make_user("eve", other))
    response = start(client, folder, sorter)
    assert response.status_code == 422
    assert "sorter" in response.context["form"].errors
    assert sorter.dataset.name not in response.content.decode()
    assert not LiveSession.objects.exists()


def test_strangers_find_nothing(session, folder):
    write_counts(session)
    (session.folder / "ledger.jsonl").write_text("{}\n")
    stranger = signed_in(make_user("eve", make_group("another beam time")))
    assert page(stranger, session).status_code == 404
    assert act(stranger, session, "stop").status_code == 404
    assert act(stranger, session, "resume").status_code == 404
    assert stranger.get(reverse("live:session-ledger", args=[session.pk])).status_code == 404
    assert stranger.get(reverse("live:session-thumbnail", args=[session.pk, 7])).status_code == 404
    assert session.name not in stranger.get(reverse("live:session-list")).content.decode()
    assert page(Client(), session).status_code == 302
    session.job.refresh_from_db()
    assert session.job.is_active


def test_a_viewer_may_look_but_not_start_or_stop(session, sorter, folder):
    viewer = signed_in(make_user("vera", sorter.group, role="viewer"))
    assert page(viewer, session).status_code == 200
    assert b'<button class="btn btn-outline-danger"' not in page(viewer, session).content
    assert start(viewer, folder, sorter).status_code == 403
    assert act(viewer, session, "stop").status_code == 403
    assert act(viewer, session, "resume").status_code == 403
    assert b"Watch this folder" not in viewer.get(reverse("live:session-list")).content
    assert LiveSession.objects.count() == Job.objects.count() == 1


def test_a_session_is_stopped_and_resumed_with_another_job(member, session):
    first = session.job
    assert act(member, session, "stop").status_code == 302
    first.refresh_from_db()
    assert first.state == "cancelled"  # it had not begun
    act(member, session, "resume")
    session.refresh_from_db()
    assert session.job != first
    assert session.job.is_active
    assert watch_arguments(session.job)["session_dir"] == str(session.folder)


def test_a_running_session_is_resumed_by_nobody(member, session):
    act(member, session, "resume")
    act(member, session, "resume")
    assert Job.objects.count() == 1


def test_a_session_that_left_a_product_can_be_resumed(member, session):
    job = session.job
    Product.objects.create(
        id=job.result_id, kind="watch", group=job.group, job=job, key=job.key, folder_name="x"
    )
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    assert "Stopped" in page(member, session).content.decode()
    act(member, session, "resume")
    session.refresh_from_db()
    assert session.job != job
    assert session.job.is_active


def test_the_page_shows_counts_latency_shares_and_what_was_passed_over(member, session):
    write_counts(session)
    text = page(member, session).content.decode()
    latencies = ("104\u202fms", "107\u202fms")
    for shown in (*latencies, "Disc", "100.0 %", "is truncated", "growing.h5", "thumbnails/7.webp"):
        assert shown in text
    assert "&lt;b&gt;.h5" in text
    assert "<b>.h5" not in text


def test_the_page_asks_for_news_until_the_session_has_ended(member, session):
    address = reverse("live:session-detail", args=[session.pk])
    fragment = page(member, session, HX_Request="true").content.decode()
    assert f'hx-get="{address}"' in fragment
    assert "<html" not in fragment
    act(member, session, "stop")
    assert "hx-get" not in page(member, session, HX_Request="true").content.decode()


def test_the_ledger_and_the_pictures_can_be_fetched(member, session):
    write_counts(session)
    (session.folder / "ledger.jsonl").write_text('{"number": 0}\n')
    ledger = member.get(reverse("live:session-ledger", args=[session.pk]))
    assert json.loads(b"".join(ledger.streaming_content)) == {"number": 0}
    picture = member.get(reverse("live:session-thumbnail", args=[session.pk, 7]))
    assert picture["Content-Type"] == "image/webp"
    assert member.get(reverse("live:session-thumbnail", args=[session.pk, 8])).status_code == 404


def test_the_list_shows_my_sessions(member, session):
    write_counts(session)
    text = member.get(reverse("live:session-list")).content.decode()
    assert "shift 3" in text
    assert "Waits for a worker" in text
