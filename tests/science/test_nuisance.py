"""The nuisance report: clusters that are a run, a cell or a band of brightness are told, others are not."""

import numpy as np
import pytest

from workers.science.nuisance import explain_latents
from workers.science.nuisance_columns import NUISANCES, bin_categories, bin_numbers, name_runs
from workers.science.nuisance_report import report_nuisances

NAMED = {nuisance.name: nuisance for nuisance in NUISANCES}
N_RUNS, N_CELLS = 4, 32


def columns(n, seed=0, **given):
    """Return columns of frames that say nothing, and those that are given instead."""
    random = np.random.default_rng(seed)
    drawn = {
        "run": random.integers(0, N_RUNS, n),
        "cell": random.integers(0, N_CELLS, n),
        "time": np.arange(n),
        "masked_share": 0.1 + 0.01 * random.random(n),
        "saturated_pixels": random.poisson(0.3, n),
        "centre_row": random.normal(512, 2, n),
        "total": random.lognormal(9, 1, n),
        "size_estimate": random.normal(80, 20, n),
    }
    return drawn | given


def binned(n, seed=0, **given):
    found = []
    for name, values in columns(n, seed, **given).items():
        if name in ("run", "cell"):
            found.append(bin_categories(NAMED[name], values, f"{name} {{}}".format))
        else:
            found.append(bin_numbers(NAMED[name], values))
    return found


def report(n, labels, latents=None, seed=0, **given):
    latents = np.zeros((n, 1), np.float32) if latents is None else latents
    return report_nuisances(binned(n, seed, **given), labels, latents, [0])


def cluster(found, number):
    return next(entry for entry in found["clusters"] if entry["id"] == number)


def shuffled_labels(n, shares=(0.5, 0.3, 0.2), seed=1):
    return np.random.default_rng(seed).choice(len(shares), n, p=shares).astype(np.int32)


@pytest.mark.parametrize("n", [200, 20_000])
def test_columns_of_noise_tell_no_cluster_and_no_latent(n):
    most, means = [], []
    for seed in range(5):
        latents = np.random.default_rng(seed + 50).normal(size=(n, 4)).astype(np.float32)
        found = report(n, shuffled_labels(n, seed=seed + 20), latents, seed)
        for entry in found["clusters"]:
            assert (entry["artefact"], entry["sorted_by"]) == ("", "")
            most.append(max(entry["told"].values()))
        for entry in [*found["clusters"], *found["latents"]]:
            means += entry["explained"].values()
    assert max(most) < (0.2 if n == 200 else 0.03)
    assert np.mean(means) < (0.01 if n == 200 else 0.0002)


@pytest.mark.parametrize("n", [200, 20_000])
def test_a_cluster_that_is_a_run_looks_like_an_artefact_and_its_neighbours_do_not(n):
    labels = shuffled_labels(n)
    run = np.random.default_rng(5).integers(0, 3, n)
    run[labels == 2] = 3
    found = report(n, labels, run=run)
    assert cluster(found, 2)["artefact"].startswith("Looks like an artefact: 100 % from run 3, where ")
    assert cluster(found, 2)["told"]["run"] > 0.75
    assert [cluster(found, number)["artefact"] for number in (0, 1)] == ["", ""]


def test_most_of_a_cluster_from_one_cell_is_enough_and_the_sentence_names_it():
    n, random = 20_000, np.random.default_rng(2)
    cell, labels = random.integers(0, N_CELLS, n), shuffled_labels(n)
    hot = (cell == 7) & (random.random(n) < 0.9)
    labels[hot] = 3
    labels[random.random(n) < 0.003] = 3
    entry = cluster(report(n, labels, cell=cell), 3)
    assert 0.8 < entry["told"]["cell"] < 0.98
    assert "from cell 7, where 3 % of all frames are" in entry["artefact"]
    assert entry["sorted_by"] == ""


def test_a_bright_cluster_is_sorted_by_brightness_and_no_artefact():
    n = 20_000
    total = np.random.default_rng(3).lognormal(9, 1, n)
    labels = (total > np.quantile(total, 0.9)).astype(np.int32)
    found = report(n, labels, total=total)
    assert cluster(found, 1)["artefact"] == ""
    assert cluster(found, 1)["sorted_by"] == "Sorted by brightness: brighter than 100 % of the rest."
    assert cluster(found, 0)["words"]["total"] == "dimmer than 100 % of the rest"


