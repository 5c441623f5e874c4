"""Wide-angle diffraction of single helium droplets, as a detector with its faults records it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from workers.science.errors import RecipeError
from workers.science.io.cxi_writer import PixelFault
from workers.science.multislice import absorption_length, body_amplitude
from workers.science.shapes import KINDS, REAL_COUNTS, Particle, draw_particle

MIXES = ("balanced", "real")
DETECTOR_SIZE_M = 0.075  # usual diameter of the micro-channel plates that record such patterns
_DETECTOR_KEY, _FRAME_KEY = 0, 1  # streams of one seed that never meet


@dataclass(frozen=True)
class Recipe:
    """What to simulate.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the detector, 32 to 2048 each.
    mix : str
        "balanced" for equally many frames of each kind, "real" for the mix of CXIDB 94, 73 % round.
    wavelength_nm : tuple of float
        Range of the wavelength, in nm.
    radius_nm : tuple of float
        Range of the radius of the droplets, in nm, within 100 to 600.
    max_angle_deg : float
        Scattering angle at the round edge of the detector, in degrees.
    photons_per_pixel : tuple of float
        Range of the mean signal of a hit, drawn evenly on a logarithmic scale.
    stray_photons_per_pixel : tuple of float
        Range of the mean stray light, likewise.
    centre_jitter : float
        Standard deviation of the beam centre, as a share of the shorter side.
    hole_share : float
        Radius of the hole for the direct beam, as a share of the radius of the detector.
    dead_share : float
        Share of dead pixels; a quarter as many are hot.

    Raises
    ------
    RecipeError
        If a value is out of its range or two contradict each other.
    """

    shape: tuple[int, int] = (128, 128)
    mix: str = "balanced"
    wavelength_nm: tuple[float, float] = (20.0, 65.0)
    radius_nm: tuple[float, float] = (100.0, 600.0)
    max_angle_deg: float = 35.0
    photons_per_pixel: tuple[float, float] = (1.0, 100.0)
    stray_photons_per_pixel: tuple[float, float] = (0.02, 0.3)
    centre_jitter: float = 0.01
    hole_share: float = 0.06
    dead_share: float = 0.001

    def __post_init__(self) -> None:
        if len(self.shape) != 2 or not all(32 <= side <= 2048 for side in self.shape):
            raise RecipeError(
                "shape", f"{self.shape} is not a detector", "Give two sides of 32 to 2048 pixels"
            )
        if self.mix not in MIXES:
            raise RecipeError("mix", f"{self.mix!r} is unknown", f"Choose one of {', '.join(MIXES)}")
        _check_range("wavelength_nm", self.wavelength_nm, 5, 200)
        _check_range("radius_nm", self.radius_nm, 100, 600)
        _check_range("photons_per_pixel", self.photons_per_pixel, 1e-4, 1e4)
        _check_range("stray_photons_per_pixel", self.stray_photons_per_pixel, 1e-6, 1e4)
        _check_range("max_angle_deg", (self.max_angle_deg, self.max_angle_deg), 5, 60)
        _check_range("centre_jitter", (self.centre_jitter, self.centre_jitter), 0, 0.1)
        _check_range("hole_share", (self.hole_share, self.hole_share), 0, 0.5)
        _check_range("dead_share", (self.dead_share, self.dead_share), 0, 0.5)

    @property
    def pixel_size_m(self) -> float:
        """Side of a pixel, in metres."""
        return DETECTOR_SIZE_M / min(self.shape)

    @property
    def distance_m(self) -> float:
        """Distance from the interaction point to the detector, in metres."""
        return DETECTOR_SIZE_M / 2 / float(np.tan(np.radians(self.max_angle_deg)))


def _check_range(name: str, value: tuple[float, float], least: float, most: float) -> None:
    if not (len(value) == 2 and least <= value[0] <= value[1] <= most):
        raise RecipeError(
            name, f"{value} is not a range within {least:g} to {most:g}", "Give the smaller value first"
        )


@dataclass(frozen=True)
class Frame:
    """One simulated frame and the truth about it.

    Parameters
    ----------
    index : int
        Number of the frame in its data set.
    counts : ndarray of shape (height, width), uint16
        Detected photons; 0 on faulty pixels, except hot ones.
    particle : Particle
        What was hit, with the classes.
    wavelength_nm : float
        Wavelength of this pulse, in nm.
    photons : float
        Expected number of photons from the particle on the usable pixels; 0 for a miss.
    centre : tuple of float
        Where the beam goes through the detector, as (row, column) in pixels.
    """

    index: int
    counts: NDArray[np.uint16]
    particle: Particle
    wavelength_nm: float
    photons: float
    centre: tuple[float, float]


@lru_cache(maxsize=8)
def detector_mask(recipe: Recipe, seed: int) -> NDArray[np.uint32]:
    """Lay out the faults of the detector: the same for every frame of one recipe and seed.

    Parameters
    ----------
    recipe : Recipe
        Gives shape, hole and share of dead pixels.
    seed : int
        Decides which pixels are dead or hot.

    Returns
    -------
    mask : ndarray of shape (height, width), uint32
        Bits of `PixelFault`: gaps and hole are missing, pixels beyond the round edge shadowed; read-only.
    """
    height, width = recipe.shape
    rows, columns = np.indices(recipe.shape, dtype=np.float32)
    half = min(height, width) / 2
    radius = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    mask = np.zeros(recipe.shape, np.uint32)
    mask[radius > 0.98 * half] |= PixelFault.SHADOWED.value
    mask[radius < recipe.hole_share * half] |= PixelFault.MISSING.value
    gap = max(1, round(0.012 * min(height, width)))
    mask[height // 2 + gap : height // 2 + 2 * gap] |= PixelFault.MISSING.value
    mask[: height // 2, width // 2 - gap : width // 2] |= PixelFault.MISSING.value
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_DETECTOR_KEY,)))
    faults = rng.random(recipe.shape)
    mask[faults < recipe.dead_share] |= PixelFault.DEAD.value
    mask[faults > 1 - recipe.dead_share / 4] |= PixelFault.HOT.value
    mask.setflags(write=False)
    return mask


def scattered_intensity(
    particle: Particle,
    wavelength_nm: float,
    recipe: Recipe,
    centre: tuple[float, float],
    absorption_nm: float | None = None,
) -> NDArray[np.float32]:
    """Compute the noiseless pattern of one particle on the flat detector.

    Parameters
    ----------
    particle : Particle
        With at least one droplet. Each is lit by the whole beam: the shadow of a droplet on one far behind it
        has been filled by diffraction.
    wavelength_nm : float
        Wavelength, in nm.
    recipe : Recipe
        Gives the geometry of the detector.
    centre : tuple of float
        Beam centre as (row, column), in pixels.
    absorption_nm : float, optional
        Absorption length in nm; that of helium by default.

    Returns
    -------
    intensity : ndarray of shape (height, width), float32
        In arbitrary units, averaged over each pixel where fringes are finer than the pixels.
    """
    k = 2 * np.pi / wavelength_nm
    finer = _subpixels(particle, wavelength_nm, recipe)
    rows, columns = (
        ((np.arange(n * finer) + 0.5) / finer - 0.5 - c).astype(np.float32)
        for n, c in zip(recipe.shape, centre, strict=True)
    )
    distance = recipe.distance_m / recipe.pixel_size_m
    away = np.sqrt(rows[:, None] ** 2 + columns[None, :] ** 2 + np.float32(distance**2))
    q_y, q_x, q_z = k * rows[:, None] / away, k * columns[None, :] / away, k - k * distance / away
    # The jitter and the corners read beyond the nominal angle; corners are masked, so a margin is enough.
    angle = min(recipe.max_angle_deg * (1 + 6 * recipe.centre_jitter), 80.0)
    absorption = absorption_nm or absorption_length(wavelength_nm)
    field = np.zeros(away.shape, np.complex64)
    for body in particle.bodies:
        amplitude, step = body_amplitude(body, wavelength_nm, angle, absorption)
        half = amplitude.shape[0] // 2
        at = np.stack((q_y / step + half, q_x / step + half))
        seen = map_coordinates(amplitude, at, order=3, output=np.complex64)
        if any(body.offset):
            x, y, z = body.offset
            seen *= np.exp(-1j * (q_x * x + q_y * y + q_z * z)).astype(np.complex64)
        field += seen
    intensity = (field.real**2 + field.imag**2) * (distance / away) ** 3  # solid angle of a flat pixel
    height, width = recipe.shape
    return intensity.reshape(height, finer, width, finer).mean(axis=(1, 3), dtype=np.float32)


def _subpixels(particle: Particle, wavelength_nm: float, recipe: Recipe) -> int:
    """Points per pixel and direction: two to the finest fringe, but at most 3 for the sake of time."""
    tangent = np.tan(np.radians(recipe.max_angle_deg))
    q_per_pixel = 2 * np.pi / wavelength_nm * recipe.pixel_size_m / recipe.distance_m
    first = particle.bodies[0]
    width = 2 * np.hypot(max(first.half_extent[:2]), first.half_extent[2] * tangent)
    for body in particle.bodies[1:]:
        width += np.hypot(*body.offset[:2])
    return min(int(np.ceil(q_per_pixel * width / np.pi)), 3)


def _stray_light(
    rng: np.random.Generator, recipe: Recipe, centre: tuple[float, float]
) -> NDArray[np.float32]:
    """Expected stray photons: a halo about the beam, brighter on one side, on an even floor."""
    rows, columns = np.indices(recipe.shape, dtype=np.float32)
    rows, columns = rows - centre[0], columns - centre[1]
    half = min(recipe.shape) / 2
    level, width, lean = (
        _log_uniform(rng, recipe.stray_photons_per_pixel),
        rng.uniform(0.1, 0.3),
        rng.random(),
    )
    direction = rng.uniform(0, 2 * np.pi)
    halo = np.exp(-np.hypot(rows, columns) / (width * half))
    halo *= 1 + 0.5 * lean * np.cos(np.arctan2(rows, columns) - direction)
    floor = rng.uniform(0.2, 0.5)
    return (level * (floor + (1 - floor) * halo / halo.mean())).astype(np.float32)


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def draw_kind(rng: np.random.Generator, mix: str) -> str:
    """Draw what kind of particle a pulse hits.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    mix : str
        One of `MIXES`.

    Returns
    -------
    kind : str
        One of `KINDS`.
    """
    weights = np.array([REAL_COUNTS[kind] if mix == "real" else 1 for kind in KINDS], np.float64)
    return str(rng.choice(KINDS, p=weights / weights.sum()))


def simulate_frame(recipe: Recipe, seed: int, index: int) -> Frame:
    """Simulate one frame; the same three arguments give the same frame.

    Parameters
    ----------
    recipe : Recipe
        What to simulate.
    seed : int
        Of the whole data set, not negative.
    index : int
        Number of the frame; each has a stream of random numbers of its own.

    Returns
    -------
    frame : Frame
        Counts and truth.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_FRAME_KEY, index)))
    kind = draw_kind(rng, recipe.mix)
    wavelength = float(rng.uniform(*recipe.wavelength_nm))
    fringe_length = wavelength / (1 - np.cos(np.radians(recipe.max_angle_deg)))
    particle = draw_particle(rng, kind, recipe.radius_nm, fringe_length)
    jitter = rng.normal(0, recipe.centre_jitter * min(recipe.shape), 2).clip(
        -3 * recipe.centre_jitter * min(recipe.shape), 3 * recipe.centre_jitter * min(recipe.shape)
    )
    centre = tuple(float((n - 1) / 2 + d) for n, d in zip(recipe.shape, jitter, strict=True))
    mask = detector_mask(recipe, seed)
    expected, photons = _stray_light(rng, recipe, centre), 0.0
    if particle.bodies:
        usable = mask == 0
        pattern = scattered_intensity(particle, wavelength, recipe, centre)
        photons = _log_uniform(rng, recipe.photons_per_pixel) * int(usable.sum())
        expected += pattern * np.float32(photons / pattern[usable].sum(dtype=np.float64))
    return Frame(index, _detect(rng, expected, mask), particle, wavelength, photons, centre)


def _detect(rng: np.random.Generator, expected: NDArray, mask: NDArray[np.uint32]) -> NDArray[np.uint16]:
    counts = rng.poisson(expected)
    is_hot = mask == PixelFault.HOT.value
    counts[(mask != 0) & ~is_hot] = 0
    counts[is_hot] += rng.poisson(200, int(is_hot.sum()))
    return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


def simulate_frames(
    recipe: Recipe, seed: int, n_frames: int, *, start: int = 0, chunk: int = 64, threads: int = 1
) -> Iterator[list[Frame]]:
    """Simulate frames in order, a chunk at a time; chunks and threads do not change them.

    Parameters
    ----------
    recipe : Recipe
        What to simulate.
    seed : int
        Of the whole data set, not negative.
    n_frames : int
        How many.
    start : int, default=0
        Number of the first.
    chunk : int, default=64
        Frames in memory at a time.
    threads : int, default=1
        Frames computed at a time.

    Yields
    ------
    frames : list of Frame
        The next `chunk` frames, fewer at the end.
    """
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        for first in range(start, start + n_frames, chunk):
            numbers = range(first, min(first + chunk, start + n_frames))
            yield list(pool.map(lambda index: simulate_frame(recipe, seed, index), numbers))
