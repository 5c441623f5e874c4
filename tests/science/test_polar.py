import numpy as np
import pytest

from workers.science.polar import (
    angular_power,
    find_centres,
    polar_maps,
    relative_magnitudes,
    usable_radii,
)

SIZE = 64


def ellipse_rings(angle, *, stretch=1.3, centre=(0.0, 0.0), brightness=1.0, size=SIZE):
    """Elliptical rings about a centre given relative to the middle, as counts."""
    axis = np.arange(size) - (size - 1) / 2
    y, x = axis[:, None] - centre[0], axis - centre[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    radius = np.hypot(along * stretch, across)
    return (brightness * (1 + np.cos(radius / 2)) * np.exp(-radius / 15)).astype(np.float32)


@pytest.fixture
def mask():
    axis = np.arange(SIZE) - (SIZE - 1) / 2
    radius = np.hypot(axis[:, None], axis)
    good = (radius > 3) & (radius < 31)
    good[34:36] = False  # the gap between two panels
    return good


def features(frames, mask, centres=None):
    roots = np.sqrt(np.asarray(frames, np.float32) + 0.375)
    centres = find_centres(roots, mask, reach=3) if centres is None else centres
    maps = polar_maps(roots, mask, centres, n_radii=24, n_angles=64)
    return relative_magnitudes(angular_power(maps), n_bands=6, n_orders=8)


def test_features_do_not_know_the_in_plane_angle(mask):
    turned = features([ellipse_rings(a, brightness=200) for a in (0.0, 0.4, 1.1, 2.5)], mask)
    other = features([ellipse_rings(0.0, brightness=200, stretch=1.0)], mask)
    spread = np.abs(turned - turned.mean(axis=0)).mean()
    assert spread < 0.1 * np.abs(turned.mean(axis=0) - other[0]).mean()


def test_features_do_not_know_the_brightness(mask):
    dim, bright = features([ellipse_rings(0.3, brightness=b) for b in (50, 5000)], mask)
    assert np.abs(dim - bright).mean() < 0.1 * bright.mean()


def test_features_of_a_round_pattern_are_small_beside_those_of_an_ellipse(mask):
    circle, ellipse = features([ellipse_rings(0, stretch=s, brightness=500) for s in (1.0, 1.4)], mask)
    assert circle[:, 1].mean() < 0.2 * ellipse[:, 1].mean()


def test_counting_noise_of_a_round_pattern_does_not_read_as_an_ellipse(mask):
    rng = np.random.default_rng(0)
    circles = rng.poisson(np.stack([ellipse_rings(0, stretch=1.0, brightness=20)] * 20))
    ellipses = rng.poisson(np.stack([ellipse_rings(0, stretch=1.4, brightness=20)] * 20))
    assert features(circles, mask)[:, :, 1].mean() < 0.5 * features(ellipses, mask)[:, :, 1].mean()


@pytest.mark.parametrize("centre", [(0.0, 0.0), (1.5, -1.0), (-2.0, 2.5)])
def test_the_centre_of_a_frame_is_found_to_half_a_pixel(mask, centre):
    rng = np.random.default_rng(1)
    counts = rng.poisson(ellipse_rings(0.7, centre=centre, brightness=100)) * mask
    found = find_centres(np.sqrt(counts + 0.375)[None].astype(np.float32), mask, reach=4)
    assert np.abs(found[0] - centre).max() <= 0.5


def test_a_frame_without_symmetry_keeps_the_middle(mask):
    frames = np.zeros((1, SIZE, SIZE), np.float32)
    frames[0, 10:20, 40:50] = 5.0
    assert find_centres(frames, mask, reach=3).tolist() == [[0.0, 0.0]]


def test_a_frame_off_centre_has_the_features_of_one_that_is_not(mask):
    straight, moved = features(
        [ellipse_rings(0.5, brightness=500), ellipse_rings(0.5, centre=(2.0, -1.5), brightness=500)], mask
    )
    ignored = features([ellipse_rings(0.5, centre=(2.0, -1.5), brightness=500)], mask, np.zeros((1, 2)))
    assert np.abs(straight - moved).mean() < 0.3 * np.abs(straight - ignored[0]).mean()


def test_a_gap_is_filled_from_the_other_side(mask):
    frame = ellipse_rings(0.4, brightness=10)
    whole = np.ones_like(mask)
    whole &= np.hypot(*np.indices(mask.shape) - (SIZE - 1) / 2) < 31
    spoiled = np.where(mask, frame, 1e6)
    middle = np.zeros((1, 2), np.float32)
    sizes = {"n_radii": 24, "n_angles": 64}
    with_gap = polar_maps(spoiled[None], mask, middle, **sizes)
    assert np.isfinite(with_gap).all()
    assert with_gap.max() < 2 * frame.max()


def test_usable_radii_leave_out_the_hole_and_the_edge(mask):
    inner, outer = usable_radii(mask)
    assert 2 <= inner <= 5
    assert 29 <= outer <= 32
    assert usable_radii(np.zeros((10, 10), bool)) == (0.0, 5.0)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_flat_and_empty_frames_have_finite_features(mask, value):
    found = features(np.full((2, SIZE, SIZE), value), mask)
    assert np.isfinite(found).all()
    assert found.shape == (2, 6, 8)


def test_a_mask_without_good_pixels_gives_finite_features():
    nothing = np.zeros((SIZE, SIZE), bool)
    assert np.isfinite(features(np.ones((1, SIZE, SIZE)), nothing)).all()


def test_orders_that_reach_into_the_noise_are_refused(mask):
    power = np.ones((1, 10, 33), np.float32)
    with pytest.raises(ValueError, match="above the noise"):
        relative_magnitudes(power, n_bands=2, n_orders=24)


def best_by_pairs(root, mask, steps):
    """The centre with the highest Pearson correlation, pair by pair."""
    size, scores = len(mask), {}
    for twice in np.ndindex(2 * steps + 1, 2 * steps + 1):
        row, column = np.array(twice) - steps
        pairs = []
        for i, j in np.ndindex(size, size):
            k, m = size - 1 + row - i, size - 1 + column - j
            if 0 <= k < size and 0 <= m < size and mask[i, j] and mask[k, m]:
                pairs.append((root[i, j], root[k, m]))
        scores[row / 2, column / 2] = np.corrcoef(np.array(pairs).T)[0, 1]
    return max(scores, key=scores.get)


@pytest.mark.parametrize("side", [15, 16])
def test_the_centre_is_the_one_that_a_search_pair_by_pair_finds(side):
    rng = np.random.default_rng(3)
    good = rng.random((side, side)) > 0.1
    counts = rng.poisson(ellipse_rings(0.4, centre=(0.5, -1.0), brightness=60, size=side))
    root = np.sqrt(counts + 0.375).astype(np.float32)
    found = find_centres(root[None], good, reach=1.5)
    assert tuple(found[0].tolist()) == best_by_pairs(root, good, 3)


def test_a_cell_is_the_mean_of_the_good_pixels_under_it(mask):
    """A map of the row numbers says where the cells look; the mean over a turn is the row of the centre."""
    rows = np.repeat(np.arange(SIZE, dtype=np.float32)[:, None], SIZE, axis=1)
    whole = np.hypot(*np.indices(mask.shape) - (SIZE - 1) / 2) < 31
    centres = np.array([[0, 0], [1.5, -1]], np.float32)
    maps = polar_maps(np.stack([rows, rows]), whole, centres, n_radii=12, n_angles=32)
    angle = 2 * np.pi * (np.arange(32) + 0.5) / 32
    radius = (np.arange(12) + 0.5) * usable_radii(whole)[1] / 12
    expected = (SIZE - 1) / 2 + radius[:, None] * np.sin(angle)
    assert np.abs(maps[0, 1:11] - expected[1:11]).max() < 0.6
    assert np.abs(maps[1, 1:10] - expected[1:10] - 1.5).max() < 0.6


def test_frames_do_not_depend_on_those_beside_them(mask):
    rng = np.random.default_rng(4)
    frames = rng.random((5, SIZE, SIZE)).astype(np.float32)
    centres = np.array([[0, 0], [0.5, 1], [0, 0], [-1, 0.5], [0.5, 1]], np.float32)
    sizes = {"n_radii": 10, "n_angles": 32}
    alone = [polar_maps(frames[i : i + 1], mask, centres[i : i + 1], **sizes)[0] for i in range(5)]
    assert np.allclose(polar_maps(frames, mask, centres, **sizes), alone, atol=1e-6)