@pytest.mark.parametrize("n", [400, 20_000])
def test_a_middle_band_is_told_although_it_is_neither_bright_nor_dim(n):
    total = np.random.default_rng(4).lognormal(9, 1, n)
    low, high = np.quantile(total, (0.4, 0.6))
    labels = ((total > low) & (total < high)).astype(np.int32)
    entry = cluster(report(n, labels, total=total), 1)
    assert entry["told"]["total"] > (0.6 if n == 400 else 0.95)
    assert "between" in entry["sorted_by"]
    assert entry["artefact"] == ""


def test_saturation_that_only_follows_from_brightness_is_no_artefact():
    n, random = 20_000, np.random.default_rng(6)
    total = random.lognormal(9, 1, n)
    saturated = random.poisson(total / 2e3)
    labels = (total > np.quantile(total, 0.8)).astype(np.int32)
    entry = cluster(report(n, labels, total=total, saturated_pixels=saturated), 1)
    assert entry["sorted_by"].startswith("Sorted by brightness")
    assert entry["artefact"] == ""
    assert entry["explained"]["saturated_pixels"] > 0.2


def test_saturation_at_any_brightness_is_an_artefact():
    n, random = 20_000, np.random.default_rng(7)
    labels = (random.random(n) < 0.1).astype(np.int32)
    saturated = random.poisson(0.05, n) + labels * random.poisson(4, n)
    entry = cluster(report(n, labels, saturated_pixels=saturated), 1)
    assert "saturated in more pixels than" in entry["artefact"]


def test_a_missing_module_is_an_artefact():
    n = 5000
    labels = shuffled_labels(n)
    share = np.where(labels == 1, 0.16, 0.1)
    found = report(n, labels, masked_share=share)
    assert cluster(found, 1)["artefact"] == "Looks like an artefact: more masked than 100 % of the rest."
    assert cluster(found, 0)["artefact"] == ""


def test_a_shifted_centre_is_an_artefact_and_a_badly_measured_one_is_not():
    n, random = 20_000, np.random.default_rng(8)
    labels, row = shuffled_labels(n), random.normal(512, 0.5, n)
    row[labels == 1] += 5
    row[labels == 2] += random.normal(0, 12, n)[labels == 2]
    found = report(n, labels, centre_row=row)
    assert "centred at a higher row" in cluster(found, 1)["artefact"]
    assert cluster(found, 2)["artefact"] == ""
    assert cluster(found, 2)["explained"]["centre_row"] > 0.2


def test_a_short_time_of_the_recording_is_told():
    n = 4000
    labels = ((np.arange(n) > 1200) & (np.arange(n) < 1500)).astype(np.int32)
    entry = cluster(report(n, labels), 1)
    assert entry["told"]["time"] > 0.9
    assert "between" in entry["artefact"]


def test_a_latent_that_is_brightness_is_explained_by_it_and_by_nothing_else():
    n, random = 20_000, np.random.default_rng(9)
    total, run = random.lognormal(9, 1, n), random.integers(0, N_RUNS, n)
    latents = np.stack([np.log(total), random.normal(size=n), run - 1.5 + random.normal(size=n)], axis=1)
    given = report(n, shuffled_labels(n), latents.astype(np.float32), total=total, run=run)
    first, second, third = (entry["explained"] for entry in given["latents"])
    assert first["total"] > 0.98
    assert max(value for name, value in first.items() if name != "total") < 0.01
    assert max(second.values()) < 0.01
    assert third["run"] == pytest.approx(1.25 / 2.25, abs=0.03)
    assert [entry["active"] for entry in given["latents"]] == [True, False, False]


def test_a_latent_that_never_varies_has_no_share():
    found = report(500, shuffled_labels(500), np.full((500, 1), 3.0, np.float32))
    assert set(found["latents"][0]["explained"].values()) == {None}


