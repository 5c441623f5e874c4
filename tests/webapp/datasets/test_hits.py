import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.columns import columns_of
from webapp.datasets.hits import count_hits, hits_of, save_threshold
from webapp.datasets.known import known_columns
from webapp.jobs.models import Job

pytestmark = pytest.mark.django_db
LIT = np.array([0, 0, 3, 10, 10, 11, 40, 900, 2500, 2501])


def make_indexed(lit=LIT, facts=None, **more):
    dataset = make_dataset(make_group(), len(lit))
    table = {"lit_pixels": lit, "total": np.arange(len(lit)) * 1.5, **more}
    write = lambda out: pq.write_table(pa.table(table), out / "frames.parquet")  # noqa: E731
    source = dataset.products.get(kind="inspect")
    make_product(dataset, "index", write, {"n_frames": len(lit), **(facts or {})}, {"source": source})
    return dataset


def test_the_number_of_hits_is_exact_on_every_step():
    hits = hits_of(columns_of(make_indexed(facts={"hit_threshold": 11})))
    assert (hits.threshold, hits.automatic, hits.n_frames) == (11, 11, 10)
    assert 11 in hits.edges
    for edge, n_hits in zip(hits.edges, hits.n_hits, strict=True):
        assert n_hits == (edge <= LIT).sum()
    assert hits.n_hits[0] == 10
    assert hits.n_hits[-1] == 0


def test_the_saved_threshold_decides_who_is_a_hit_and_is_remembered():
    dataset = make_indexed(facts={"hit_threshold": 11}, is_hit=LIT >= 11)
    assert columns_of(dataset).physics("is_hit").tolist() == (LIT >= 11).tolist()
    vera = make_user("vera", dataset.group)
    save_threshold(dataset=dataset, threshold=500.0, user=vera)
    save_threshold(dataset=dataset, threshold=2.0, user=vera)
    dataset.refresh_from_db()
    columns = columns_of(dataset)
    assert columns.physics("is_hit").tolist() == (LIT >= 2).tolist()
    assert columns.physics("hit_score").tolist() == (LIT / 2).tolist()
    save_threshold(dataset=dataset, threshold=None, user=vera)
    dataset.refresh_from_db()
    assert columns_of(dataset).physics("is_hit").tolist() == (LIT >= 11).tolist()
    assert [version.threshold for version in dataset.hit_thresholds.all()] == [None, 2.0, 500.0]


def test_saving_what_is_set_already_adds_no_version():
    dataset = make_indexed()
    save_threshold(dataset=dataset, threshold=5.0)
    save_threshold(dataset=dataset, threshold=5.0)
    assert dataset.hit_thresholds.count() == 1


def test_an_index_without_a_threshold_of_its_own_has_none_until_one_is_set():
    dataset = make_indexed()
    assert columns_of(dataset).physics("is_hit") is None
    assert hits_of(columns_of(dataset)).threshold is None


def test_the_frames_next_to_the_threshold_are_the_nearest_on_either_side():
    n_hits, above, below = count_hits(columns_of(make_indexed()), 11)
    assert n_hits == 5
    assert above == [5, 6, 7, 8, 9]
    assert below[:3] == [3, 4, 2]


def test_unreadable_frames_are_neither_hits_nor_counted_out():
    lit = pa.array([1, None, 30, 40], pa.int64())
    columns = columns_of(make_indexed(lit))
    n_hits, above, below = count_hits(columns, 30)
    assert (n_hits, above, below) == (2, [2, 3], [0])
    assert hits_of(columns).n_frames == 4


def test_frames_that_are_all_equal_get_a_histogram():
    hits = hits_of(columns_of(make_indexed(np.zeros(5, int))))
    assert hits.n_hits[0] == 5
    assert hits.n_hits[-1] == 0


@pytest.fixture
def signed_in(client):
    client.force_login(make_user("vera", make_group()))
    return client


def test_the_page_shows_the_panel_and_saves(signed_in):
    dataset = make_sorted_dataset(make_group(), 300)
    page = reverse("portal:dataset-detail", args=[dataset.pk])
    assert 'id="hits-facts"' in signed_in.get(page).content.decode()
    answer = signed_in.post(
        reverse("datasets:hits-save", args=[dataset.pk]), {"threshold": "120"}, follow=True
    )
    assert "A hit has at least 120 lit pixels" in answer.content.decode()
    assert "by vera" in answer.content.decode()
    dataset.refresh_from_db()
    assert dataset.hit_threshold == 120
    for text in ("many", "-3", "nan", "inf"):
        url = reverse("datasets:hits-save", args=[dataset.pk])
        assert "no number of pixels" in signed_in.post(url, {"threshold": text}, follow=True).content.decode()
    signed_in.post(reverse("datasets:hits-save", args=[dataset.pk]), {"threshold": "9", "automatic": "1"})
    dataset.refresh_from_db()
    assert dataset.hit_threshold is None


