"""Uploads over real connections that break, hang and collide, to a server that is killed."""

import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.conftest import wait_until
from tests.integration.tus_client import Generated, MiB, TusClient, WebServer, break_off, status_of
from webapp.datasets.models import Dataset
from webapp.supervisor.group import WEB_THREADS
from webapp.uploads.models import Upload

CHUNK = 32 * MiB
SIZE = 2 * 10**9
N_CUTS = 20
MOST_MEMORY = 300 * 10**6


@pytest.fixture
def server(outside):
    running = WebServer(outside)
    running.start()
    yield running
    running.kill()


@pytest.fixture
def client(server):
    return TusClient(server)


@pytest.fixture(autouse=True)
def _no_copies_stay(transactional_db):
    yield
    for upload in Upload.objects.select_related("upload_set"):
        upload.part.remove()
        upload.place.unlink(missing_ok=True)


def wait_for_dataset(client, path):
    """Return the row of an upload when its set has become a data set."""
    upload = Upload.objects.select_related("upload_set").get(pk=path.split("/")[-2])
    finish = f"/uploads/sets/{upload.upload_set_id}/finish/"
    wait_until(lambda: b'"registered"' in client.ask("POST", finish)[2], every=0.2)
    upload.refresh_from_db()
    return upload


def send_with_cuts(client, path, data, cuts, on_cut=lambda: None):
    """Send all, break off at each place in `cuts`, ask, go on; return how much each cut cost."""
    again, offset, left = [], 0, sorted(cuts)
    while offset < data.size:
        stop = min(offset + CHUNK, data.size)
        body, checked = data.block(offset, stop), (offset // CHUNK) % 2 == 1
        if not left or left[0] >= stop:
            assert client.patch(path, offset, body, checked) == 204
            offset = stop
            continue
        cut = left.pop(0)
        connection = client.open_patch(path, offset, len(body), body if checked else None)
        connection.sendall(body[: max(cut - offset, 0)])
        break_off(connection, harshly=len(left) % 2 == 0)
        on_cut()
        there = client.offset(path)
        assert offset <= there <= max(cut, offset)
        again.append(max(cut, offset) - there)
        offset = there
    return again


@pytest.mark.timeout(300)
def test_two_gigabytes_cut_twenty_times_arrive_whole(client, server):
    data, chance = Generated(SIZE, seed=7), random.Random(7)
    path = client.create(SIZE)
    begun = time.monotonic()
    again = send_with_cuts(client, path, data, [chance.randrange(SIZE) for _ in range(N_CUTS)])
    upload = wait_for_dataset(client, path)
    print(
        f"\n{SIZE / 1e9:.1f} GB, {len(again)} cuts, in {time.monotonic() - begun:.1f} s; sent again "
        f"{sum(again) / 1e6:.1f} MB in all, {max(again) / 1e6:.1f} MB at most for a cut; "
        f"the server's memory peaked at {server.peak_bytes() / 1e6:.0f} MB"
    )
    assert upload.sha256 == data.sha256()
    assert len(again) == N_CUTS
    assert max(again) <= CHUNK
    assert server.peak_bytes() < MOST_MEMORY
    assert Dataset.objects.get().source_files.get().size == SIZE


def test_an_upload_outlives_a_server_that_is_killed_at_its_work(client, server):
    data = Generated(100 * MiB + 12345, seed=8)
    path = client.create(data.size, sha256=data.sha256())

    def kill_and_start():
        server.kill()
        server.start()

    again = send_with_cuts(client, path, data, [10 * MiB, 50 * MiB + 7, 90 * MiB], kill_and_start)
    assert max(again) <= CHUNK
    assert wait_for_dataset(client, path).sha256 == data.sha256()


def test_what_arrived_before_a_cut_is_kept(client):
    path = client.create(CHUNK)
    connection = client.open_patch(path, 0, CHUNK)
    connection.sendall(b"a" * 3 * MiB)
    part = Upload.objects.get().part.path
    wait_until(lambda: part.stat().st_size >= 2 * MiB)
    break_off(connection, harshly=True)
    assert client.offset(path) >= 2 * MiB


def has_ended(connection):
    """Whether the server has ended a connection; what it still said does not matter."""
    connection.setblocking(False)
    try:
        return not connection.recv(10_000)
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_request_that_hangs_locks_nobody_out_and_adds_nothing_later(client):
    size = (WEB_THREADS + 6) * MiB
    path = client.create(size)
    part, hanging = Upload.objects.get().part.path, []
    for _ in range(WEB_THREADS + 2):
        offset = client.offset(path)
        connection = client.open_patch(path, offset, size - offset)
        connection.sendall(b"a" * MiB)
        hanging.append(connection)
        wait_until(lambda offset=offset: part.stat().st_size > offset)
    offset = client.offset(path)
    for connection in hanging:
        with suppress(OSError):  # the server has hung up
            connection.sendall(b"x" * 1000)
    wait_until(lambda: all(has_ended(connection) for connection in hanging[:-1]))
    for connection in hanging:
        connection.close()
    assert client.offset(path) == offset
    assert client.patch(path, offset, b"b" * (size - offset)) == 204
    assert set(Path(wait_for_dataset(client, path).place).read_bytes()) <= set(b"ab")


def test_two_who_send_at_once_never_mix_their_bytes(client):
    size = 8 * MiB
    for _ in range(5):
        path = client.create(size)
        pair = [client.open_patch(path, 0, size) for _ in range(2)]
        statuses = {}

        def send(place, pair=pair, statuses=statuses):
            try:
                pair[place].sendall(b"ab"[place : place + 1] * size)
                statuses[place] = status_of(pair[place])
            except OSError:
                statuses[place] = 0

        threads = [threading.Thread(target=send, args=(place,)) for place in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection in pair:
            connection.close()
        upload = Upload.objects.select_related("upload_set").get(pk=path.split("/")[-2])
        file = upload.part.path if upload.part.path.exists() else upload.place
        assert len(set(file.read_bytes())) <= 1
        assert list(statuses.values()).count(204) <= 1
        upload.part.remove()