def test_what_is_read_in_blocks_is_as_from_one_piece(monkeypatch):
    n, random = 3000, np.random.default_rng(10)
    total, latents = random.lognormal(9, 1, n), random.normal(size=(n, 3)).astype(np.float32)
    total[::7] = np.nan
    nuisances = binned(n, total=total)
    whole, labels = explain_latents(nuisances, latents), shuffled_labels(n)
    everything = report_nuisances(nuisances, labels, latents, [0])
    monkeypatch.setattr("workers.science.nuisance.BLOCK", 700)
    np.testing.assert_allclose(explain_latents(nuisances, latents), whole, atol=1e-12)
    assert report_nuisances(nuisances, labels, latents, [0]) == everything


def test_noise_is_listed_last_and_never_flagged():
    n = 2000
    labels = shuffled_labels(n) - 1
    run = np.where(labels < 0, 3, np.random.default_rng(0).integers(0, 3, n))
    found = report(n, labels.astype(np.int32), run=run)
    assert [entry["id"] for entry in found["clusters"]] == [0, 1, -1]
    assert cluster(found, -1)["told"]["run"] > 0.7
    assert cluster(found, -1)["artefact"] == ""


def test_a_single_cluster_of_all_frames_has_nothing_to_be_told_from():
    found = report(300, np.zeros(300, np.int32))
    assert set(found["clusters"][0]["told"].values()) == {None}
    assert found["clusters"][0]["artefact"] == ""


def test_a_cluster_of_which_hardly_a_frame_is_known_is_not_judged():
    n = 1000
    labels, size = shuffled_labels(n), np.random.default_rng(0).normal(80, 20, n)
    size[(labels == 1) & (np.arange(n) > 20)] = np.nan
    found = report(n, labels, size_estimate=size)
    assert cluster(found, 1)["told"]["size_estimate"] is None
    assert cluster(found, 0)["told"]["size_estimate"] is not None


def problem(values, name="total"):
    is_category = NAMED[name].is_category
    found = (
        bin_categories(NAMED[name], values, str)
        if is_category
        else bin_numbers(NAMED[name], np.array(values))
    )
    return found.problem, found.words


def test_a_column_that_cannot_be_used_says_why():
    assert problem(np.full(100, 3.0)) == ("constant", "the same in all frames (3)")
    assert problem(np.full(100, np.nan)) == ("unknown", "not known of any frame")
    assert problem([1.0, 2.0] * 5 + [np.nan] * 90) == ("unknown", "known of 10 of 100 frames only")
    assert problem(np.zeros(50, int), "cell") == ("constant", "the same in all frames (0)")
    assert problem(np.full(50, -1), "cell") == ("unknown", "not known of any frame")
    scattered, words = problem(np.arange(1000), "run")
    assert scattered == "scattered"
    assert "1000 values" in words


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
def test_a_value_that_nearly_all_frames_have_is_a_bin_of_its_own(share):
    n = 20_000
    values = np.where(np.arange(n) < share * n, 5.0, 7.0)
    found = bin_numbers(NAMED["masked_share"], values)
    assert len(np.unique(found.codes)) == 2
    assert len({int(found.codes[0]), int(found.codes[-1])}) == 2


def test_bins_hold_about_as_many_frames_each_and_keep_the_order():
    values = np.random.default_rng(0).lognormal(size=10_000)
    found = bin_numbers(NAMED["total"], values)
    sizes = np.bincount(found.codes)
    assert len(sizes) == found.n_bins == 100
    assert sizes.min() > 90
    assert (np.diff(found.codes[np.argsort(values)]) >= 0).all()
    assert ((values >= found.bounds[found.codes]) & (values <= found.bounds[found.codes + 1])).all()


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["/d/run_9.cxi", "/d/run_10.cxi"], ["run 9", "run 10"]),
        (["/d/RAW-R0012-AGIPD00-S00000.h5", "/d/RAW-R0012-AGIPD00-S00001.h5"], ["run 12", "run 12"]),
        (["/d/r0003/a.h5", "/d/r0004/a.h5"], ["run 3", "run 4"]),
        (["/d/helium.h5", "/d/neon.h5"], ["file helium", "file neon"]),
        (["/a/data.h5", "/b/data.h5"], ["file a/data", "file b/data"]),
    ],
)
def test_runs_are_named_by_their_numbers_or_else_by_their_files(sources, names):
    assert name_runs(sources)[0] == names
