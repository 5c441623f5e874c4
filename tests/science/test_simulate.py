import csv
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import spherical_jn

from workers.science.errors import Cancelled, RecipeError
from workers.science.io.cxi_writer import PixelFault
from workers.science.multislice import absorption_length, body_amplitude
from workers.science.shapes import CLASSES, KINDS, Body, Particle, draw_particle, draw_radius
from workers.science.simulate import (
    Frame,
    Recipe,
    detector_mask,
    draw_kind,
    scattered_intensity,
    simulate_frame,
    simulate_frames,
)
from workers.science.steps.simulate import simulate

WAVELENGTH_NM = 45.0
TRANSPARENT = 1e9
SMALL = Recipe(shape=(48, 48))
ODD = Recipe(shape=(101, 101))  # the beam goes through the middle of pixel (50, 50)
MIDDLE = (50.0, 50.0)


def pattern(*bodies: Body, recipe: Recipe = ODD, absorption_nm: float = TRANSPARENT) -> NDArray:
    return scattered_intensity(Particle("", (), bodies), WAVELENGTH_NM, recipe, MIDDLE, absorption_nm)


def sphere(radius: float) -> Body:
    return Body(radius, radius)


def pill(angle_deg: float = 0.0, tilt_deg: float = 0.0) -> Body:
    angle, tilt = np.radians(angle_deg), np.radians(tilt_deg)
    axis = (np.cos(angle) * np.cos(tilt), np.sin(angle) * np.cos(tilt), np.sin(tilt))
    return Body(150.0, 400.0, axis, is_pill=True)


def inside(recipe: Recipe = ODD) -> NDArray[np.bool_]:
    rows, columns = np.indices(recipe.shape)
    return np.hypot(rows - 50, columns - 50) < 49


def contrast(first: NDArray, second: NDArray) -> float:
    """Mean relative difference of two patterns, each ring weighing the same."""
    return float((np.abs(first - second) / (first + second))[inside()].mean())


def scattering_angle(recipe: Recipe = ODD) -> NDArray[np.float64]:
    rows, columns = np.indices(recipe.shape)
    return np.arctan(np.hypot(rows - 50, columns - 50) * recipe.pixel_size_m / recipe.distance_m)


def first_minimum(profile: NDArray) -> int:
    return int(np.argmax((profile[1:-1] < profile[:-2]) & (profile[1:-1] <= profile[2:]))) + 1


def test_a_sphere_scatters_as_its_form_factor_says_at_every_angle() -> None:
    radius, angle = 200.0, scattering_angle()
    q = 2 * (2 * np.pi / WAVELENGTH_NM) * np.sin(angle / 2)  # length of q on the Ewald sphere
    with np.errstate(invalid="ignore"):
        form = np.where(q > 0, 3 * spherical_jn(1, q * radius) / (q * radius), 1.0)
    expected = (form * 4 / 3 * np.pi * radius**3) ** 2 * np.cos(angle) ** 3
    deviation = np.abs(np.sqrt(pattern(sphere(radius))) - np.sqrt(expected))[inside()]
    envelope = (4 * np.pi * radius / np.maximum(q, 1 / radius) ** 2)[inside()]  # height of the rings
    assert np.max(deviation / envelope) < 0.2
    assert np.mean(deviation / envelope) < 0.05


@pytest.mark.parametrize("radius", [250.0, 400.0])
def test_the_first_dark_ring_of_a_sphere_lies_at_4_493_over_its_radius(radius: float) -> None:
    profile = pattern(sphere(radius), recipe=replace(ODD, max_angle_deg=10.0))[50, 50:]
    angle = scattering_angle(replace(ODD, max_angle_deg=10.0))[50, 50:]
    q = 2 * np.pi / WAVELENGTH_NM * np.sin(angle)
    at = first_minimum(profile)
    assert abs(q[at] - 4.493 / radius) <= q[1] / 2 + 0.01 * q[at]


def test_a_larger_sphere_has_narrower_rings() -> None:
    minima = [first_minimum(pattern(sphere(radius))[50, 50:]) for radius in (120.0, 240.0, 480.0)]
    assert minima[0] > minima[1] > minima[2]


