"""A mask that people drew comes along to the data set that follows, where it fits, and the pages say so."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.drafts import confirm_draft
from webapp.datasets.masks import mask_arguments, read_bits, save_mask
from webapp.datasets.models import Dataset
from webapp.datasets.services import register_dataset
from webapp.jobs.models import Job, Product


@pytest.fixture
def before(db):
    made = make_dataset(make_group(), 20)
    Product.objects.filter(dataset=made, kind="inspect").update(params={"dataset_path": made.dataset_path})
    return made


@pytest.fixture
def vera(before):
    return make_user("vera", before.group)


@pytest.fixture
def drawn(before, vera):
    masks = []
    for row in (3, 9):
        pixels = np.zeros((before.height, before.width), bool)
        pixels[row, :10] = True
        masks.append(save_mask(dataset=before, bits=np.packbits(pixels).tobytes(), note="gap", user=vera))
    return masks


def follow(before, user, **facts):
    """Register what replaces the files of `before`: a draft whose dry run found `facts`, confirmed."""
    path = settings.DATA_DIR / "sources" / f"after-{before.pk}.h5"
    path.write_bytes(b"other")
    draft = register_dataset(
        group=before.group,
        name="run 7, looked at again",
        paths=[path],
        dataset_path=before.dataset_path,
        relinked_from=before,
    )
    found = dict(before.products.get(kind="inspect").facts) | facts
    make_product(draft, "inspect", lambda out: None, found, params={"dataset_path": draft.dataset_path})
    Dataset.objects.filter(pk=draft.pk).update(height=found["height"], width=found["width"])
    draft.refresh_from_db()
    confirm_draft(dataset=draft, user=user)
    draft.refresh_from_db()
    return draft


def recipe_of(dataset):
    return Job.objects.get(dataset=dataset, kind="condense").params["recipe"]


def condensed_with(before, mask):
    make_product(before, "condense", lambda out: None, {}, {}, {"recipe": {"drawn_mask": mask.sha256}})


def test_the_newest_mask_comes_along_and_is_used_if_it_was_in_use(before, drawn, vera):
    condensed_with(before, drawn[1])
    after = follow(before, vera)
    mask = after.masks.get()
    assert (mask.version, mask.sha256, mask.note, mask.created_by) == (1, drawn[1].sha256, "gap", vera)
    assert read_bits(mask) == read_bits(drawn[1])
    assert mask.file_name != drawn[1].file_name
    assert recipe_of(after) == {"drawn_mask": mask.sha256}
    assert mask_arguments(after, recipe_of(after)) == {
        "drawn_mask": str(settings.DATA_DIR / mask.file_name),
        "drawn_words": "drawn by vera, version 1",
    }
    assert "(drawn by vera, version 2) came along as version 1; the frames are condensed" in after.mask_words


def test_a_mask_that_was_not_in_use_comes_along_without_being_used(before, drawn, vera):
    condensed_with(before, drawn[0])
    after = follow(before, vera)
    assert after.masks.get().sha256 == drawn[1].sha256
    assert recipe_of(after) == {}
    assert "it is not in use" in after.mask_words


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"height": 32}, "64 × 64 px there and have 32 × 64 px here"),
        ({"dataset_path": "/entry/other"}, "lie at /entry/other here"),
    ],
)
def test_a_mask_of_other_pixels_stays_behind_and_the_page_says_why(before, drawn, vera, client, facts, words):
    condensed_with(before, drawn[1])
    after = follow(before, vera, **facts)
    assert not after.masks.exists()
    assert recipe_of(after) == {}
    client.force_login(vera)
    page = client.get(reverse("portal:dataset-detail", args=[after.pk])).content.decode()
    assert "did not come along" in page
    assert words in page


def test_a_mask_whose_picture_is_gone_ends_nothing(before, drawn, vera):
    Path(settings.DATA_DIR / drawn[1].file_name).unlink()
    after = follow(before, vera)
    assert "its picture is gone" in after.mask_words
    assert not after.masks.exists()


def test_without_a_drawn_mask_nothing_is_said(before, vera):
    assert follow(before, vera).mask_words == ""


def test_the_pages_of_the_successor_say_that_the_mask_came_along(before, drawn, vera, client):
    after = follow(before, vera)
    index = make_sorted_dataset(before.group, 20).products.get(kind="index").folder
    make_product(
        after, "index", lambda out: shutil.copytree(index, out, dirs_exist_ok=True), {"n_frames": 20}
    )
    client.force_login(vera)
    for name in ("portal:dataset-detail", "datasets:dataset-recipe"):
        assert "came along as version 1" in client.get(reverse(name, args=[after.pk])).content.decode()
