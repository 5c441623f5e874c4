"""Why a frame got its class, on its page, by keys."""

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import AXE, RUN_AXE, WatchedPage
from tests.webapp.explained import explain
from tests.webapp.world import World
from webapp.jobs.models import Job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HEAT_OF = """(root) => {
  const canvas = root.querySelector("[data-why-heat]");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, at) => data[4 * at + 3]);
}"""


def test_by_keys_one_asks_waits_sees_another_class_and_fades_it(watched: WatchedPage, world: World) -> None:
    page = watched.page
    watched.open(reverse("explore:frame-detail", args=[world.dataset.pk, 5]))
    page.keyboard.press("w")
    expect(page.locator("#why")).to_contain_text("Looking for what spoke")
    job = Job.objects.get(kind="explain")
    assert job.params == {"frame": 5}
    product = explain(world.dataset, 5)
    job.delete()
    shown = page.locator("[data-why]")
    expect(shown).to_have_attribute("data-shown", shown.locator("option").first.get_attribute("value"))
    page.keyboard.press("w")
    expect(shown.locator("[data-why-class]")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    last = len(product.facts["classes"]) - 1
    shown.locator("[data-why-class]").select_option(str(last - 1))
    expect(shown).to_have_attribute("data-shown", str(last - 1))
    expected = np.load(product.folder / "heat.npy")[last - 1].ravel().tolist()
    assert shown.evaluate(HEAT_OF) == expected
    expect(shown.locator("[data-why-words]")).to_contain_text("inner third of the radius")
    shown.locator("[data-why-class]").select_option(str(last))
    expect(shown.locator("[data-why-words]")).to_contain_text("nothing in this frame spoke for it")
    shown.locator("[data-why-strength]").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert shown.locator("[data-why-heat]").evaluate("each => each.style.opacity") == "0.55"
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE) == []
    assert watched.faults == []


def test_going_to_the_next_frame_asks_anew_for_what_is_known_of_it(
    watched: WatchedPage, world: World
) -> None:
    page = watched.page
    watched.open(reverse("explore:frame-detail", args=[world.dataset.pk, 3]))
    expect(page.locator("[data-why]")).to_have_attribute("data-index", "3")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#ask-why")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-why]")).to_have_attribute("data-index", "3")
    expect(page.locator("[data-why]")).to_have_attribute("data-begun", "")
    assert watched.faults == []