def test_the_pattern_of_a_sphere_is_the_same_in_every_direction() -> None:
    picture = pattern(sphere(300.0), absorption_nm=100.0)
    equal_radius = [
        picture[50 + row, 50 + column] for row, column in ((25, 0), (7, 24), (-15, 20), (-20, -15))
    ]
    assert np.ptp(equal_radius) < 0.12 * np.mean(equal_radius)
    assert contrast(picture, np.rot90(picture)) < 1e-3


def test_only_a_particle_tilted_against_the_detector_loses_point_symmetry() -> None:
    for symmetric in (sphere(300.0), pill(30.0), Body(300.0, 200.0, (0.6, 0.8, 0.0))):
        picture = pattern(symmetric, absorption_nm=80.0)
        assert contrast(picture, picture[::-1, ::-1]) < 1e-3
    tilted = pattern(pill(30.0, 35.0))
    assert contrast(tilted, tilted[::-1, ::-1]) > 0.3


def test_a_tilted_particle_looks_more_point_symmetric_the_smaller_the_angle() -> None:
    wide, medium, narrow = (
        pattern(pill(30.0, 35.0), recipe=replace(ODD, max_angle_deg=a)) for a in (35, 10, 5)
    )
    asymmetries = [contrast(picture, picture[::-1, ::-1]) for picture in (wide, medium, narrow)]
    assert asymmetries[0] > asymmetries[1] > asymmetries[2]
    assert asymmetries[2] < 0.4 * asymmetries[0]


def test_a_streak_runs_across_the_axis_of_the_pill_and_turns_with_it() -> None:
    along_columns, along_rows = pattern(pill(0.0)), pattern(pill(90.0))
    assert along_columns[80:95, 50].sum() > 20 * along_columns[50, 80:95].sum()
    assert contrast(along_rows, along_columns.T) < 1e-3


def test_two_equal_spheres_in_a_row_multiply_the_rings_with_newton_fringes() -> None:
    distance_nm = 1500.0
    single = pattern(sphere(150.0))
    double = pattern(sphere(150.0), replace(sphere(150.0), offset=(0.0, 0.0, distance_nm)))
    q_z = 2 * np.pi / WAVELENGTH_NM * (1 - np.cos(scattering_angle()))
    fringes = 4 * np.cos(q_z * distance_nm / 2) ** 2
    np.testing.assert_allclose(double, single * fringes, atol=1e-3 * single.max())
    assert np.abs(double / single - fringes)[inside()].max() < 0.02


def test_two_equal_spheres_side_by_side_show_straight_fringes() -> None:
    single = pattern(sphere(150.0))
    double = pattern(sphere(150.0), replace(sphere(150.0), offset=(320.0, 0.0, 0.0)))
    columns = np.arange(-50, 51)
    q_x = 2 * np.pi / WAVELENGTH_NM * np.sin(scattering_angle()[50]) * np.sign(columns)
    fringes = 4 * np.cos(q_x * 320.0 / 2) ** 2
    assert np.abs(double[50] / single[50] - fringes)[3:-3].max() < 0.02


def test_a_core_adds_the_field_of_a_smaller_sphere() -> None:
    layered = replace(sphere(300.0), core_share=0.5, core_density=3.0)
    amplitude, step = body_amplitude(layered, WAVELENGTH_NM, 35.0, TRANSPARENT)
    whole, _ = body_amplitude(sphere(300.0), WAVELENGTH_NM, 35.0, TRANSPARENT)
    core, core_step = body_amplitude(sphere(150.0), WAVELENGTH_NM, 35.0, TRANSPARENT)
    centre, core_centre = whole.shape[0] // 2, core.shape[0] // 2
    assert step < core_step
    difference = amplitude[centre, centre] - whole[centre, centre]
    assert abs(difference / (2 * core[core_centre, core_centre]) - 1) < 0.02


def test_absorption_hides_the_back_of_a_droplet() -> None:
    clear, _ = body_amplitude(sphere(250.0), WAVELENGTH_NM, 35.0, TRANSPARENT)
    dim, _ = body_amplitude(sphere(250.0), WAVELENGTH_NM, 35.0, 60.0)
    assert np.abs(dim).max() < 0.6 * np.abs(clear).max()
    assert absorption_length(20.0) > absorption_length(50.0)
    assert absorption_length(55.0) > absorption_length(50.0)


