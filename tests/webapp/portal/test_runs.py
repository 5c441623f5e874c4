"""The table of runs."""

import csv
import io
import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from django.urls import reverse

from tests.webapp.factories import (
    KIND_NAMES,
    make_classified,
    make_dataset,
    make_group,
    make_product,
    make_sorted_dataset,
    make_user,
)
from webapp.datasets.columns import columns_of
from webapp.datasets.scopes import frames_of_scope
from webapp.labels.services import create_scheme, label_frames
from webapp.portal.run_table import bar_of, run_table, sorted_rows

pytestmark = pytest.mark.django_db

N = 90


@pytest.fixture
def dataset():
    """Return a sorted data set of three runs: 20, 30 and 40 frames; of the last no photons are known."""
    dataset = make_sorted_dataset(make_group(), N)
    run = np.repeat([7, 9, 12], [20, 30, 40])
    photons = np.where(run == 12, np.nan, run.astype(float))
    table = {
        "index": np.arange(N),
        "source": [f"/raw/=r{number}.h5" for number in run],
        "lit_pixels": np.where(np.arange(N) % 2, 50, 0),
        "photons": photons,
    }
    make_product(
        dataset,
        "index",
        lambda out: pyarrow.parquet.write_table(pa.table(table), out / "frames.parquet"),
        {"n_frames": N, "hit_threshold": 10},
    )
    return dataset


@pytest.fixture
def signed_in(client, dataset):
    client.force_login(make_user("ada", dataset.group))
    return client


def test_a_row_counts_frames_hits_and_photons_of_its_run(dataset):
    rows = run_table(dataset).rows
    assert [(row.name, row.n, row.n_hits) for row in rows] == [
        ("run 7", 20, 10),
        ("run 9", 30, 15),
        ("run 12", 40, 20),
    ]
    assert [row.photons for row in rows] == [7.0, 9.0, None]
    assert rows[0].hit_percent == 50.0


def test_another_threshold_of_hits_is_followed(dataset):
    assert run_table(dataset).rows[0].n_hits == 10
    dataset.hit_threshold = 60
    assert run_table(dataset).rows[0].n_hits == 0


def test_shares_are_those_of_the_frames_of_the_run(dataset):
    create_scheme(dataset=dataset, names=KIND_NAMES)
    label_frames(dataset=dataset, frames=np.arange(15, 25), operation="set", classes=["Round"])
    make_classified(dataset)
    rows, labels = (
        run_table(dataset).rows,
        np.load(dataset.products.get(kind="cluster").folder / "labels.npy"),
    )
    assert [row.shares["labels"][KIND_NAMES.index("Round")] for row in rows] == [5, 5, 0]
    assert rows[0].shares["clusters"] == [np.count_nonzero(labels[:20] == number) for number in range(-1, 3)]
    assert sum(part.width for part in rows[0].bars["clusters"]) == pytest.approx(100)
    assert set(rows[0].bars) == {"classes", "labels", "clusters"}


def test_rows_are_sorted_by_a_column_or_by_a_share(dataset):
    table = run_table(dataset)
    assert [row.name for row in sorted_rows(table, "frames", descending=True)] == ["run 12", "run 9", "run 7"]
    share = [row.shares["clusters"][1] / row.n for row in sorted_rows(table, "clusters.1", descending=False)]
    assert share == sorted(share)
    for nonsense in ("clusters.99", "x", "clusters.x", ""):
        assert [row.number for row in sorted_rows(table, nonsense, descending=False)] == [0, 1, 2]


def test_a_run_of_the_table_leads_to_its_frames(signed_in, dataset):
    answer = signed_in.get(
        reverse("portal:dataset-runs", args=[dataset.pk]), {"sort": "frames", "order": "down"}
    )
    row, url = answer.context["rows"][0]
    assert row.name == "run 12"
    scope = json.loads(parse_qs(urlsplit(url).query)["scope"][0])
    assert frames_of_scope(columns_of(dataset), scope).tolist() == list(range(50, 90))
    assert url.replace("&", "&amp;") in answer.content.decode()
    assert 'aria-sort="descending"' in answer.content.decode()


def test_the_table_is_downloaded_and_no_cell_is_a_formula(signed_in, dataset):
    create_scheme(dataset=dataset, names=["=1+1", "Round"])
    answer = signed_in.get(reverse("portal:dataset-runs-csv", args=[dataset.pk]))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="run-7-runs.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert (rows[0]["run"], rows[0]["frames"], rows[0]["hit_rate"]) == ("run 7", "20", "0.5")
    assert rows[2]["mean_photons"] == ""
    cells = [cell for row in rows for cell in [*row, *row.values()]]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_a_run_that_is_called_like_a_formula_is_written_as_text(signed_in):
    dataset = make_sorted_dataset(make_group(), 4, "=x")
    table = pa.table({"source": ["/raw/=a.h5"] * 4})
    make_product(dataset, "index", lambda out: pyarrow.parquet.write_table(table, out / "frames.parquet"))
    from webapp.portal.run_table import _safe

    assert run_table(dataset).rows[0].name == "file =a"
    assert _safe("=a") == "'=a"


def test_a_data_set_that_is_not_indexed_says_what_to_do(signed_in, dataset):
    bare = make_dataset(dataset.group, 20, "bare")
    text = signed_in.get(reverse("portal:dataset-runs", args=[bare.pk])).content.decode()
    assert "not indexed yet" in text
    assert signed_in.get(reverse("portal:dataset-runs-csv", args=[bare.pk])).status_code == 404


def test_a_bar_of_very_many_groups_puts_the_smallest_together():
    from webapp.portal.groupings import Group

    groups = [Group(f"g{place}", "#000000", None) for place in range(100)]
    parts = bar_of(np.arange(100), groups)
    assert (len(parts), parts[-1].name) == (25, "others")
    assert sum(part.n for part in parts) == sum(range(100))
