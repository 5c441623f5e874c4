"""One Chromium for the tests of a module, and pages that write down what goes wrong in them."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.chromium import find_chromium
from tests.webapp.factories import make_user
from tests.webapp.world import World, make_world
from webapp.accounts.models import User

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
expect.set_options(timeout=20_000)  # many tests share few cores
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
WATCH_POLICY = """
window.brokenPolicies = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.brokenPolicies.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`));
"""
RUN_AXE = """async (rules) => {
  const { violations } = await axe.run(document, rules ? { runOnly: rules } : {});
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const tell = (id) => ({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`;
  return grave.flatMap(({ id, nodes }) => nodes.map(tell(id)));
}"""
OF_THE_THEME = ["color-contrast", "link-in-text-block"]  # all else is the same in both
MEASURE = """() => {
  const found = [...document.querySelectorAll("td, th")]
    .filter(({ clientWidth, clientHeight }) => clientWidth < 80 && clientHeight > 110)
    .map(({ textContent }) => `squeezed cell: ${textContent.trim()}`);
  if (document.documentElement.scrollWidth > window.innerWidth) found.push("the page sticks out sideways");
  return found;
}"""


class WatchedPage:
    """A page of a browser, and everything in it that should not be."""

    def __init__(self, page: Page, home: str) -> None:
        self.page, self.home, self.address = page, home, ""
        self.faults: list[str] = []
        self.under_way: set[Request] = set()
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", self._hear)
        page.on("request", self._check_origin)
        page.on("request", lambda request: self.under_way.add(request))
        page.on("requestfinished", lambda request: self.under_way.discard(request))
        page.on("requestfailed", lambda request: self.under_way.discard(request))

    def open(self, path: str) -> None:
        """Go to a path of the portal, and wait until all that the page asks for is there."""
        self.address = self.home + path
        self.under_way.clear()
        self.page.goto(self.address)
        quiet, end = 0, time.monotonic() + 10
        while quiet < 3 and time.monotonic() < end:  # three times nothing under way; polls come later
            self.page.wait_for_timeout(50)
            quiet = 0 if self.under_way else quiet + 1

    def look(self, path: str) -> list[str]:
        """Open a path and return what is wrong with it, in the theme that is on and in the other one."""
        self.faults.clear()
        self.open(path)
        self.page.evaluate(AXE)  # it comes by the debugger, past the policy
        first = self.page.locator("html").get_attribute("data-bs-theme")
        found = self._look_at_theme(first, None)
        self.page.evaluate("document.querySelector('[data-theme-switch]').click()")
        found += self._look_at_theme("light" if first == "dark" else "dark", OF_THE_THEME)
        found += [f"policy: {fault}" for fault in self.page.evaluate("window.brokenPolicies")]
        return [f"{path} {fault}" for fault in found + self.faults]

    def _look_at_theme(self, theme: str, rules: list[str] | None) -> list[str]:
        expect(self.page.locator("html")).to_have_attribute("data-bs-theme", theme)
        if folder := os.environ.get("FRINGE_PICTURES"):  # for those who want to look themselves
            words = self.address.removeprefix(self.home).translate(str.maketrans("/?=", "---")).strip("-")
            self.page.screenshot(path=Path(folder) / f"{theme}-{words}.png")
        found = [f"axe: {fault}" for fault in self.page.evaluate(RUN_AXE, rules)]
        found += [f"layout: {fault}" for fault in self.page.evaluate(MEASURE)]
        return [f"({theme}) {fault}" for fault in found]

    def _hear(self, line: ConsoleMessage) -> None:
        is_page_itself = line.location["url"] == self.address and "404" in line.text
        if line.type in ("error", "warning") and not is_page_itself:
            self.faults.append(f"console: {line.text}")

    def _check_origin(self, request: Request) -> None:
        if not request.url.startswith((self.home + "/", "data:", "blob:")):
            self.faults.append(f"other origin: {request.url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once for a module; it ends with it, as a thread can run one Playwright at a time."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs an event loop in this thread, which Django takes for its own.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        started = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def world(transactional_db: None, frame_server: None) -> World:
    """A group with something of everything."""
    return make_world("beam time 5123")


@pytest.fixture
def person(world: World) -> User:
    """A member of that group."""
    return make_user("ada", world.group)


@pytest.fixture
def visitor(browser: Browser, world: World) -> Iterator[BrowserContext]:
    """A browser in which nobody is signed in; it leaves the server before the tables are emptied."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    context.add_init_script(WATCH_POLICY)
    yield context
    for page in context.pages:
        page.close()
    context.close()


@pytest.fixture
def context(visitor: BrowserContext, live_server, person: User) -> BrowserContext:
    """A browser in which that person is signed in."""
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    visitor.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    return visitor


@pytest.fixture
def watched(context: BrowserContext, live_server) -> WatchedPage:
    """A page of the person who is signed in."""
    return WatchedPage(context.new_page(), live_server.url)
