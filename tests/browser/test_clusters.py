"""What people do to clusters on their page, in a browser and mostly by its keys."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import World
from webapp.datasets.cluster_names import names_of_clustering
from webapp.datasets.cluster_operations import rename_cluster
from webapp.jobs.models import Job
from webapp.labels.state_cache import current_labels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(watched: WatchedPage, world: World) -> Page:
    watched.open(reverse("explore:dataset-clusters", args=[world.dataset.pk]))
    return watched.page


def card_of(page: Page, cluster: int):
    return page.locator(f'.cluster-card[data-cluster="{cluster}"]')


def test_a_cluster_is_renamed_by_keys_and_the_last_change_taken_back(
    page: Page, watched: WatchedPage, world: World
) -> None:
    card = card_of(page, 1)
    card.locator("[data-name]").focus()
    page.keyboard.press("F2")
    field = card.get_by_label("New name of Cluster 1")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    expect(card.get_by_role("button", name="Rename Cluster 1")).to_be_focused()
    page.keyboard.press("Enter")
    field.fill("Cluster 7")
    page.keyboard.press("Enter")
    expect(card.get_by_role("alert")).to_contain_text("Choose another name")
    field.fill("Rings & <hoops>")
    page.keyboard.press("Enter")
    expect(card.locator("[data-name]")).to_have_text("Rings & <hoops>")
    expect(card.get_by_role("button", name="Rename Rings & <hoops>")).to_be_focused()
    expect(page.locator("#cluster-history")).to_contain_text("Called “Cluster 1” “Rings & <hoops>”")
    expect(page.locator("#nuisances")).to_contain_text("Rings & <hoops>")
    assert names_of_clustering(world.product("cluster"))[1].name == "Rings & <hoops>"
    page.keyboard.press("Control+z")
    expect(card.locator("[data-name]")).to_have_text("Cluster 1")
    expect(page.locator("#cluster-history .is-undone")).to_have_count(1)
    assert all("400" in fault for fault in watched.faults), "but for the answer to the name that was refused"


def test_a_cluster_is_painted_in_a_colour_of_the_palette(
    page: Page, watched: WatchedPage, world: World
) -> None:
    card = card_of(page, 2)
    card.get_by_role("button", name="Colour of Cluster 2").click()
    dialog = page.get_by_role("dialog", name="Colour of Cluster 2")
    dialog.get_by_role("button", name="Colour 10, free").click()
    dialog.get_by_role("button", name="Paint it").click()
    expect(dialog).to_be_hidden()
    expect(card).to_have_attribute("data-colour", "#44aa99")
    expect(card.locator(".swatch")).to_have_css("background-color", "rgb(68, 170, 153)")
    assert names_of_clustering(world.product("cluster"))[2].colour == "#44aa99"
    assert watched.faults == []


def test_ticked_clusters_are_merged_after_the_dialog_has_said_what_happens(
    page: Page, watched: WatchedPage, world: World
) -> None:
    merge = page.locator("#merge-open")
    expect(merge).to_be_disabled()
    for cluster in (1, 2):
        card_of(page, cluster).locator("[data-choose]").focus()
        page.keyboard.press("Space")
    expect(merge).to_have_text("Merge 2 clusters …")
    merge.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Merge clusters")
    expect(dialog).to_contain_text("Merge 2 clusters into one of")
    dialog.get_by_label("Name of the joint cluster").fill("Not round")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#again-status")).to_contain_text("as soon as a worker is free")
    expect(page.locator("#cluster-history")).to_contain_text("into “Not round” being made")
    assert Job.objects.get(kind="recluster").params["merge"] == [[1, 2]]
    assert watched.faults == []


def test_a_cluster_becomes_a_class_and_its_card_tells_how_pure_it_is(
    page: Page, watched: WatchedPage, world: World
) -> None:
    card = card_of(page, 2)
    expect(card.locator("[data-purity]")).to_contain_text("labelled")
    card.get_by_role("button", name="Make a class of Cluster 2").click()
    dialog = page.get_by_role("dialog", name="Make a class of this cluster")
    dialog.get_by_label("Name of the class").fill("Bright streaks")
    before = current_labels(world.dataset).n_labelled
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    size = int(card.get_attribute("data-size"))
    expect(card.locator("[data-purity]")).to_have_text(f"100 % Bright streaks of {size} labelled")
    expect(page.locator("#label-bar-host")).to_contain_text("Bright streaks")
    assert current_labels(world.dataset).n_labelled > before
    page.locator("#cluster-history li", has_text="Made “Cluster 2”").get_by_role("button").click()
    expect(card.locator("[data-class-of]")).to_be_hidden()
    expect(page.locator("#cluster-history .is-undone")).to_have_count(1)
    assert current_labels(world.dataset).n_labelled == before
    assert watched.faults == []


def test_what_was_done_before_the_page_was_loaded_can_be_taken_back_by_keys(
    page: Page, watched: WatchedPage, world: World
) -> None:
    rename_cluster(clustering=world.product("cluster"), cluster=0, name="Discs")
    page.reload()
    expect(card_of(page, 0).locator("[data-name]")).to_have_text("Discs")
    page.keyboard.press("Control+z")
    expect(card_of(page, 0).locator("[data-name]")).to_have_text("Cluster 0")
    page.keyboard.press("Control+z")
    expect(page.locator("#cluster-status")).to_have_text("There is nothing to undo.")
    assert watched.faults == []


def test_mean_and_maximum_of_all_cards_come_as_one_picture(
    page: Page, watched: WatchedPage, world: World
) -> None:
    with page.expect_response(lambda answer: "patterns.png" in answer.url) as told:
        page.reload()
    assert told.value.status == 200
    assert told.value.url.endswith("clusters=0,1,2,-1")
    last = card_of(page, -1).get_by_role("img", name="Maximum of Noise")
    expect(last).to_have_css("background-position", "100% 100%")
    assert watched.faults == []


def test_the_page_of_clusters_is_whole_in_both_themes(watched: WatchedPage, world: World) -> None:
    path = reverse("explore:dataset-clusters", args=[world.dataset.pk])
    assert watched.look(path) == []


def test_the_slider_shows_other_clusters_at_once_and_asks_for_them_on_demand(
    page: Page, watched: WatchedPage, world: World
) -> None:
    tree = page.get_by_role("region", name="Tree of the clusters")
    tree.scroll_into_view_if_needed()
    slider = tree.get_by_label("Least size")
    expect(slider).to_be_visible()
    slider.focus()
    page.keyboard.press("End")
    expect(tree.locator("#cut-status")).to_have_text("2 clusters, 14.3 % noise")
    expect(tree.locator("#cut-size-words")).to_have_text("75 frames")
    expect(page.locator("#map-legend")).to_contain_text("Cluster 1")
    expect(page.locator("#map-legend")).not_to_contain_text("Cluster 2")
    assert not Job.objects.filter(kind="recluster").exists(), "nothing is changed by looking"
    tree.get_by_role("button", name="Back to the clusters shown").click()
    expect(page.locator("#map-legend")).to_contain_text("Cluster 2")
    expect(tree.locator("#cut-status")).to_be_empty()
    page.keyboard.press("End")
    tree.get_by_role("button", name="Take these clusters").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#again-status")).to_contain_text("as soon as a worker is free")
    assert Job.objects.get(kind="recluster").params["recipe"] == {
        "min_cluster_size": 75, "min_samples": 5, "method": "eom",
    }  # fmt: skip
    assert watched.faults == []


def test_the_tree_is_walked_by_keys_and_shows_what_a_group_holds(
    page: Page, watched: WatchedPage, world: World
) -> None:
    page.locator("#tree").scroll_into_view_if_needed()
    tree = page.get_by_role("tree")
    expect(tree.get_by_role("treeitem")).to_have_count(5)
    tree.get_by_role("treeitem").first.focus()
    expect(page.locator("#tree-status")).to_contain_text("All frames, 300 frames, splits into 2")
    page.keyboard.press("ArrowDown")
    expect(tree.locator(":focus")).to_have_accessible_name("Cluster 0, 133 frames")
    page.keyboard.press("Enter")
    expect(page.locator("#sheet-title")).to_have_text("Cluster 0")
    tree.get_by_role("treeitem", name="Cluster 0, 133 frames").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tree-status")).to_contain_text("124 frames, splits into 2")
    page.keyboard.press("Enter")
    expect(page.locator("#sheet-title")).to_contain_text("part of the tree")
    expect(page.locator("#sheet-status")).to_contain_text("124 frames")
    assert watched.faults == []
