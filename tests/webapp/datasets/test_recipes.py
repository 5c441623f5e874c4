import json

import numpy as np
import pytest
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.masks import save_mask
from webapp.datasets.preview import read_reasons
from webapp.datasets.recipe_forms import RecipeForm
from webapp.datasets.recipes import recipe_words, versions_of
from webapp.jobs.models import Job, Product
from webapp.portal.line import line_of

pytestmark = pytest.mark.django_db
DEFAULTS = {"scale": "log", "use_file_mask": "on", "find_dead": "on", "find_hot": "on", "find_noisy": "on"}


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def dataset(group):
    return make_sorted_dataset(group, 300)


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("vera", group))
    return client


def url_of(action, dataset, *args):
    return reverse(f"datasets:{action}", args=[dataset.pk, *args])


def bits(*pixels):
    masked = np.zeros((64, 64), bool)
    for pixel in pixels:
        masked[pixel] = True
    return np.packbits(masked).tobytes()


def recipe_of(dataset, **values):
    form = RecipeForm(DEFAULTS | values, dataset=dataset)
    assert form.is_valid(), form.errors
    return form.recipe()


def test_a_form_left_as_it_is_gives_the_default_recipe(dataset):
    assert recipe_of(dataset) == {}
    assert recipe_of(dataset, scale_percentile="99.9") == {}


def test_the_form_names_only_what_differs(dataset):
    mask = save_mask(dataset=dataset, bits=bits((1, 2)))
    values = {"bin": "2", "crop": "40", "scale": "sqrt", "centre_row": "31", "centre_column": "30.5"}
    recipe = recipe_of(dataset, **values, drawn_mask=mask.sha256, hole_radius="3")
    assert recipe == {
        "bin": 2, "crop": 40.0, "scale": "sqrt", "centre_row": 31.0, "centre_column": 30.5,
        "hole_radius": 3.0, "drawn_mask": mask.sha256,
    }  # fmt: skip
    words = recipe_words(recipe, {mask.sha256: mask})
    assert words == (
        "bin 2 × 2, crop 40 px, scale sqrt, centre (31.0, 30.5), drawn mask, version 1, hole of 3 px"
    )
    assert recipe_words({}, {}) == "all chosen automatically"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"size": "64", "bin": "2"}, "not both"),
        ({"centre_row": "3"}, "row and column"),
        ({"centre_row": "70", "centre_column": "3"}, "end at 63"),
        ({"drawn_mask": "f" * 64}, "valid choice"),
    ],
)
def test_contradictions_are_said_beside_the_form(dataset, values, words):
    form = RecipeForm(DEFAULTS | values, dataset=dataset)
    assert not form.is_valid()
    assert words in str(form.errors)


def test_condensing_again_keeps_the_old_result_and_measures_the_new_one(signed_in, dataset):
    old = dataset.products.get(kind="condense")
    answer = signed_in.post(url_of("dataset-condense", dataset), DEFAULTS | {"scale": "sqrt"}, follow=True)
    assert "Condensing with: scale sqrt" in answer.content.decode()
    job = Job.objects.get(kind="condense")
    assert job.params == {"recipe": {"scale": "sqrt"}}
    assert Job.objects.get(kind="measure").inputs["condensation"] == str(job.result_id)
    assert Product.objects.filter(pk=old.pk).exists()


def test_a_recipe_that_was_used_before_makes_its_result_current_again(signed_in, dataset):
    index, source = (dataset.products.get(kind=kind) for kind in ("index", "inspect"))
    recipe = {"scale": "sqrt"}
    signed_in.post(url_of("dataset-condense", dataset), DEFAULTS | recipe)
    job = Job.objects.get(kind="condense")
    inputs, params = {"source": source, "index": index}, {"recipe": recipe}
    made = make_product(dataset, "condense", lambda out: None, {"n_frames": 300, "size": 64}, inputs, params)
    Product.objects.filter(pk=made.pk).update(key=job.key)
    make_product(dataset, "condense", lambda out: None, {}, inputs, {"recipe": {"scale": "none"}})
    signed_in.post(url_of("dataset-condense", dataset), DEFAULTS | recipe)
    dataset.refresh_from_db()
    assert dataset.current_condensation == made.pk
    assert [version.is_current for version in versions_of(dataset)] == [False, True, False]


def test_the_current_condensation_is_chosen_and_the_line_shows_what_is_stale(signed_in, dataset):
    old = dataset.products.get(kind="condense")
    inputs = {"index": dataset.products.get(kind="index")}
    write = lambda out: np.save(out / "condensed.npy", np.load(old.folder / "condensed.npy"))  # noqa: E731
    new = make_product(dataset, "condense", write, old.facts, inputs, {"recipe": {"scale": "sqrt"}})
    text = signed_in.get(reverse("portal:dataset-detail", args=[dataset.pk])).content.decode()
    assert "scale sqrt" in text
    assert "all chosen automatically" in text
    for product, state in ((old, "done"), (new, "stale")):
        signed_in.post(url_of("condensation-choose", dataset), {"current": str(product.pk)})
        dataset.refresh_from_db()
        assert dataset.current_condensation == product.pk
        assert line_of(dataset)[1].state == state


