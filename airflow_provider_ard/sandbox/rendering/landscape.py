"""A synthetic landscape: hills, rivers, farmland, towns and roads, as reflectance in eight bands."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from airflow_provider_ard.sandbox.rendering.noise import Floats, Grid, fractal, hashed, ramp, value_noise

# The bands of WorldView-2 and 3, and the indexes of those of a four-band sensor.
BANDS = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir08", "nir09")
FOUR_BANDS = (1, 2, 4, 6)
RGB = (4, 2, 1)

# Reflectance of materials, in the order of BANDS.
_WATER = (0.050, 0.056, 0.055, 0.042, 0.032, 0.024, 0.014, 0.010)
_SOIL = (0.075, 0.098, 0.142, 0.178, 0.205, 0.232, 0.265, 0.280)
_STUBBLE = (0.090, 0.118, 0.190, 0.240, 0.272, 0.305, 0.345, 0.355)
_CROP = (0.030, 0.036, 0.085, 0.062, 0.045, 0.190, 0.460, 0.480)
_FOREST = (0.022, 0.026, 0.048, 0.038, 0.030, 0.105, 0.260, 0.270)
_SCRUB = (0.055, 0.068, 0.102, 0.112, 0.118, 0.165, 0.225, 0.235)
_ROCK = (0.110, 0.128, 0.155, 0.172, 0.182, 0.195, 0.210, 0.215)
_ROAD = (0.140, 0.155, 0.175, 0.185, 0.192, 0.198, 0.205, 0.208)
_ROOF = (0.180, 0.200, 0.225, 0.240, 0.255, 0.262, 0.270, 0.272)

FIELD_M = 804.672  # half a mile, as in the US survey grid
_BLOCK_M = 134.112


@dataclass(frozen=True)
class Season:
    """What depends on the date: greenness (0 to 1), and the year, which selects the crops."""

    green: float
    year: int

    @classmethod
    def of(cls, day: date, *, southern: bool) -> "Season":
        """Return the season of a date in a hemisphere."""
        phase = (day.timetuple().tm_yday + (182 if southern else 0)) / 365.25
        return cls(green=float(0.5 - 0.5 * np.cos(2 * np.pi * (phase - 0.04))), year=day.year)


def reflectance(grid: Grid, zone: int, season: Season, sun_azimuth: float) -> tuple[Floats, Floats]:
    """Return the land's reflectance (0 to 1), of shape (rows, columns, 8), and its illumination (1 is flat).

    `grid` is eastings and northings in the UTM zone, `sun_azimuth` is in degrees.
    """
    height = fractal(grid, 9000, 7, 11 + 97 * zone)
    hills = ramp(height, 0.54, 0.585)
    land = _farmland(grid, zone, season)
    _blend(land, _hills(grid, zone, season, height), hills)
    town = ramp(fractal(grid, 4200, 6, 53 + 97 * zone), 0.61, 0.63) * (1 - hills)
    _blend(land, _town(grid, zone), town)
    _paint(land, _ROAD, _roads(grid, zone) * (0.8 - 0.68 * hills))
    river = np.abs(fractal(grid, 7600, 5, 71 + 97 * zone) - 0.5)
    bank = 0.55 + 0.4 * season.green
    _paint(land, _FOREST, (1 - ramp(river, 0.006, 0.020)) * np.float32(bank) * (1 - town))
    _paint(land, _WATER, 1 - ramp(river, 0.0022, 0.0042))
    _paint(land, _WATER, 1 - ramp(height, 0.315, 0.319))
    lit = _shading(grid, height, hills, sun_azimuth)
    land *= lit[..., None]
    land *= (0.92 + 0.16 * fractal(grid, 160, 4, 31 + 97 * zone))[..., None]
    return land, lit


def _blend(land: Floats, other: Floats, weight: Floats) -> None:
    land += (other - land) * weight[..., None]


def _paint(land: Floats, material: tuple[float, ...], weight: Floats) -> None:
    land += (np.asarray(material, np.float32) - land) * weight[..., None]


def _farmland(grid: Grid, zone: int, season: Season) -> Floats:
    """Return fields of half a mile, some in strips, some with center-pivot irrigation."""
    x, y = (axis / FIELD_M for axis in grid)
    i, j = np.floor(x)[None, :].astype(np.int64), np.floor(y)[:, None].astype(np.int64)
    u, v = (x - np.floor(x))[None, :], (y - np.floor(y))[:, None]
    split = hashed(i, j, 5 + zone)
    strips = 1 + np.floor(hashed(i, j, 6 + zone) * 4).astype(np.int64)
    along = np.where(split < 0.5, np.floor(u * strips), np.floor(v * strips)).astype(np.int64)
    pivot = split > 0.66
    part = np.where(pivot, 0, along)
    # Irrigation is constant, the crop changes with the year.
    watered = hashed(i * 7 + part, j, 7 + zone)
    crop = hashed(i * 7 + part, j, 100 + season.year)
    vigor = np.where(watered > 0.45, 0.25 + 0.75 * crop * (0.35 + 0.65 * season.green), 0.22 * crop)
    circle = np.hypot(u - 0.5, v - 0.5)
    vigor = np.where(pivot & (circle > 0.485), 0.08, vigor).astype(np.float32)
    turn = np.floor((np.arctan2(v - 0.5, u - 0.5) / np.pi + 1) * 2.5)
    wedge = hashed(i * 7 + turn.astype(np.int64), j, 200 + season.year) - 0.5
    vigor = np.clip(np.where(pivot & (circle < 0.485), vigor + 0.35 * wedge, vigor), 0, 1)
    vigor = vigor * (0.8 + 0.4 * value_noise(grid, 210, 17 + zone))
    bare = np.where((crop < 0.5)[..., None], np.asarray(_SOIL, np.float32), np.asarray(_STUBBLE, np.float32))
    tone = (0.78 + 0.44 * hashed(i * 7 + part, j, 300 + season.year))[..., None]
    land: Floats = (bare * tone).astype(np.float32)
    _paint(land, _CROP, np.clip(vigor, 0, 1).astype(np.float32))
    edge = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v)) * FIELD_M
    _paint(land, _SCRUB, ((1 - ramp((edge + 0 * vigor).astype(np.float32), 6, 16)) * 0.55).astype(np.float32))
    return land


def _hills(grid: Grid, zone: int, season: Season, height: Floats) -> Floats:
    """Return dry slopes with woods in valleys and bare rock on top."""
    land = np.empty((*height.shape, len(BANDS)), np.float32)
    land[:] = np.asarray(_SCRUB, np.float32)
    woods = fractal(grid, 900, 5, 41 + 97 * zone) + np.float32(0.25) * (height - np.float32(0.6))
    speckle = fractal(grid, 70, 3, 43 + 97 * zone)
    _paint(land, _FOREST, ramp(woods + (speckle - np.float32(0.5)) * np.float32(0.22), 0.47, 0.56))
    _paint(land, _CROP, (1 - ramp(woods, 0.40, 0.50)) * np.float32(0.30 * season.green))
    crest = height + 0.06 * woods
    _paint(land, _ROCK, ramp(crest.astype(np.float32), 0.70, 0.74))
    return land


def _town(grid: Grid, zone: int) -> Floats:
    """Return blocks of houses and gardens between streets."""
    x, y = (axis / _BLOCK_M for axis in grid)
    i, j = np.floor(x * 4)[None, :].astype(np.int64), np.floor(y * 4)[:, None].astype(np.int64)
    plot = hashed(i, j, 23 + zone)
    u, v = (x - np.floor(x))[None, :], (y - np.floor(y))[:, None]
    street = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v)) < 0.07
    land = np.empty((*plot.shape, len(BANDS)), np.float32)
    land[:] = np.asarray(_SCRUB, np.float32)
    leafy = ramp(fractal(grid, 1300, 3, 27 + zone), 0.3, 0.7)
    _paint(land, _FOREST, np.float32(0.15) + leafy * np.where(plot < 0.4, 0.55, 0.25).astype(np.float32))
    roof = 0.2 + 0.5 * hashed(i, j, 24 + zone)
    _paint(land, _ROOF, np.where(plot > 0.5, roof, 0.1).astype(np.float32))
    _paint(land, _ROAD, np.where(street, 0.6, 0).astype(np.float32))
    return land


def _roads(grid: Grid, zone: int) -> Floats:
    """Return country roads a mile apart and a winding highway."""
    mile = 2 * FIELD_M
    x, y = (np.abs(axis / mile - np.round(axis / mile)) * mile for axis in grid)
    country = (1 - ramp(np.minimum(x[None, :], y[:, None]).astype(np.float32), 7, 14)) * np.float32(0.8)
    bend = (value_noise(grid, 14000, 61 + zone) - 0.5) * 9000
    across = (grid[1][:, None] - 0.6 * grid[0][None, :] + bend) % 23000 - 11500
    highway = 1 - ramp(np.abs(across).astype(np.float32), 14, 26)
    result: Floats = np.maximum(country, highway)
    return result


def _shading(grid: Grid, height: Floats, hills: Floats, sun_azimuth: float) -> Floats:
    """Return the brightness of slopes; those that face the sun are lighter."""
    step = abs(float(grid[0][1] - grid[0][0]))
    down, right = np.gradient(height, step)
    azimuth = np.radians(sun_azimuth)
    # Rows run southward, so the northward slope is the negative of the gradient along rows.
    facing = -(right * np.sin(azimuth) - down * np.cos(azimuth)) * 1500
    result: Floats = (1 + np.clip(facing, -0.6, 0.5) * (0.08 + 0.92 * hills)).astype(np.float32)
    return result
