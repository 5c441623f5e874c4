"""How quick the pages of a large data set are: `python -m benchmarks.pages --frames 1000000`.

Writes a finished data set without computing it, starts the real web server on loopback, signs in, and asks
each page and fragment one after another as a browser does. Prints the first answer (nothing kept in memory
yet), the median, the 95th percentile and the longest of the rest, the server's processor time for one
request, and the memory of its process. Ends with 1 if a page is slower than its limit at the 95th percentile.
"""

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

LIMIT_MS, NEXT_LIMIT_MS, CHOICE_LIMIT_MS = 200.0, 50.0, 300.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ask:
    """A request that is made again and again; `path` and `body` get the number of the repetition."""

    name: str
    path: Callable[[int], str]
    body: Callable[[int], Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    limit_ms: float = LIMIT_MS


class Server:
    """The web server in processes of its own, as the supervisor starts it.

    Parameters
    ----------
    data : Path
        The data folder.
    """

    def __init__(self, data: Path) -> None:
        from webapp.supervisor.group import web_command

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = os.environ | {"FRINGE_DATA": str(data)}
        self.process = subprocess.Popen(web_command(f"127.0.0.1:{self.port}"), env=environment)

    def wait(self) -> None:
        """Wait for the first answer."""
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("The web server does not answer.")

    def workers(self) -> list[int]:
        """Return the processes that answer requests."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children] or [self.process.pid]

    def cpu_s(self) -> float:
        """Return the processor time used so far."""
        ticks = 0
        for pid in self.workers():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def memory_mb(self) -> dict[str, float]:
        """Return the memory of the largest process: all, that of its own, and the most of all so far."""
        found = {"VmRSS": 0.0, "RssAnon": 0.0, "VmHWM": 0.0}
        for pid in self.workers():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            for name, _, value in (line.partition(":") for line in lines):
                if name in found:
                    found[name] = max(found[name], int(value.split()[0]) / 1024)
        return found

    def end(self) -> None:
        """Stop the server."""
        self.process.terminate()
        self.process.wait(20)


class Browser:
    """One signed-in person on one connection that is kept open.

    Parameters
    ----------
    port : int
        Of the server.
    cookie : str
        Of the session.
    """

    def __init__(self, port: int, cookie: str) -> None:
        token = "a" * 32
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.headers = {"Cookie": f"sessionid={cookie}; csrftoken={token}", "X-CSRFToken": token}

    def ask(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[float, bytes]:
        """Return the milliseconds until all is read, and what was read."""
        sent, more = None, headers or {}
        if body is not None:
            is_raw = isinstance(body, bytes)
            sent = body if is_raw else json.dumps(body).encode()
            more = {"Content-Type": "application/octet-stream" if is_raw else "application/json"} | more
        begun = time.perf_counter()
        self.connection.request("GET" if sent is None else "POST", path, sent, self.headers | more)
        answer = self.connection.getresponse()
        read = answer.read()
        taken = 1000 * (time.perf_counter() - begun)
        if answer.status not in (200, 206):
            raise SystemExit(f"{path} answered {answer.status}: {read[:300].decode(errors='replace')}")
        return taken, read


def requests_of(dataset: Any) -> list[Ask]:
    """Return every page and fragment of a data set."""
    from django.urls import reverse

    fragment, pk = {"HX-Request": "true"}, dataset.pk
    random, n = np.random.default_rng(2), dataset.n_frames
    names = dataset.scheme.names
    n_clusters = dataset.products.of_kind("cluster").first().facts["n_clusters"]
    frames = random.integers(0, n, 100_000).tolist()
    product = {kind: dataset.products.of_kind(kind).first() for kind in ("condense", "learn", "manifest")}

    def at(name: str, *arguments: Any, query: str = "") -> Callable[[int], str]:
        return lambda _: reverse(name, args=arguments or [dataset.pk]) + query

    def frame(name: str) -> Callable[[int], str]:
        return lambda k: reverse(name, args=[dataset.pk, frames[k]])

    def listed(sort: str) -> Callable[[int], Any]:
        return lambda k: {
            "scope": {"cluster": k % n_clusters},
            "sort": sort,
            "offset": 60 * (k // n_clusters),
            "limit": 60,
        }

    positions = np.load(dataset.products.of_kind("project").first().folder / "map.npy", mmap_mode="r")
    radius = 0.3 * np.asarray(positions[:: max(1, n // 1000)]).std(axis=0)

    def lasso(k: int) -> list[list[float]]:
        angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return (np.asarray(positions[frames[k]]) + radius * circle).tolist()

    def above(k: int) -> dict[str, Any]:
        return {"range": {"column": "outlier", "low": 0.3 + 0.01 * (k % 40)}}

    scopes: dict[str, Callable[[int], dict[str, Any]]] = {
        "all": lambda _: {"all": True},
        "lasso": lambda k: {"polygon": lasso(k)},
        "range": above,
        "run": lambda _: {"run": 0},
        "predicted": lambda k: {"predicted": names[k % 2]},
        "both": lambda k: {"both": [{"cluster": k % n_clusters}, above(k)]},
    }
    run = uuid.uuid4()

    def act(scope: Callable[[int], Any], name: str = "") -> Callable[[int], Any]:
        return lambda k: {
            "scope": scope(k),
            "operation": "set",
            "classes": [names[k % 2]],
            "client_id": str(uuid.uuid5(run, f"{name} {k}") if name else uuid.uuid4()),
        }

    def undo(k: int) -> dict[str, str]:
        return {"undoes": str(uuid.uuid5(run, f"one {k}")), "client_id": str(uuid.uuid4())}

    queue = reverse("labels:label-queue", args=[pk])
    points = np.sort(random.integers(0, n, 100_000)).astype("<i4").tobytes()
    state = reverse("labels:label-state", args=[pk])
    return [
        Ask("home", lambda _: reverse("portal:home")),
        Ask("data", at("portal:dataset-detail")),
        Ask("line (fragment)", at("portal:dataset-line")),
        Ask("learn", at("networks:dataset-learn")),
        Ask("clusters", at("explore:dataset-clusters")),
        *(
            Ask(f"map points: {name}", lambda _, name=name: reverse("explore:map-points", args=[pk, name]))
            for name in ("index", "positions", "cluster", "probability", "outlier", "total")
        ),
        *(
            Ask(f"frames of a cluster, {sort}", at("explore:frame-list"), listed(sort))
            for sort in ("exemplars", "probability", "outlier", "order")
        ),
        *(
            Ask(
                f"frames by {name}, {sort}",
                at("explore:frame-list"),
                lambda k, scope=scope, sort=sort: {
                    "scope": scope(k),
                    "sort": sort,
                    "near": frames[k],
                    "seed": k,
                },
                limit_ms=CHOICE_LIMIT_MS,
            )
            for name, scope in scopes.items()
            for sort in ("exemplars", "random", "border", "outlier", "nearest", "order")
        ),
        *(
            Ask(
                f"drawn points by {name}",
                at("explore:map-members"),
                lambda k, scope=scope: {"scope": scope(k)},
                limit_ms=CHOICE_LIMIT_MS,
            )
            for name, scope in scopes.items()
        ),
        *(
            Ask(
                f"histogram over {name}",
                at("explore:map-spread"),
                lambda k, scope=scope: {"scope": scope(k), "column": "total"},
                limit_ms=CHOICE_LIMIT_MS,
            )
            for name, scope in scopes.items()
        ),
        Ask("density below the map", at("explore:map-density")),
        *(
            Ask(
                f"frames in a lasso, {sort}",
                at("explore:frame-list"),
                lambda k, sort=sort: {"scope": {"polygon": lasso(k)}, "sort": sort},
            )
            for sort in ("exemplars", "outlier", "order")
        ),
        Ask("sheet", lambda k: reverse("explore:sheet", args=[product["condense"].pk, frames[k] // 256])),
        Ask("frame", frame("explore:frame-detail")),
        Ask(
            "next frame, what is beside it",
            frame("explore:frame-detail"),
            headers=fragment,
            limit_ms=NEXT_LIMIT_MS,
        ),
        Ask("next frame, condensed", frame("explore:frame-raw"), limit_ms=NEXT_LIMIT_MS),
        Ask("next frame, thumbnail", frame("explore:frame-thumb"), limit_ms=NEXT_LIMIT_MS),
        Ask("next frame, its labels", frame("labels:frame-labels"), limit_ms=NEXT_LIMIT_MS),
        Ask("label", at("labels:dataset-label")),
        Ask("label bar (fragment)", at("labels:label-bar")),
        *(
            Ask(f"next to label, {mode}", lambda k, mode=mode: f"{queue}?mode={mode}&place={97 * k}", **near)
            for mode, near in (
                ("order", {"limit_ms": NEXT_LIMIT_MS}),
                ("random&seed=1", {"limit_ms": NEXT_LIMIT_MS}),
                ("cluster&cluster=1", {"limit_ms": NEXT_LIMIT_MS}),
                ("uncertain", {"limit_ms": NEXT_LIMIT_MS}),
                (f"class&class_name={quote(names[2])}", {"limit_ms": NEXT_LIMIT_MS}),
            )
        ),
        Ask("label one frame", at("labels:label-apply"), act(lambda k: {"frames": [frames[k]]}, "one")),
        Ask("label a cluster", at("labels:label-apply"), act(lambda k: {"cluster": k % n_clusters})),
        Ask("label a lasso", at("labels:label-apply"), act(lambda k: {"polygon": lasso(k)})),
        Ask("take a label back", at("labels:label-undo"), undo),
        Ask("labels of 240 frames", lambda k: f"{state}?start={240 * k}&stop={240 * k + 240}"),
        Ask("labels of the drawn points", at("labels:label-column"), lambda _: points),
        Ask("sort", at("manifests:dataset-classify")),
        Ask("sort (fragment)", at("manifests:dataset-classify"), headers=fragment),
        Ask("frames of a class", at("manifests:dataset-class", query=f"?class={quote(names[0])}")),
        Ask(
            "doubtful frames of a class",
            at("manifests:dataset-class", query=f"?class={quote(names[1])}&order=doubtful"),
        ),
        Ask("download", at("manifests:dataset-download")),
        Ask(
            "1 MB of the manifest",
            at("manifests:manifest-file", product["manifest"].pk, "manifest.csv"),
            headers={"Range": "bytes=1000000-1999999"},
        ),
        Ask("network", at("networks:network-detail", product["learn"].pk)),
        Ask("networks", lambda _: reverse("networks:network-list")),
        Ask("jobs", lambda _: reverse("jobs:job-list")),
        Ask("live", lambda _: reverse("live:session-list")),
    ]


def measure(server: Server, browser: Browser, ask: Ask, repeat: int) -> dict[str, Any]:
    """Ask once, then `repeat` times, and return the figures."""

    def once(number: int) -> tuple[float, bytes]:
        return browser.ask(ask.path(number), ask.body(number) if ask.body else None, ask.headers)

    first, _ = once(0)
    cpu, answers = server.cpu_s(), [once(number) for number in range(1, repeat + 1)]
    cpu_ms = 1000 * (server.cpu_s() - cpu) / repeat
    times = np.array([taken for taken, _ in answers])
    return {
        "name": ask.name,
        "first_ms": first,
        "p50_ms": float(np.percentile(times, 50)),
        "p95_ms": float(np.percentile(times, 95)),
        "max_ms": float(times.max()),
        "cpu_ms": cpu_ms,
        "kb": max(len(read) for _, read in answers) / 1000,
        "limit_ms": ask.limit_ms,
    }


def run(data: Path, n_frames: int, repeat: int, only: str) -> list[dict[str, Any]]:
    """Write the data set, start the server, measure every request; the slow ones are marked."""
    os.environ["FRINGE_DATA"], os.environ["DJANGO_SETTINGS_MODULE"] = str(data), "webapp.settings"
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    from benchmarks.finished_dataset import Writer
    from webapp.accounts.models import Group, Membership, User
    from webapp.datasets.models import Dataset
    from webapp.supervisor.group import prepare_database

    prepare_database()
    if not Dataset.objects.exists():
        group = Group.objects.create(name="beam time")
        user = User.objects.create_user(username="ada", password=uuid.uuid4().hex)
        Membership.objects.create(group=group, user=user, role="member")
        begun = time.perf_counter()
        Writer(group, n_frames).write()
        print(f"The data set of {n_frames} frames is written in {time.perf_counter() - begun:.0f} s.")
    dataset, user = Dataset.objects.get(), User.objects.get(username="ada")
    server = Server(data)
    try:
        server.wait()
        browser, figures = Browser(server.port, sign_in(user)), []
        print(f"{'page':34}{'first':>8}{'p50':>8}{'p95':>8}{'max':>8}{'cpu':>8}   ms; {'kB':>6}{'own MB':>8}")
        for ask in requests_of(dataset):
            if only in ask.name:
                figures.append(measure(server, browser, ask, repeat))
                print(_line(figures[-1], server.memory_mb()["RssAnon"]), flush=True)
        memory = server.memory_mb()
    finally:
        server.end()
    print(f"memory of the web process: {memory['VmRSS']:.0f} MB, {memory['RssAnon']:.0f} MB of it not files;")
    print(f"at most {memory['VmHWM']:.0f} MB; load of the machine {os.getloadavg()[0]:.1f}")
    return figures


def sign_in(user: Any) -> str:
    """Return the session of a person who has signed in."""
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def _line(row: dict[str, Any], own_mb: float) -> str:
    columns = "".join(f"{row[name]:8.1f}" for name in ("first_ms", "p50_ms", "p95_ms", "max_ms", "cpu_ms"))
    slow = "  SLOW" if row["p95_ms"] > row["limit_ms"] else ""
    return f"{row['name']:34}{columns}       {row['kb']:6.0f}{own_mb:8.0f}{slow}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--only", default="", help="only requests whose name holds this")
    parser.add_argument("--data", type=Path, help="data folder, to be kept and used again")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fringe-pages-") as folder:
        figures = run(given.data or Path(folder), given.frames, given.repeat, given.only)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))
    slow = [row["name"] for row in figures if row["p95_ms"] > row["limit_ms"]]
    print(f"{len(figures) - len(slow)} of {len(figures)} within their limit", *slow, sep="; ")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
