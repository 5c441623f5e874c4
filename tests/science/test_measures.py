"""What is measured on condensed frames, on patterns whose sizes are known."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.science.measures import measure_frames
from workers.science.preprocess import Geometry, condense_frames, save_geometry
from workers.science.radial import fill_rings, quantile_radii, radial_profiles
from workers.science.steps.measure import measure_range, merge_measures

SIDE = 192


def spheres(spacing, total=3e5, n=6, side=SIDE, shift=(0.0, 0.0), seed=0):
    """Poisson counts of the far field of a sphere whose distant rings are `spacing` pixels apart."""
    axis = np.arange(side) - (side - 1) / 2
    x = np.maximum(np.pi * np.hypot(axis[:, None] - shift[0], axis - shift[1]) / spacing, 1e-3)
    intensity = ((np.sin(x) - x * np.cos(x)) / x**3) ** 2
    return np.random.default_rng(seed).poisson(total * intensity / intensity.sum(), (n, side, side))


def geometry_of(frames, scale="log", hole=8.0, size=96):
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    mask = np.hypot(axis[:, None], axis) > hole
    top = float(np.percentile(frames.max(axis=0), 99.9))
    return Geometry(mask, ((SIDE - 1) / 2, (SIDE - 1) / 2), top, size, float(SIDE), scale)


def measure(frames, scale="log", **geometry):
    plan = geometry_of(frames, scale, **geometry)
    return measure_frames(condense_frames(frames.astype("u4"), plan), plan)


@pytest.mark.parametrize("spacing", [8.0, 11.0, 15.0, 22.0, 28.0])
@pytest.mark.parametrize("scale", ["log", "sqrt"])
def test_the_ring_spacing_of_a_sphere_is_found_within_a_tenth(spacing, scale):
    # a square root has fewer levels for the dim rings, so it takes brighter ones
    found = measure(spheres(spacing, 1e6 if scale == "log" else 1e7), scale)["ring_spacing"]
    assert np.isfinite(found).mean() > 0.8
    assert np.nanmax(np.abs(found / spacing - 1)) < 0.1


def test_no_rings_are_seen_where_there_are_none():
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    radius = np.hypot(axis[:, None], axis)
    random = np.random.default_rng(1)
    smooth = random.poisson(800 * np.exp(-radius / 15) + 0.05, (12, SIDE, SIDE))
    noise = random.poisson(0.3, (12, SIDE, SIDE))
    for frames in (smooth, noise, np.zeros((3, SIDE, SIDE), int)):
        assert np.isnan(measure(frames)["ring_spacing"]).all()


def test_dim_spheres_have_no_spacing_rather_than_a_wrong_one():
    found = np.concatenate([measure(spheres(s, 5e4, n=12))["ring_spacing"] / s for s in (8, 14, 28)])
    assert 0 < np.isfinite(found).sum() < len(found)
    assert np.nanmax(np.abs(found - 1)) < 0.15


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-4, 4)])
def test_the_centre_of_each_frame_is_found_in_pixels_of_the_detector(shift):
    found = measure(spheres(14.0, shift=shift))
    assert np.allclose(found["centre_row"], (SIDE - 1) / 2 + shift[0], atol=1.0)
    assert np.allclose(found["centre_column"], (SIDE - 1) / 2 + shift[1], atol=1.0)


def test_quantile_radii_hold_their_share_of_the_counts():
    frames = spheres(20.0, total=2e6, n=2)
    found = measure(frames, hole=0.0)
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    radius = np.hypot(axis[:, None], axis)
    for name, share in (("radial_q50", 0.5), ("radial_q90", 0.9)):
        inside = frames[0][radius < found[name][0]].sum() / frames[0][radius < SIDE / 2].sum()
        assert abs(inside - share) < 0.05


def test_the_slope_of_a_sphere_is_that_of_a_sharp_edge():
    slopes = measure(spheres(9.0, total=1e7))["radial_slope"]
    assert np.allclose(slopes, -4, atol=0.4)


def test_rings_that_are_masked_are_taken_to_be_as_their_neighbours():
    profile = np.array([[np.nan, 4.0, np.nan, 2.0, np.nan], [np.nan] * 5])
    assert fill_rings(profile).tolist() == [[4, 4, 3, 2, 2], [0] * 5]
    assert np.isnan(quantile_radii(profile, (0.5,))[0, 1])


def test_profiles_are_the_means_of_the_good_pixels_of_each_ring():
    random = np.random.default_rng(0)
    counts, mask = random.poisson(20, (3, 20, 20)).astype("f4"), random.random((20, 20)) > 0.2
    mask[8:12, 8:12] = False
    centres = np.array([[0, 0], [1.5, -1], [0.5, 0]], "f4")
    profiles, n_pixels = radial_profiles(counts, mask, centres)
    axis = np.arange(20) - 9.5
    for frame, (row, column), profile, sizes in zip(counts, centres, profiles, n_pixels, strict=True):
        ring = np.hypot(axis[:, None] - row, axis - column).astype(int)
        for number in range(10):
            inside = mask & (ring == number)
            assert sizes[number] == inside.sum()
            expected = frame[inside].mean() if inside.sum() >= 4 else np.nan
            assert np.isclose(profile[number], expected, equal_nan=True)


def _folders(tmp_path, frames, columns):
    plan, condensed, index = geometry_of(frames), tmp_path / "condensed", tmp_path / "index"
    for folder in (condensed, index):
        folder.mkdir()
    np.save(condensed / "condensed.npy", condense_frames(frames.astype("u4"), plan))
    save_geometry(plan, condensed, {})
    table = {
        "index": np.arange(len(frames)),
        **{f"source_{name}": values for name, values in columns.items()},
    }
    pq.write_table(pa.table(table), index / "frames.parquet")
    return {"condensed_dir": str(condensed), "index_dir": str(index)}


def _measure_in_parts(tmp_path, folders, source, n, parts=2):
    for number in range(parts):
        (tmp_path / str(number)).mkdir()
        at = {"start": number * n // parts, "stop": (number + 1) * n // parts}
        measure_range(**folders, source=source, **at, out=str(tmp_path / str(number)))
    (tmp_path / "out").mkdir()
    folders = [str(tmp_path / str(number)) for number in range(parts)]
    index = str(tmp_path / "index")
    facts = merge_measures(parts=folders, source=source, index_dir=index, out=str(tmp_path / "out"))
    return facts, pq.read_table(tmp_path / "out" / "measures.parquet")


def test_the_parts_are_joined_in_order_and_sizes_are_the_inverse_of_the_spacing(tmp_path):
    frames = np.concatenate([spheres(10.0, n=3), spheres(16.0, n=3)])
    folders = _folders(tmp_path, frames, {})
    facts, table = _measure_in_parts(tmp_path, folders, {}, 6)
    assert facts == {"n_frames": 6, "size_unit": "1/px", "with_rings": 1.0}
    spacing = table["ring_spacing"].to_numpy()
    assert np.allclose(spacing, [10] * 3 + [16] * 3, rtol=0.1)
    assert np.allclose(table["size_estimate"].to_numpy(), 1 / spacing)
    assert {str(kind) for kind in table.schema.types} == {"double"}


def test_sizes_are_diameters_in_nm_where_the_source_tells_wavelength_and_distance(tmp_path):
    # a sphere of 100 nm, at 13.5 nm, 0.4 m away: rings 10 pixels of 5.4 mm apart
    frames = spheres(10.0, n=4)
    columns = {"photon_energy": np.full(4, 1239.841984 / 13.5), "distance": np.full(4, 400.0)}
    columns |= {"pixel_size": np.array([5400.0, 5400.0, 5400.0, np.nan])}
    source = {"columns": {"photon_energy": {"unit": "eV"}, "distance": {"unit": "mm"}}}
    source["columns"]["pixel_size"] = {"unit": "µm"}
    facts, table = _measure_in_parts(tmp_path, _folders(tmp_path, frames, columns), source, 4)
    assert facts["size_unit"] == "nm"
    sizes = table["size_estimate"].to_numpy()
    assert np.allclose(sizes[:3], 100, rtol=0.1)
    assert np.isnan(sizes[3])
