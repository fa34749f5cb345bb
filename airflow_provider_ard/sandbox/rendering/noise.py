"""Noise in world coordinates: a location has the same value in every tile and acquisition."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Grid = tuple[NDArray[np.float64], NDArray[np.float64]]


def hashed(i: NDArray[Any], j: NDArray[Any], seed: int) -> Floats:
    """Return a pseudo-random number in [0, 1) for each pair of integers (broadcast)."""
    with np.errstate(over="ignore"):
        h = i.astype(np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        h = h ^ (j.astype(np.int64).astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F))
        h = h ^ np.uint64((seed * 0x165667B19E3779F9) % 2**64)
        h = (h ^ (h >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h = h ^ (h >> np.uint64(33))
    return ((h >> np.uint64(40)).astype(np.float32)) / np.float32(2**24)


def value_noise(grid: Grid, wavelength: float, seed: int) -> Floats:
    """Return smooth noise in [0, 1), of shape (rows, columns).

    `grid` is the eastings of the columns and the northings of the rows, `wavelength` is in the same meters.
    """
    (left, sx), (low, sy) = (_split(axis / wavelength) for axis in grid)
    i0, j0 = left.min(), low.min()
    knots_x = np.arange(i0, left.max() + 2)
    knots_y = np.arange(j0, low.max() + 2)
    knots = hashed(knots_x[None, :], knots_y[:, None], seed)
    along_x = knots[:, left - i0] * (1 - sx) + knots[:, left - i0 + 1] * sx
    sy = sy[:, None]
    result: Floats = along_x[low - j0] * (1 - sy) + along_x[low - j0 + 1] * sy
    return result


def fractal(grid: Grid, wavelength: float, octaves: int, seed: int) -> Floats:
    """Return noise with detail down to `wavelength / 2**(octaves - 1)`, around 0.5."""
    total = np.zeros((grid[1].size, grid[0].size), np.float32)
    weight = 0.5
    for octave in range(octaves):
        # Octaves are shifted, so their knots do not coincide.
        shifted = (grid[0] + 1713.7 * octave, grid[1] - 997.3 * octave)
        total += np.float32(weight) * value_noise(shifted, wavelength / 2**octave, seed + octave)
        weight /= 2
    return total / np.float32(1 - 0.5**octaves)


def ramp(values: Floats, low: float, high: float) -> Floats:
    """Return 0 below `low`, 1 above `high`, and a smooth transition between them."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    result: Floats = t * t * (3 - 2 * t)
    return result


def _split(u: NDArray[np.float64]) -> tuple[NDArray[np.int64], Floats]:
    integer = np.floor(u)
    t = u - integer
    return integer.astype(np.int64), (t * t * (3 - 2 * t)).astype(np.float32)