def test_radii_follow_the_measured_distribution() -> None:
    rng = np.random.default_rng(0)
    radii = [draw_radius(rng, (100.0, 600.0)) for _ in range(20_000)]
    measured = [141, 259, 332, 404, 554]
    np.testing.assert_allclose(np.percentile(radii, [5, 25, 50, 75, 95]), measured, rtol=0.03)
    assert all(200 <= draw_radius(rng, (200.0, 300.0)) <= 300 for _ in range(500))


def drawn(kind: str, n: int = 60) -> list[Particle]:
    rng = np.random.default_rng(1)
    return [draw_particle(rng, kind, (100.0, 600.0), 250.0) for _ in range(n)]


@pytest.mark.parametrize("kind", KINDS)
def test_classes_keep_the_rules_of_the_vocabulary(kind: str) -> None:
    for particle in drawn(kind):
        classes = set(particle.classes)
        assert classes <= set(CLASSES)
        assert list(particle.classes) == sorted(classes, key=CLASSES.index)
        assert len(classes & {"Spherical/Oblate", "Prolate", "Empty"}) == 1
        assert ("Spherical/Oblate" in classes) == (len(classes & {"Round", "Elliptical"}) == 1)
        assert ("Empty" in classes) == (classes == {"Empty"}) == (not particle.bodies)


def test_each_class_is_given_to_some_kind() -> None:
    assert {name for kind in KINDS for particle in drawn(kind) for name in particle.classes} == set(CLASSES)


@pytest.mark.parametrize("kind", ["sphere", "oblate", "tilted oblate", "pill", "tilted pill"])
def test_radius_is_that_of_the_sphere_of_equal_volume(kind: str) -> None:
    for particle in drawn(kind, 5):
        body = particle.bodies[0]
        if body.is_pill:
            volume = np.pi * body.radius**2 * (2 * body.half_length - 2 / 3 * body.radius)
        else:
            volume = 4 / 3 * np.pi * body.radius**2 * body.half_length
        assert volume == pytest.approx(4 / 3 * np.pi * particle.radius_nm**3)


def same(first: Frame, second: Frame) -> bool:
    return np.array_equal(first.counts, second.counts) and (first.particle, first.photons, first.centre) == (
        second.particle,
        second.photons,
        second.centre,
    )


def test_a_seed_gives_the_same_frames_and_another_seed_others() -> None:
    first, again = (simulate_frame(SMALL, 5, 3) for _ in range(2))
    assert same(first, again)
    assert not same(first, simulate_frame(SMALL, 6, 3))
    assert not same(first, simulate_frame(SMALL, 5, 4))


def test_chunks_threads_and_the_number_asked_for_do_not_change_a_frame() -> None:
    whole = [f for part in simulate_frames(SMALL, 5, 11, chunk=11) for f in part]
    parts = list(simulate_frames(SMALL, 5, 9, start=2, chunk=4, threads=2))
    assert [len(part) for part in parts] == [4, 4, 1]
    pieces = [f for part in parts for f in part]
    assert [f.index for f in pieces] == list(range(2, 11))
    assert all(same(one, other) for one, other in zip(whole[2:], pieces, strict=True))


def test_the_real_mix_is_three_quarters_round_and_the_balanced_mix_even() -> None:
    def shares(mix: str) -> dict[str, float]:
        rng = np.random.default_rng(0)
        kinds = [draw_kind(rng, mix) for _ in range(6000)]
        return {kind: kinds.count(kind) / len(kinds) for kind in KINDS}

    # Four standard deviations of a share of 6000.
    assert shares("real")["sphere"] == pytest.approx(0.73, abs=0.023)
    assert shares("real")["core and shell"] == pytest.approx(47 / 7264, abs=0.0042)
    assert all(abs(share - 1 / 9) < 0.0163 for share in shares("balanced").values())


def test_the_number_of_photons_is_as_promised_and_spans_two_decades() -> None:
    dark = replace(SMALL, stray_photons_per_pixel=(1e-6, 1e-6))
    frames = [f for part in simulate_frames(dark, 2, 30) for f in part if f.photons]
    usable = detector_mask(dark, 2) == 0
    for frame in frames:
        if frame.counts.max() < 65535:
            assert abs(frame.counts[usable].sum(dtype=float) - frame.photons) < 5 * np.sqrt(frame.photons) + 1
    photons = [f.photons for f in frames]
    assert 20 < max(photons) / min(photons) <= 100.001