def test_the_fragment_shows_the_frames_near_the_threshold(signed_in):
    dataset = make_sorted_dataset(make_group(), 300)
    url = reverse("datasets:dataset-hits", args=[dataset.pk])
    lit = columns_of(dataset).physics("lit_pixels")
    middle = float(np.median(lit))
    text = signed_in.get(url, {"threshold": str(middle)}).content.decode()
    assert f"{(lit >= middle).sum()} of 300 frames are hits" in text
    assert text.count("data-frame") == 16
    assert "Give a number" in signed_in.get(url, {"threshold": "many"}).content.decode()


def test_every_column_is_listed_with_title_unit_median_and_share_unknown():
    values = np.array([1.0, np.nan, 3.0, 5.0, np.nan, 9, 9, 9, 9, 9])
    dataset = make_indexed(facts={"hit_threshold": 11}, source_pulse_energy=values)
    measures = {"ring_spacing": values, "size_estimate": 1 / values}
    write = lambda out: pq.write_table(pa.table(measures), out / "measures.parquet")  # noqa: E731
    make_product(dataset, "measure", write, {"size_unit": "nm"})
    told = {"pulse_energy": {"title": "Pulse energy", "unit": "µJ"}}
    known = {column.name: column for column in known_columns(columns_of(dataset), told)}
    assert known["lit_pixels"].median == "10.5"
    assert (known["is_hit"].median, known["is_hit"].is_flag) == ("50.0 %", True)
    assert known["size_estimate"].unit == "nm"
    assert known["ring_spacing"].share_unknown == pytest.approx(0.2)
    pulse = known["source_pulse_energy"]
    assert (pulse.title, pulse.unit, pulse.group, pulse.median) == (
        "Pulse energy",
        "µJ",
        "From the files",
        "9",
    )


def test_the_table_of_a_data_set_that_grew_appears_when_its_frames_are_condensed_again():
    dataset = make_indexed()
    few = make_product(dataset, "condense", lambda out: np.save(out / "condensed.npy", np.zeros((4, 8, 8))))
    assert known_columns(columns_of(dataset), {}) == []
    make_product(dataset, "condense", lambda out: np.save(out / "condensed.npy", np.zeros((10, 8, 8))))
    assert few in dataset.products.all()
    assert "lit_pixels" in {column.name for column in known_columns(columns_of(dataset), {})}


def test_the_table_follows_the_threshold(signed_in):
    dataset = make_indexed(facts={"hit_threshold": 11})
    url = reverse("datasets:dataset-columns", args=[dataset.pk])
    assert "50.0 %" in signed_in.get(url).content.decode()
    save_threshold(dataset=dataset, threshold=3.0)
    assert "80.0 %" in signed_in.get(url).content.decode()


def test_the_map_offers_what_was_measured(signed_in):
    dataset = make_sorted_dataset(make_group(), 60)
    write = lambda out: pq.write_table(pa.table({"ring_spacing": np.full(60, 7.0)}), out / "measures.parquet")  # noqa: E731
    make_product(dataset, "measure", write)
    assert (
        "ring_spacing"
        in signed_in.get(reverse("explore:dataset-clusters", args=[dataset.pk])).content.decode()
    )
    url = reverse("explore:map-points", args=[dataset.pk, "ring_spacing"])
    assert np.frombuffer(signed_in.get(url).content, "<f4").tolist() == [7.0] * 60


def test_the_row_of_a_frame_holds_what_was_measured_and_follows_the_threshold():
    dataset = make_indexed(facts={"hit_threshold": 11}, is_hit=LIT >= 11)
    write = lambda out: pq.write_table(pa.table({"ring_spacing": np.arange(10.0)}), out / "measures.parquet")  # noqa: E731
    make_product(dataset, "measure", write)
    save_threshold(dataset=dataset, threshold=3.0)
    dataset.refresh_from_db()
    row = columns_of(dataset).identity(2)
    assert (row["lit_pixels"], row["is_hit"], row["hit_score"], row["ring_spacing"]) == (3, True, 1.0, 2.0)


def test_a_manifest_is_written_with_the_threshold_that_was_set(signed_in):
    dataset = make_sorted_dataset(make_group(), 60)
    save_threshold(dataset=dataset, threshold=7.0)
    signed_in.post(reverse("manifests:dataset-write", args=[dataset.pk]))
    assert Job.objects.get(kind="manifest").params["hit_threshold"] == 7.0
