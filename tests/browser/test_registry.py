"""Networks that are there already, by keys alone: sorting with one, and going back to an earlier one."""

import re

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.drawn_frames import KIND_NAMES, draw_frames
from tests.webapp.factories import make_classified, make_product, make_sorted_dataset
from tests.webapp.world import World
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job
from webapp.labels.services import label_frames

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIKENESS = {
    "alike": 0.94,
    "alike_interval": [0.92, 0.96],
    "energy": 0.012,
    "energy_interval": [0.01, 0.03],
}
ANSWERS = {"entropy": 0.11, "own_entropy": 0.09, "expected": 0.9, "own_right": 0.92}


@pytest.fixture
def fresh(world: World) -> Dataset:
    """A data set without labels, for which two networks were tried."""
    dataset = make_sorted_dataset(world.group, 300, "tonight's run")
    other = make_classified(make_sorted_dataset(world.group, 300, "last year's run")).input("network")
    fits = {"verdict": "fits", "score": 0.85, "likeness": LIKENESS, "answers": ANSWERS}
    fits["sentence"] = "fits: 94 % of the frames look like those it learned from"
    unfit = {"verdict": "unfit", "score": 0.1, "likeness": None, "answers": None}
    unfit["sentence"] = "does not fit: 70 % of the frames are unlike those it learned from"
    rows = [{"id": str(world.product("train").pk), **fits}, {"id": str(other.pk), **unfit}]
    inputs = {"condensation": dataset.products.get(kind="condense")}
    make_product(dataset, "applicability", lambda out: None, {"n_looked_at": 300, "verdicts": rows}, inputs)
    return dataset


def press_on(page: Page, name: str, role: str = "button") -> None:
    """Go with Tab until the named control has the focus, and press Enter."""
    target = page.get_by_role(role, name=name).first
    for _ in range(120):
        page.keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_a_network_that_fits_sorts_a_new_data_set_by_keys_alone(
    watched: WatchedPage, world: World, fresh: Dataset
) -> None:
    path = reverse("manifests:dataset-classify", args=[fresh.pk])
    assert watched.look(path) == []
    offers = watched.page.locator("#use-network .offer")
    expect(offers).to_have_count(2)
    expect(offers.first).to_contain_text("Fits: 94 % of the frames")
    expect(offers.last.get_by_role("button")).to_have_count(0)
    press_on(watched.page, f"Sort with this network: {world.product('train')}")
    expect(watched.page.get_by_text("The frames are being sorted with")).to_be_visible()
    expect(watched.page.get_by_role("heading", name="Under way")).to_be_visible()
    made = set(Job.objects.filter(dataset=fresh).values_list("kind", flat=True))
    assert {"classify", "manifest"} <= made
    assert watched.faults == []


def test_an_earlier_classifier_is_current_again_by_keys_and_back_by_keys(
    watched: WatchedPage, world: World
) -> None:
    first, second = world.product("classify"), make_classified(world.dataset)
    path = reverse("manifests:dataset-classify", args=[world.dataset.pk])
    assert watched.look(path) == []
    press_on(watched.page, "Use this one again: ")
    expect(watched.page.locator("#classifiers")).to_contain_text("ada chose")
    world.dataset.refresh_from_db()
    assert newest(world.dataset, "classify") == first
    assert watched.look(path) == []
    press_on(watched.page, "Undo")
    expect(watched.page.locator("#classifiers")).to_contain_text("ada went back to")
    world.dataset.refresh_from_db()
    assert newest(world.dataset, "classify") == second


def test_classifiers_are_set_against_each_other_in_both_themes(watched: WatchedPage, world: World) -> None:
    truth = np.eye(4, dtype=bool)[draw_frames(300).kinds]
    for number, name in enumerate(KIND_NAMES):
        frames = np.flatnonzero(truth[:100, number])
        label_frames(dataset=world.dataset, frames=frames, operation="set", classes=[name])
    make_classified(world.dataset)
    for wobble, network in zip((0.55, 0.9), world.dataset.products.filter(kind="train"), strict=True):
        said = np.abs(truth - np.random.default_rng(1).uniform(0, wobble, truth.shape))[:100]
        judged = {"indices": np.arange(100), "truth": truth[:100], "probabilities": said.astype(np.float32)}
        np.savez(network.folder / "judged.npz", **judged)
        network.name = f"classifier with noise {wobble}"
        network.save()
    path = reverse("manifests:networks-compare", args=[world.dataset.pk])
    assert watched.look(path) == []
    pairs = watched.page.locator("section", has_text="Which of two is better")
    expect(pairs).to_contain_text("classifier with noise 0.55 by 0.")
    press_on(watched.page, "alone is right", role="link")
    expect(watched.page).to_have_url(re.compile(r"scope="))


def test_a_network_is_named_and_found_by_its_name_by_keys_alone(watched: WatchedPage, world: World) -> None:
    network = world.product("train")
    watched.open(reverse("networks:network-detail", args=[network.pk]))
    watched.page.get_by_role("textbox", name="Name").focus()
    watched.page.keyboard.type("The one for droplets")
    watched.page.keyboard.press("Enter")
    expect(watched.page.get_by_role("heading", level=1)).to_have_text("The one for droplets")
    expect(watched.page.locator(".choices")).to_contain_text("ada named it “The one for droplets”")
    watched.open(reverse("networks:network-list"))
    watched.page.get_by_role("searchbox").focus()
    watched.page.keyboard.type("droplets")
    watched.page.keyboard.press("Enter")
    rows = watched.page.locator("table.registry tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("The one for droplets")
    assert watched.faults == []
