"""How soon a full-resolution frame is there: `python -m benchmarks.frame_viewer`.

Frames of 1024 x 1024 are asked for at random over HTTP, from gunicorn as the supervisor starts it and a
frame server, beside h5py reading the same; then one after the other in Chromium, from the key to the picture.
"""

import argparse
import http.client
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

SIDE = 1024
COMPRESSIONS = {
    "gzip": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
    "bitshuffle": dict(hdf5plugin.Bitshuffle()),
}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--looks", type=int, default=100)
    given = parser.parse_args(arguments)
    print(f"{given.looks} of {given.frames} frames of {SIDE} x {SIDE}, uint16, at random; milliseconds")
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: _write(Path(folder), name, given.frames) for name in COMPRESSIONS}
        address = _prepare(Path(folder))
        datasets, cookie = _register(paths)
        with _servers(address):
            for name, path in paths.items():
                _measure(name, path, address, datasets[name], cookie, given.looks)
            for name, dataset in datasets.items():
                _turn_pages(name, f"http://{address}", dataset, cookie, given.looks)


def _write(folder: Path, name: str, n_frames: int) -> Path:
    random = np.random.default_rng(0)
    radius = np.hypot(*np.mgrid[-SIDE / 2 : SIDE / 2, -SIDE / 2 : SIDE / 2]) + 3
    pattern = 2e5 * np.cos(radius / 9) ** 2 / radius**1.8 + 0.1
    path = folder / "sources" / f"{name}.h5"
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        shape, chunks = (n_frames, SIDE, SIDE), (1, SIDE, SIDE)
        data = file.create_dataset("entry/data", shape, "u2", chunks=chunks, **COMPRESSIONS[name])
        for frame in range(n_frames):
            data[frame] = random.poisson(pattern * random.uniform(0.3, 3))
    return path


def _prepare(folder: Path) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    os.environ |= {
        "FRINGE_DATA": str(folder / "data"),
        "FRINGE_ROOTS": str(folder / "sources"),
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "DEBUG": "1",  # serves the browser's files from where they are written
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
    import django

    django.setup()
    return address


def _register(paths: dict[str, Path]) -> tuple[dict[str, str], str]:
    """Create the rows that a dry run leaves; return the data sets' ids and a session."""
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from webapp.accounts.models import Group, Membership, User
    from webapp.datasets.services import register_dataset
    from webapp.jobs.models import Product
    from workers.science.steps.index import inspect_source

    call_command("migrate", verbosity=0)
    group, user = Group.objects.create(name="benchmark"), User.objects.create_user("benchmark")
    Membership.objects.create(group=group, user=user, role="viewer")
    found = {}
    for name, path in paths.items():
        dataset = register_dataset(group=group, name=name, paths=[path], roots=[path.parent])
        folder = settings.DATA_DIR / "products" / "inspect" / name
        folder.mkdir(parents=True)
        facts = inspect_source(sources=[str(path)], roots=[str(path.parent)], out=str(folder))
        kept = str(folder.relative_to(settings.DATA_DIR))
        Product.objects.create(
            kind="inspect", group=group, dataset=dataset, key=name, folder_name=kept, facts=facts
        )
        dataset.n_frames, dataset.height, dataset.width = facts["n_frames"], SIDE, SIDE
        dataset.is_draft = False
        dataset.save()
        found[name] = str(dataset.pk)
    client = Client()
    client.force_login(user)
    return found, client.cookies[settings.SESSION_COOKIE_NAME].value


@contextmanager
def _servers(address: str) -> Iterator[None]:
    from webapp.supervisor.group import frames_command, web_command

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(command, env=environment, **quiet)
        for command in (frames_command(), web_command(address))
    ]
    try:
        _wait_for(address)
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _wait_for(address: str) -> None:
    from django.conf import settings

    host, _, port = address.rpartition(":")
    for place in (settings.FRAME_SERVER, (host, int(port))):
        for _ in range(600):
            family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
            with socket.socket(family) as probe:
                if probe.connect_ex(place) == 0:
                    break
            time.sleep(0.1)


def _measure(name: str, path: Path, address: str, dataset: str, cookie: str, looks: int) -> None:
    with h5py.File(path) as file:
        frames = np.random.default_rng(1).permutation(len(file["entry/data"]))[:looks]
    connection = http.client.HTTPConnection(address)

    def ask(frame: int) -> None:
        connection.request(
            "GET", f"/datasets/{dataset}/frames/{frame}/full.bin", headers={"Cookie": f"sessionid={cookie}"}
        )
        answer = connection.getresponse()
        length = len(answer.read())
        if answer.status != 200 or length != 2 * SIDE * SIDE:
            raise SystemExit(f"The portal answered {answer.status} with {length} bytes.")

    def read(frame: int) -> None:
        with h5py.File(path) as file:
            file["entry/data"][frame]

    for title, look in (("h5py alone", read), ("portal", ask)):
        for state in ("cold", "warm"):
            if state == "cold":
                _forget(path)
            times = [_time(look, int(frame)) for frame in frames]
            print(f"  {name:11s} {title:11s} {state}: {_spread(times)}", flush=True)


def _forget(path: Path) -> None:
    """Ask the kernel to drop the file from its cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _time(look: Callable[[int], None], frame: int) -> float:
    started = time.perf_counter()
    look(frame)
    return 1000 * (time.perf_counter() - started)


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"median {statistics.median(times):6.1f}, 95 % below {p95:6.1f}, most {ordered[-1]:6.1f}"


# From the key to the drawn picture, in the page itself; between two keys a person looks for a moment.
_TURN = """(looks) => new Promise((resolve) => {
  const canvas = document.getElementById("frame-canvas");
  const times = [];
  let started = 0;
  const press = () => {
    started = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  };
  new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
    times.push(performance.now() - started);
    if (times.length < looks) setTimeout(press, 300);
    else resolve(times);
  }))).observe(canvas, { attributeFilter: ["data-frame"] });
  setTimeout(press, 1000);
})"""


def _turn_pages(name: str, home: str, dataset: str, cookie: str, looks: int) -> None:
    from playwright.sync_api import sync_playwright

    from tests.chromium import NoChromiumError, find_chromium

    try:
        program = find_chromium()
    except NoChromiumError as error:
        print(error)
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": home}])
        page = context.new_page()
        page.goto(f"{home}/datasets/{dataset}/frames/0/")
        page.wait_for_selector('#frame-canvas[data-frame="full 0"]', timeout=60_000)
        times = page.evaluate(_TURN, min(looks, 40))
        print(f"  {name:11s} next frame in Chromium, from key to picture: {_spread(times)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
