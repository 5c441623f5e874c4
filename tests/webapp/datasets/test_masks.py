import hashlib

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from tests.webapp.factories import make_dataset, make_group, make_user
from webapp.datasets.drafts import discard_draft
from webapp.datasets.masks import MaskError, mask_arguments, read_bits, save_mask

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    return make_dataset(make_group(), 60)


def bits_of(rows, columns, shape=(64, 64)):
    masked = np.zeros(shape, bool)
    masked[rows, columns] = True
    return np.packbits(masked).tobytes()


def test_a_drawn_mask_becomes_a_version_with_a_file_that_never_changes(dataset):
    vera = make_user("vera", dataset.group)
    first = save_mask(dataset=dataset, bits=bits_of(3, slice(0, 10)), note=" gap ", user=vera)
    second = save_mask(dataset=dataset, bits=bits_of(slice(3, 5), 7), user=vera)
    assert [first.version, second.version] == [1, 2]
    assert (first.n_masked, first.note, second.n_masked) == (10, "gap", 2)
    path = settings.DATA_DIR / first.file_name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == first.sha256
    picture = np.asarray(Image.open(path))
    assert picture.shape == (64, 64)
    assert np.argwhere(picture).tolist() == [[3, column] for column in range(10)]
    assert read_bits(first) == bits_of(3, slice(0, 10))


def test_the_same_mask_drawn_again_is_the_version_that_is_there(dataset):
    first = save_mask(dataset=dataset, bits=bits_of(3, 3))
    save_mask(dataset=dataset, bits=bits_of(4, 4))
    assert save_mask(dataset=dataset, bits=bits_of(3, 3)).pk == first.pk
    assert dataset.masks.count() == 2


def test_a_discarded_draft_takes_its_masks_along(dataset):
    path = settings.DATA_DIR / save_mask(dataset=dataset, bits=bits_of(3, 3)).file_name
    discard_draft(dataset=dataset)
    assert not path.parent.exists()


def test_frames_whose_pixels_fill_no_whole_byte_keep_their_mask(dataset):
    dataset.height, dataset.width = 5, 7
    mask = save_mask(dataset=dataset, bits=bits_of(4, 6, (5, 7)))
    assert mask.n_masked == 1
    assert read_bits(mask) == bits_of(4, 6, (5, 7))


@pytest.mark.parametrize(
    ("bits", "words"),
    [(b"\0" * 511, "64 × 64"), (b"\0" * 513, "64 × 64"), (b"\xff" * 512, "every pixel")],
)
def test_a_mask_that_does_not_fit_is_refused_with_a_sentence(dataset, bits, words):
    with pytest.raises(MaskError, match=words):
        save_mask(dataset=dataset, bits=bits)
    assert not dataset.masks.exists()


def test_the_step_gets_the_file_and_whose_it_is(dataset):
    mask = save_mask(dataset=dataset, bits=bits_of(3, 3), user=make_user("vera", dataset.group))
    path = str(settings.DATA_DIR / mask.file_name)
    found = mask_arguments(dataset, {"drawn_mask": mask.sha256})
    assert found == {"drawn_mask": path, "drawn_words": "drawn by vera, version 1"}
    assert mask_arguments(dataset, {}) == {}
    stranger = make_dataset(make_group("other"), 60, "run 8")
    assert mask_arguments(stranger, {"drawn_mask": mask.sha256}) == {}
