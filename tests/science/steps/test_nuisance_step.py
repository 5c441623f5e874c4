"""The nuisance report as a step of files."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.science.errors import ScienceError
from workers.science.preprocess import Geometry, save_geometry
from workers.science.steps.nuisance import report

N, ROWS = 900, 128


def source_of(frame: int) -> str:
    return f"/data/run_{1 + frame // 300}.cxi"


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("index", "condensed", "measures", "latents", "cluster", "out")}
    for folder in made.values():
        folder.mkdir()
    write_index(made["index"])
    write_measures(made["measures"])
    save_geometry(Geometry(np.ones((8, 8), bool), (4.0, 5.0), 100.0, 8, 8.0), made["condensed"], {})
    np.save(made["latents"] / "latents.npy", np.random.default_rng(1).normal(size=(N, 3)).astype(np.float32))
    others = np.random.default_rng(3).integers(-1, 1, N)
    labels = np.where(np.arange(N) // 300 == 2, 1, others).astype(np.int32)
    np.save(made["cluster"] / "labels.npy", labels)
    return made


def write_index(folder: Path, **changed: object) -> None:
    random = np.random.default_rng(0)
    columns = {
        "source": [source_of(frame) for frame in range(N)],
        "train_id": pa.nulls(N, pa.int64()),
        "pulse_id": pa.array(np.arange(N) % 30),
        "cell_id": pa.nulls(N, pa.int64()),
        "total": pa.array(random.lognormal(9, 1, N)),
        "lit_pixels": pa.array([None, *random.integers(5, 900, N - 1).tolist()], pa.int64()),
        "masked_share": np.full(N, 0.25),
    }
    pq.write_table(pa.table(columns | changed), folder / "frames.parquet", row_group_size=ROWS)


def write_measures(folder: Path, n: int = N) -> None:
    random = np.random.default_rng(2)
    row, column = random.normal(4, 1, n), random.normal(5, 1, n)
    row[: n // 3], column[: n // 3] = 4.0, 5.0
    columns = {"centre_row": row, "centre_column": column, "size_estimate": np.full(n, np.nan)}
    pq.write_table(pa.table(columns | {"radial_q50": random.normal(9, 1, n)}), folder / "measures.parquet")


def write(folders: dict[str, Path]) -> tuple[dict, dict]:
    result = report(
        **{f"{name}_dir": str(folders[name]) for name in ("index", "condensed", "measures")},
        latents_dir=str(folders["latents"]),
        cluster_dir=str(folders["cluster"]),
        size_unit="nm",
        active_latents=[0, 2],
        out=str(folders["out"]),
    )
    return result, json.loads((folders["out"] / "report.json").read_text())


def test_the_step_writes_what_it_counts(folders):
    result, found = write(folders)
    assert result == {"n_clusters": 2, "n_artefacts": 1, "n_sorted": 0}
    [flagged] = [cluster for cluster in found["clusters"] if cluster["artefact"]]
    assert flagged["id"] == 1
    assert "100 % from run 3, where 33 % of all frames are" in flagged["artefact"]
    assert [latent["active"] for latent in found["latents"]] == [True, False, True]


def test_what_the_data_set_does_not_know_is_said_column_by_column(folders):
    found = {nuisance["name"]: nuisance for nuisance in write(folders)[1]["nuisances"]}
    words = {name: (entry["problem"], entry["words"]) for name, entry in found.items()}
    assert words["masked_share"] == ("constant", "the same in all frames (0.25)")
    assert words["saturated_pixels"] == ("absent", "the data set has no such column")
    assert words["size_estimate"] == ("unknown", "not known of any frame")
    assert words["cell"] == ("", "pulse in its train, as no cell is known")
    assert words["time"] == ("", "order of the frames, as no train is known")
    assert found["size_estimate"]["unit"] == "nm"
    assert found["lit_pixels"]["known"] == pytest.approx(1 - 1 / N, abs=1e-4)


def test_the_centre_of_frames_that_show_none_is_not_known(folders):
    found = {nuisance["name"]: nuisance for nuisance in write(folders)[1]["nuisances"]}
    assert found["centre_row"]["known"] == pytest.approx(2 / 3, abs=1e-3)
    assert found["centre_column"]["known"] == pytest.approx(2 / 3, abs=1e-3)


def test_trains_and_cells_are_taken_where_they_are_known(folders):
    ids = {"train_id": pa.array(np.arange(N) + 10**9), "cell_id": pa.array(np.arange(N) % 16)}
    write_index(folders["index"], **ids)
    words = {entry["name"]: entry["words"] for entry in write(folders)[1]["nuisances"]}
    assert (words["time"], words["cell"]) == ("train number", "memory cell")


def test_columns_of_another_data_set_are_refused(folders):
    write_measures(folders["measures"], N - 1)
    with pytest.raises(ScienceError, match=r"measures: has 899 frames where the clustering has 900\. Sort"):
        write(folders)


def test_a_damaged_index_gets_one_line(folders):
    (folders["index"] / "frames.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ScienceError, match=r"frames\.parquet: cannot be read"):
        write(folders)
