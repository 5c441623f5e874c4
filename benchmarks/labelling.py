"""How quick a label is when twenty people label at once: `python -m benchmarks.labelling --seconds 60`.

Starts the real web server on loopback, on SQLite and on a private PostgreSQL that writes through to the
disk, with a finished data set of 100 000 frames. Each person has a session and a connection of their own,
and labels a frame about once a second, with the requests that the page makes beside it: the pixels of a frame
ahead with each label, and the next of the queue with each fourth. Beside it, in the same run: one person
alone, a bare Django view under the same load, and what the disk takes for a few kilobytes. Prints the
median, the 95th and the 99th percentile, and checks that exactly those labels are stored that were
acknowledged. Ends with 1 if not, if anything was refused, or if twenty people wait longer than 50 ms at the
95th percentile.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

LIMIT_MS = 50.0
N_PEOPLE = 20
PAUSE_S = (0.6, 1.4)
DATABASES = ("sqlite", "postgresql")


@dataclass
class Person:
    """One who labels: a session, an own connection, and what was measured."""

    port: int
    cookie: str
    seed: int
    times: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        token = "a" * 32
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.headers = {"Cookie": f"sessionid={self.cookie}; csrftoken={token}", "X-CSRFToken": token}
        self.headers |= {"Content-Type": "application/json"}
        self.random = np.random.default_rng(self.seed)

    def ask(self, what: str, path: str, body: dict[str, Any] | None = None) -> bool:
        """Ask once, and write down how long it took; whether it was answered well."""
        sent = None if body is None else json.dumps(body).encode()
        begun = time.perf_counter()
        try:
            self.connection.request("GET" if sent is None else "POST", path, sent, self.headers)
            answer = self.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.errors.append(f"{what}: {error!r}")
            self.connection.close()
            return False
        self.times.setdefault(what, []).append(1000 * (time.perf_counter() - begun))
        if answer.status not in (200, 204):
            self.errors.append(f"{what}: {answer.status}")
        return answer.status in (200, 204)


Step = Callable[[Person, int], None]


def load(people: list[Person], step: Step, seconds: float) -> None:
    """Let all people work for a while, each as quick as a person is."""
    end = time.monotonic() + seconds

    def work(person: Person) -> None:
        time.sleep(person.random.uniform(0, PAUSE_S[1]))
        number = 0
        while time.monotonic() < end:
            step(person, number)
            number += 1
            time.sleep(person.random.uniform(*PAUSE_S))

    threads = [threading.Thread(target=work, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def labelling(dataset: Any) -> Step:
    """Return what a person does for one label."""
    from django.urls import reverse

    apply = reverse("labels:label-apply", args=[dataset.pk])
    queue = reverse("labels:label-queue", args=[dataset.pk])
    names, n_frames = dataset.scheme.names, dataset.n_frames

    def step(person: Person, number: int) -> None:
        frame, client_id = int(person.random.integers(n_frames)), str(uuid.uuid4())
        act = {"scope": {"frames": [frame]}, "operation": "set", "client_id": client_id}
        if person.ask("label", apply, {**act, "classes": [str(person.random.choice(names))]}):
            person.acknowledged.append(client_id)
        person.ask("pixels", reverse("explore:frame-raw", args=[dataset.pk, frame]))
        if number % 4 == 0:
            person.ask("queue", f"{queue}?mode=order&count=12&place={97 * number}")

    return step


def bare(person: Person, number: int) -> None:
    """Do for a bare view what `labelling` does for the portal."""
    for what in ("label", "pixels", *(["queue"] if number % 4 == 0 else [])):
        person.ask(what, f"/{what}", {"frame": number} if what == "label" else None)


def figures(people: list[Person]) -> dict[str, Any]:
    """Return how long the labels took, in milliseconds, and what went wrong."""
    times = {
        what: [t for person in people for t in person.times.get(what, [])] for what in ("label", "queue")
    }
    found: dict[str, Any] = {"n": len(times["label"]), "errors": [e for p in people for e in p.errors]}
    for percent in (50, 95, 99):
        found[f"p{percent}"] = float(np.percentile(times["label"], percent)) if times["label"] else 0.0
    found["queue_p95"] = float(np.percentile(times["queue"], 95)) if times["queue"] else 0.0
    return found


def _line(name: str, row: dict[str, Any]) -> str:
    columns = "".join(f"{row[key]:8.1f}" for key in ("p50", "p95", "p99", "queue_p95"))
    return f"{name:34}{columns}{row['n']:9}{len(row['errors']):8}"


def measure(seconds: float, n_frames: int) -> int:
    """Write the data set into the database of the environment, and measure; return the exit code."""
    import django

    django.setup()
    from benchmarks.finished_dataset import Writer
    from benchmarks.pages import Server, sign_in
    from webapp.accounts.models import Group, Membership, User
    from webapp.supervisor.group import prepare_database

    prepare_database()
    group, data = Group.objects.create(name="beam time"), Path(os.environ["FRINGE_DATA"])
    users = [User.objects.create_user(username=f"person {n}", password=None) for n in range(N_PEOPLE)]
    Membership.objects.bulk_create(Membership(group=group, user=user, role="member") for user in users)
    dataset = Writer(group, n_frames).write()
    cookies = [sign_in(user) for user in users]
    print(
        f"{'':34}{'p50':>8}{'p95':>8}{'p99':>8}{'queue':>8}{'labels':>9}{'errors':>8}   ms; p95 of the queue"
    )
    plain = _BareServer()
    try:
        plain.wait()
        people = [Person(plain.port, cookie, n) for n, cookie in enumerate(cookies)]
        load(people, bare, seconds / 3)
        print(_line(f"a bare Django view, {N_PEOPLE} people", figures(people)), flush=True)
    finally:
        plain.end()
    server = Server(data)
    try:
        server.wait()
        return _measure_portal(server, dataset, cookies, seconds)
    finally:
        server.end()


def _measure_portal(server: Any, dataset: Any, cookies: list[str], seconds: float) -> int:
    from webapp.labels.models import LabelEvent

    n_before, step = LabelEvent.objects.filter(dataset=dataset).count(), labelling(dataset)
    warm = [Person(server.port, cookie, 200 + n) for n, cookie in enumerate(cookies)]
    load(warm, step, 5)  # so that each thread of the server has opened its connection to the database
    alone = [Person(server.port, cookies[0], 100)]
    load(alone, step, seconds / 3)
    print(_line("one person alone", figures(alone)), flush=True)
    people = [Person(server.port, cookie, n) for n, cookie in enumerate(cookies)]
    cpu, begun = server.cpu_s(), time.monotonic()
    disk = _watch_disk(Path(os.environ["FRINGE_DATA"]), seconds)
    load(people, step, seconds)
    busy = (server.cpu_s() - cpu) / (time.monotonic() - begun)
    row = figures(people)
    print(_line(f"{N_PEOPLE} people at once", row), flush=True)
    print(_line("8 kB written through to the disk", figures([disk()])), flush=True)
    given = [client_id for person in (*warm, *alone, *people) for client_id in person.acknowledged]
    stored = set(map(str, LabelEvent.objects.filter(dataset=dataset).values_list("client_id", flat=True)))
    n_stored, lost = len(stored) - n_before, set(given) - stored
    print(
        f"{len(given)} labels acknowledged, {n_stored} stored, {len(lost)} lost; "
        f"server busy {busy:.0%} of one core"
    )
    for error in sorted(set(row["errors"]))[:5]:
        print(error)
    is_whole = not lost and n_stored == len(given) and not row["errors"]
    verdict = "within" if row["p95"] <= LIMIT_MS else "beyond"
    print(f"95 of 100 labels within {row['p95']:.1f} ms: {verdict} the limit of {LIMIT_MS:.0f} ms")
    return 0 if is_whole and row["p95"] <= LIMIT_MS else 1


def _watch_disk(folder: Path, seconds: float) -> Callable[[], Person]:
    """Write through to the disk beside the load, as a database must; return what tells how long it took."""
    watch, end = Person(0, "", 0), time.monotonic() + seconds

    def work() -> None:
        with (folder / "written-through").open("wb", buffering=0) as file:
            while time.monotonic() < end:
                begun = time.perf_counter()
                file.write(bytes(8192))
                os.fsync(file.fileno())
                watch.times.setdefault("label", []).append(1000 * (time.perf_counter() - begun))
                time.sleep(0.1)

    thread = threading.Thread(target=work)
    thread.start()

    def done() -> Person:
        thread.join()
        return watch

    return done


class _BareServer:
    """The bare view, served as the portal is."""

    def __init__(self) -> None:
        import socket

        from webapp.supervisor.group import web_command

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = web_command(f"127.0.0.1:{self.port}")
        command[command.index("webapp.wsgi:application")] = "benchmarks.bare_django:application"
        self.process = subprocess.Popen(command)

    def wait(self) -> None:
        """Wait for the first answer."""
        import socket

        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("The bare server does not answer.")

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(20)


def _in_a_process_of_its_own(database: str, given: argparse.Namespace) -> int:
    """Measure on one database: the settings of a process know one."""
    print(f"-- {database}", flush=True)
    with tempfile.TemporaryDirectory(prefix="fringe-labelling-") as folder:
        command = [sys.executable, "-m", "benchmarks.labelling", "--on", database]
        command += ["--seconds", str(given.seconds), "--frames", str(given.frames), "--data", folder]
        return subprocess.run(command, check=False).returncode


def _prepare(database: str, data: str) -> None:
    os.environ |= {"FRINGE_DATA": data, "DJANGO_SETTINGS_MODULE": "webapp.settings", "DATABASE_URL": ""}
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    if database == "postgresql":
        import psycopg

        from tests.servers import start_postgresql

        url = start_postgresql(is_durable=True)
        with psycopg.connect(url.replace("/fringe?", "/postgres?"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE fringe")
        os.environ["DATABASE_URL"] = url


def main() -> int:
    """Measure on both databases, or on one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--on", choices=DATABASES)
    parser.add_argument("--data", help="an empty data folder; with --on")
    given = parser.parse_args()
    if not given.data:
        return max(_in_a_process_of_its_own(name, given) for name in ([given.on] if given.on else DATABASES))
    _prepare(given.on or DATABASES[0], given.data)
    return measure(given.seconds, given.frames)


if __name__ == "__main__":
    sys.exit(main())
