"""Take the newest drawn mask over to the data set that follows another, or say why not."""

from typing import Any

from django.conf import settings
from django.db import transaction

from webapp.datasets.lineage import chosen_dry_run, newest
from webapp.datasets.masks import keep_picture, words_of
from webapp.datasets.models import Dataset, Mask


@transaction.atomic
def carry_mask(*, dataset: Dataset) -> dict[str, Any]:
    """Return the recipe by which a successor is condensed first: with the mask, if the other one used it.

    A mask is drawn over pixels of one detector, so the frames must have the same size and the same place in
    their files.
    """
    before = dataset.relinked_from
    mask = before.masks.select_related("created_by").first() if before else None
    if mask is None:
        return {}
    whose = f"The mask of {before.name} ({words_of(mask)})"
    if difference := _difference(before, dataset):
        words, recipe = f"{whose} did not come along: {difference} Draw it anew over these frames.", {}
    else:
        copy = _copy(mask, dataset)
        condensation = newest(before, "condense")
        is_used = condensation and condensation.params.get("recipe", {}).get("drawn_mask") == mask.sha256
        recipe = {"drawn_mask": copy.sha256} if is_used else {}
        then = "the frames are condensed with it" if is_used else "it is not in use, as it was not there"
        words = f"{whose} came along as version {copy.version}; {then}."
    dataset.mask_words = words[:500]
    dataset.save(update_fields=["mask_words"])
    return recipe


def _difference(before: Dataset, now: Dataset) -> str:
    """Return in a sentence what tells the pixels of two data sets apart; nothing where they are the same."""
    looks = chosen_dry_run(before), chosen_dry_run(now)
    if None in looks:
        return "nobody has looked into the files."
    old, new = (look.facts for look in looks)
    if (old["height"], old["width"]) != (new["height"], new["width"]):
        sizes = [f"{facts['height']} × {facts['width']} px" for facts in (old, new)]
        return f"the frames had {sizes[0]} there and have {sizes[1]} here."
    if old["dataset_path"] != new["dataset_path"]:
        paths = [facts["dataset_path"][:100] for facts in (old, new)]
        return f"the frames lay at {paths[0]} there and lie at {paths[1]} here, perhaps of another detector."
    picture = settings.DATA_DIR / before.masks.first().file_name
    return "" if picture.is_file() else "its picture is gone."


def _copy(mask: Mask, dataset: Dataset) -> Mask:
    content = (settings.DATA_DIR / mask.file_name).read_bytes()
    return keep_picture(
        dataset=dataset, picture=content, n_masked=mask.n_masked, note=mask.note, user=mask.created_by
    )