def test_faulty_pixels_read_nothing_and_hot_ones_always_much() -> None:
    recipe = replace(SMALL, dead_share=0.02)
    mask = detector_mask(recipe, 4)
    is_hot = mask == PixelFault.HOT
    assert is_hot.any()
    for index in range(6):
        counts = simulate_frame(recipe, 4, index).counts
        assert counts.dtype == np.uint16
        assert not counts[(mask != 0) & ~is_hot].any()
        assert counts[is_hot].min() > 100


def test_the_mask_has_hole_gap_round_edge_and_dead_pixels() -> None:
    recipe = replace(ODD, dead_share=0.01)
    mask = detector_mask(recipe, 0)
    assert mask.dtype == np.uint32
    assert mask[50, 50] & PixelFault.MISSING
    assert mask[0, 0] & PixelFault.SHADOWED
    assert not mask[50, 10] & PixelFault.SHADOWED
    assert (mask[50:55] & PixelFault.MISSING != 0).all(axis=1).any()
    assert 40 < (mask & PixelFault.DEAD != 0).sum() < 180
    assert not np.array_equal(mask, detector_mask(recipe, 1))


def test_the_beam_centre_jitters_from_shot_to_shot() -> None:
    centres = np.array([simulate_frame(SMALL, 0, index).centre for index in range(20)])
    assert 0.2 < centres.std(axis=0).mean() < 0.9
    assert np.abs(centres - 23.5).max() <= 3 * 0.48


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (16, 64)},
        {"shape": (64, 4096)},
        {"shape": (64,)},
        {"mix": "half"},
        {"wavelength_nm": (60.0, 20.0)},
        {"radius_nm": (50.0, 600.0)},
        {"photons_per_pixel": (0.0, 1.0)},
        {"max_angle_deg": 90.0},
        {"hole_share": 0.9},
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(change: dict) -> None:
    with pytest.raises(RecipeError, match=next(iter(change))):
        Recipe(**change)


def test_the_step_writes_frames_labels_and_truth_that_agree(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    result = simulate(
        n_frames=40,
        shape=[40, 56],
        seed=9,
        out=str(tmp_path),
        on_progress=lambda done, total, unit="frames", *, note="", point=None: heard.append((done, total)),
    )
    assert result == {"n_frames": 40}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.csv", "simulated.cxi"]
    assert heard == [(0, 40), (32, 40), (40, 40)]
    rows = list(csv.DictReader((tmp_path / "labels.csv").open(encoding="utf-8")))
    with h5py.File(tmp_path / "simulated.cxi") as file:
        data, tags = file["entry_1/data_1/data"], file["entry_1/instrument_1/detector_1/tags"]
        names = [name.decode() for name in tags.attrs["headings"]]
        assert data.shape == (40, 40, 56)
        assert "simulated" in file["entry_1/experiment_description"][()].decode()
        for index in (0, 17, 39):
            frame, row = simulate_frame(Recipe(shape=(40, 56)), 9, index), rows[index]
            assert np.array_equal(data[index], frame.counts)
            classes = [name for name, tag in zip(names, tags[:, index], strict=True) if tag]
            assert row["classes"].split(";") == classes == list(frame.particle.classes)
            assert (int(row["index"]), row["kind"]) == (index, frame.particle.kind)
            assert float(row["wavelength_nm"]) == pytest.approx(frame.wavelength_nm, abs=1e-3)
            energy = file["entry_1/instrument_1/source_1/energy"][index]
            assert energy == pytest.approx(1.98644586e-16 / frame.wavelength_nm, rel=1e-6)


def test_a_cancelled_step_leaves_no_cxi_file(tmp_path: Path) -> None:
    def cancel(done: int, total: int, unit: str = "frames", **_: object) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        simulate(n_frames=40, shape=[40, 40], seed=0, out=tmp_path, on_progress=cancel)
    assert not (tmp_path / "simulated.cxi").exists()
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.parametrize("change", [{"n_frames": 0}, {"seed": -1}, {"mix": "none"}, {"shape": [8, 8]}])
def test_the_step_refuses_what_it_cannot_simulate(change: dict, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=next(iter(change))):
        simulate(**{"n_frames": 4, "shape": [40, 40], "seed": 0, "out": tmp_path} | change)
    assert not list(tmp_path.iterdir())
