"""What pages of a long data set cost a browser: `python -m benchmarks.page_budget --frames 1000000`.

Writes two finished data sets without computing them, a long one and a short one as the baseline, starts the
real web server on loopback, and opens the pages of both in Chromium, in turns, with nothing kept by the
browser: how many requests, how many bytes come over the line, and when the first thumbnail is there.
"""

import argparse
import json
import os
import statistics
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.pages import Server

PAGES = {
    "data": "portal:dataset-detail",
    "clusters": "explore:dataset-clusters",
    "label": "labels:dataset-label",
    "sort": "manifests:dataset-classify",
}
SHORT, N_PICTURES = 1000, 1 << 14
SETTLED_MS, STEP_MS = 1500, 100
# When the first picture of a frame is there, in ms since the page was asked for.
FIRST_PICTURE = """() => {
  const pictures = performance.getEntriesByType("resource")
    .filter(({ name }) => /sheets\\/|thumb\\.png|raw\\.bin|\\.webp|\\/files\\//.test(name));
  return pictures.length ? Math.min(...pictures.map(({ responseEnd }) => responseEnd)) : null;
}"""


@dataclass(frozen=True)
class Cost:
    """What one opening of a page cost; `first_picture_ms` is None where it shows no frame."""

    n_requests: int
    n_bytes: int
    first_picture_ms: float | None


def open_page(browser: Any, home: str, path: str, cookie: str) -> Cost:
    """Open a page as a browser does that has never seen it, and wait until it is quiet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": home}])
    page = context.new_page()
    requests: list[Any] = []
    finished: list[Any] = []
    failed: list[Any] = []
    page.on("request", lambda request: requests.append(request))
    page.on("requestfinished", lambda request: finished.append(request))
    page.on("requestfailed", lambda request: failed.append(request))
    page.goto(home + path)
    n_seen, quiet_ms = 0, 0
    while quiet_ms < SETTLED_MS:  # until nothing is under way and nothing new has come for a while
        page.wait_for_timeout(STEP_MS)
        is_quiet = n_seen == len(requests) == len(finished) + len(failed)
        n_seen, quiet_ms = len(requests), quiet_ms + STEP_MS if is_quiet else 0
    # What is inside of the page itself has no size on the line.
    sizes = [request.sizes() for request in finished if request.url.startswith("http")]
    first = page.evaluate(FIRST_PICTURE)
    n_bytes = sum(max(0, size["responseBodySize"]) + size["responseHeadersSize"] for size in sizes)
    context.close()
    return Cost(len(requests), n_bytes, first)


@contextmanager
def serve(data: Path, n_frames: int) -> Iterator[tuple[str, dict[str, str], str]]:
    """Write the data sets and serve them; yields the address, their keys, and a session."""
    os.environ |= {"FRINGE_DATA": str(data), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    from benchmarks.finished_dataset import Writer
    from benchmarks.pages import sign_in
    from webapp.accounts.models import Group, Membership, User
    from webapp.supervisor.group import prepare_database

    prepare_database()
    group = Group.objects.create(name="beam time")
    user = User.objects.create_user(username="ada", password=uuid.uuid4().hex)
    Membership.objects.create(group=group, user=user, role="member")
    sizes = {"long": n_frames, "short": SHORT}
    keys = {name: str(Writer(group, n, N_PICTURES).write().pk) for name, n in sizes.items()}
    server = Server(data)
    try:
        server.wait()
        yield f"http://127.0.0.1:{server.port}", keys, sign_in(user)
    finally:
        server.end()


def measure(data: Path, n_frames: int, repeat: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Open every page of both data sets `repeat` times, in turns; return the medians."""
    from playwright.sync_api import sync_playwright

    from tests.chromium import find_chromium

    costs: dict[tuple[str, str], list[Cost]] = {}
    with serve(data, n_frames) as (home, keys, cookie), sync_playwright() as playwright:
        from django.urls import reverse

        arguments = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        paths = {
            (page, name): reverse(route, args=[pk])
            for page, route in PAGES.items()
            for name, pk in keys.items()
        }
        for place in paths.values():  # the first answers open the files
            open_page(browser, home, place, cookie)
        for _ in range(repeat):
            for key, place in paths.items():
                costs.setdefault(key, []).append(open_page(browser, home, place, cookie))
        browser.close()
    return {page: {name: _median(costs[page, name]) for name in keys} for page in PAGES}


def _median(costs: list[Cost]) -> dict[str, Any]:
    columns = [asdict(cost) for cost in costs]
    known = {name: [row[name] for row in columns if row[name] is not None] for name in columns[0]}
    return {name: statistics.median(values) if values else None for name, values in known.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fringe-budget-") as folder:
        found = measure(Path(folder), given.frames, given.repeat)
    print(f"{'page':10}{'frames':>10}{'requests':>10}{'kB':>10}{'first picture, ms':>20}")
    for page, rows in found.items():
        for name, row in rows.items():
            n = given.frames if name == "long" else SHORT
            first = "–" if row["first_picture_ms"] is None else f"{row['first_picture_ms']:.0f}"
            print(f"{page:10}{n:>10}{row['n_requests']:>10.0f}{row['n_bytes'] / 1000:>10.0f}{first:>20}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
