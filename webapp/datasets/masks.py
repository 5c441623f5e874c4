"""Masks that people draw over the mean pattern: kept as versions, never changed."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import transaction
from PIL import Image

from webapp.accounts.models import User
from webapp.datasets.models import Dataset, Mask

MOST_PIXELS = 64 * 2**20


class MaskError(Exception):
    """A mask that cannot be kept; the text is for the user."""


@transaction.atomic
def save_mask(*, dataset: Dataset, bits: bytes, note: str = "", user: User | None = None) -> Mask:
    """Keep a drawn mask as the next version; one that was drawn before is found, not kept twice.

    `bits` holds one bit a pixel, row after row without gaps, the highest bit first, 1 = masked.
    """
    masked = _unpack(dataset, bits)
    picture = io.BytesIO()
    Image.fromarray(masked).save(picture, "PNG")
    return keep_picture(
        dataset=dataset, picture=picture.getvalue(), n_masked=int(masked.sum()), note=note, user=user
    )


@transaction.atomic
def keep_picture(*, dataset: Dataset, picture: bytes, n_masked: int, note: str, user: User | None) -> Mask:
    """Keep the picture of a mask as the next version, or find the version that is the same."""
    sha256 = hashlib.sha256(picture).hexdigest()
    Dataset.objects.select_for_update().get(pk=dataset.pk)  # two people who save at once get two versions
    last = dataset.masks.first()
    if same := dataset.masks.filter(sha256=sha256).first():
        return same
    version = last.version + 1 if last else 1
    path = masks_folder(dataset.pk) / f"{version}-{sha256[:12]}.png"
    _write(path, picture)
    return Mask.objects.create(
        dataset=dataset,
        version=version,
        file_name=str(path.relative_to(settings.DATA_DIR)),
        sha256=sha256,
        n_masked=n_masked,
        note=note.strip()[:200],
        created_by=user,
    )


def masks_folder(dataset: UUID) -> Path:
    """Return where the drawn masks of a data set lie."""
    return settings.DATA_DIR / "masks" / str(dataset)


def _unpack(dataset: Dataset, bits: bytes) -> np.ndarray:
    height, width = dataset.height or 0, dataset.width or 0
    n_pixels = height * width
    if not 0 < n_pixels <= MOST_PIXELS:
        raise MaskError("The frames of this data set are not known yet, or are too large to be drawn over.")
    if len(bits) != -(-n_pixels // 8):
        raise MaskError(f"The mask does not have {height} × {width} pixels. Load the page again and redraw.")
    masked = np.unpackbits(np.frombuffer(bits, np.uint8), count=n_pixels).astype(bool)
    if masked.all():
        raise MaskError("The mask covers every pixel, so nothing of the frames would be left.")
    return masked.reshape(height, width)


def _write(path: Path, content: bytes) -> None:
    """Write to a name of its own and rename, so that no half-written mask is ever seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    passing = path.with_name(f".{path.name}.{os.getpid()}")
    with passing.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    passing.rename(path)


def read_bits(mask: Mask) -> bytes:
    """Return the mask as `save_mask` took it."""
    with Image.open(settings.DATA_DIR / mask.file_name) as picture:
        return np.packbits(np.asarray(picture.convert("1"), bool)).tobytes()


def words_of(mask: Mask) -> str:
    """Return whose mask it is, and which."""
    by = f" by {mask.created_by.username}" if mask.created_by else ""
    return f"drawn{by}, version {mask.version}"


def mask_arguments(dataset: Dataset | None, recipe: dict[str, Any]) -> dict[str, str]:
    """Return picture and words of the mask that a recipe names, for the step; nothing where it names none."""
    sha256 = recipe.get("drawn_mask", "")
    masks = Mask.objects.filter(sha256=sha256, dataset__group=dataset.group) if sha256 and dataset else None
    # a data set that shares its products with a twin may name a mask of that one
    mask = (masks.filter(dataset=dataset).first() or masks.order_by("pk").first()) if masks else None
    if mask is None:
        return {}
    return {"drawn_mask": str(settings.DATA_DIR / mask.file_name), "drawn_words": words_of(mask)}