def test_only_a_condensation_of_the_data_set_can_be_chosen(signed_in, dataset, group):
    other = make_sorted_dataset(group, 60, "run 8").products.get(kind="condense")
    for current in (str(other.pk), str(dataset.products.get(kind="index").pk)):
        answer = signed_in.post(url_of("condensation-choose", dataset), {"current": current})
        assert answer.status_code == 404
    for current in ("no id", ""):
        answer = signed_in.post(url_of("condensation-choose", dataset), {"current": current}, follow=True)
        assert "Choose one of the condensations first" in answer.content.decode()
    dataset.refresh_from_db()
    assert dataset.current_condensation is None


def test_the_preview_asks_a_worker_and_shows_why_pixels_are_masked(signed_in, dataset):
    answer = signed_in.post(url_of("recipe-plan", dataset), DEFAULTS | {"hole_radius": "4"})
    job = Job.objects.get(kind="plan")
    assert job.params == {"recipe": {"hole_radius": 4.0}}
    assert "hx-get" in answer.content.decode()
    reasons = np.zeros((64, 64), np.uint8)
    reasons[0, :3], reasons[1, 0] = 4, 2 | 32

    def write(out):
        np.savez(out / "geometry.npz", mask=reasons == 0, reasons=reasons)
        found = {
            "masked_by": {"dead": 3, "file": 1, "drawn": 1},
            "done": ["dead: 3 px"],
            "centre": [31.0, 30.0],
        }
        (out / "geometry.json").write_text(json.dumps(found))

    plan = make_product(dataset, "plan", write)
    text = signed_in.get(reverse("datasets:recipe-preview", args=[plan.pk])).content.decode()
    assert "hx-get" not in text
    for words in ("Dead", "3 px", "dead: 3 px", 'data-row="31.00"'):
        assert words in text
    sent = signed_in.get(reverse("datasets:mask-reasons", args=[plan.pk])).content
    assert np.array_equal(np.frombuffer(sent, np.uint8).reshape(64, 64), reasons)


def test_a_recipe_that_is_refused_comes_back_as_it_was_typed(signed_in, dataset):
    typed = DEFAULTS | {"size": "64", "bin": "2", "hole_radius": "7.5"}
    answer = signed_in.post(url_of("dataset-condense", dataset), typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    for words in ("not both", 'value="64"', 'value="7.5"'):
        assert words in text
    assert not Job.objects.exists()


def test_a_preview_of_a_recipe_that_makes_no_sense_says_so(signed_in, dataset):
    answer = signed_in.post(url_of("recipe-plan", dataset), DEFAULTS | {"size": "64", "bin": "2"})
    assert "not both" in answer.content.decode()
    assert not Job.objects.exists()


def test_reasons_of_large_frames_are_brought_to_the_size_of_the_picture(tmp_path):
    reasons = np.zeros((2050, 100), np.uint8)
    reasons[2049, 99], reasons[0, 0], reasons[1, 1] = 4, 8, 2
    np.savez(tmp_path / "geometry.npz", mask=reasons == 0, reasons=reasons)
    small = read_reasons(tmp_path)
    assert small.shape == (684, 34)
    assert (small[683, 33], small[0, 0], np.count_nonzero(small)) == (4, 10, 2)


def test_a_condensation_of_before_reasons_were_kept_shows_its_mask(signed_in, dataset):
    condensation = dataset.products.get(kind="condense")
    sent = signed_in.get(reverse("datasets:mask-reasons", args=[condensation.pk])).content
    with np.load(condensation.folder / "geometry.npz") as geometry:
        assert np.array_equal(np.frombuffer(sent, np.uint8).reshape(64, 64) == 128, ~geometry["mask"])


def test_a_mask_is_saved_as_bits_and_comes_back(signed_in, dataset):
    url = url_of("mask-save", dataset) + "?note=the%20gap"
    answer = signed_in.post(url, bits((3, 4), (5, 6)), content_type="application/octet-stream").json()
    assert (answer["version"], answer["n"], answer["words"]) == (1, 2, "drawn by vera, version 1")
    assert signed_in.get(url_of("mask-bits", dataset, 1)).content == bits((3, 4), (5, 6))
    assert signed_in.get(url_of("mask-bits", dataset, 2)).status_code == 404
    text = signed_in.get(url_of("dataset-recipe", dataset)).content.decode()
    assert "the gap" in text
    refused = signed_in.post(url, b"abc", content_type="application/octet-stream")
    assert refused.status_code == 400
    assert "64 × 64" in refused.json()["error"]


def test_a_viewer_sees_masks_and_recipe_and_changes_nothing(client, group, dataset):
    client.force_login(make_user("bob", group, role="viewer"))
    text = client.get(url_of("dataset-recipe", dataset)).content.decode()
    assert "Condense with this" not in text
    assert "Save the drawn mask" not in text
    for action in ("dataset-condense", "recipe-plan", "condensation-choose", "mask-save", "hits-save"):
        assert client.post(url_of(action, dataset), DEFAULTS).status_code == 403
    assert not Job.objects.exists()
    assert not dataset.masks.exists()


def test_frames_that_are_not_indexed_have_no_recipe_yet(signed_in, group):
    fresh = make_dataset(group, 60, "run 8")
    assert (
        "appears when the frames are indexed"
        in signed_in.get(url_of("dataset-recipe", fresh)).content.decode()
    )
    assert "not indexed yet" in signed_in.post(url_of("recipe-plan", fresh), DEFAULTS).content.decode()
    answer = signed_in.post(url_of("dataset-condense", fresh), DEFAULTS, follow=True)
    assert "not indexed yet" in answer.content.decode()
    assert not Job.objects.exists()
