"""Smooth calibration error: how far labels stray from forecasts nearby, at its own bandwidth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metaeval.core import Codes, Floats

N_CELLS = 2_000
_LEAST = 1e-3  # two cells: narrower kernels see the grid
_STEPS = 40


def spread_over_cells(forecast: Floats) -> tuple[Codes, Floats]:
    """Cell to the left of each forecast, and the share of a row that goes to the next: (row,)."""
    place = np.clip(forecast, 0.0, 1.0) * N_CELLS
    cell = np.minimum(place.astype(np.intp), N_CELLS - 1)
    return cell, place - cell


def residuals_by_cell(forecast: Floats, residual: Floats) -> Floats:
    """Sums of residuals (row,) at N_CELLS + 1 points from 0 to 1, split between neighbours."""
    cell, right = spread_over_cells(forecast)
    left = np.bincount(cell, residual * (1 - right), N_CELLS + 1)
    return np.asarray(left + np.bincount(cell + 1, residual * right, N_CELLS + 1))


def mirrored_cells(sums: Floats) -> Floats:
    """Sums (..., cell) of rows that each count half in either order."""
    return np.asarray((sums - sums[..., ::-1]) / 2)


def cosines(sums: Floats) -> Floats:
    """Cosine series of sums at equal steps from 0 to 1: (..., cell) -> (..., frequency).

    A kernel that is reflected at 0 and at 1 multiplies each of its terms.
    """
    from scipy.fft import dct

    doubled = sums.copy()
    doubled[..., [0, -1]] *= 2  # what lies at an end is reflected onto itself
    return np.asarray(dct(doubled, type=1) / 2)


def smoothed(series: Floats, bandwidth: Floats | float) -> Floats:
    """A series (..., frequency) under a reflected Gaussian kernel: (..., cell)."""
    from scipy.fft import dct

    frequency = np.pi * np.arange(series.shape[-1])
    damped = np.exp(-0.5 * (np.asarray(bandwidth)[..., None] * frequency) ** 2)
    return np.asarray(dct(series * damped, type=1))


def error_at(series: Floats, bandwidth: Floats | float) -> Floats:
    """Integral over [0, 1] of the size of the smoothed sums: (...,)."""
    size = np.abs(smoothed(series, bandwidth))
    whole = size.sum(axis=-1) - (size[..., 0] + size[..., -1]) / 2
    return np.asarray(whole / (size.shape[-1] - 1))


def own_bandwidth(series: Floats, steps: int = _STEPS) -> Floats:
    """Bandwidth at which the error equals it, by bisection: (...,).

    The error falls as the bandwidth grows. Bandwidths below two cells are not looked for; `steps`
    halve what is left of the interval from there to 1.
    """
    low = np.full(series.shape[:-1], _LEAST)
    high = np.ones(series.shape[:-1])
    for _ in range(steps):
        middle = (low + high) / 2
        above = error_at(series, middle) > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray((low + high) / 2)


def smooth_errors(series: Floats, bandwidth: float, steps: int = 3) -> Floats:
    """Smooth calibration errors of replicates (replicate, frequency) near a known bandwidth.

    Secant steps towards the bandwidth of each, down to half the known one; the few that lie below
    start anew from there. Frequencies that no kernel lets through are left out.
    """
    floor = max(bandwidth / 2, _LEAST)
    n = int(np.clip(12 / (np.pi * floor), 64, series.shape[-1] - 1))
    width = _secant(series[..., : n + 1], bandwidth, floor, steps)
    below = (width <= floor) & (floor > _LEAST)
    if below.any():
        width[below] = smooth_errors(series[below], floor, steps)
    return width


def _secant(series: Floats, bandwidth: float, floor: float, steps: int) -> Floats:
    """Bandwidths (replicate,) that equal their error, not below `floor`."""
    last = np.full(len(series), bandwidth)
    excess = error_at(series, last) - last
    width = np.maximum(last + excess / 1.5, floor)
    for _ in range(steps):
        new, step = error_at(series, width) - width, width - last
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(step == 0, -1.0, (new - excess) / step)
        slope = np.minimum(slope, -1.0)  # the error does not grow with the bandwidth
        last, excess = width, new
        width = np.maximum(width - new / slope, floor)
    return width


def influence_of_signs(series: Floats, bandwidth: float) -> Callable[[Floats], Floats]:
    """What a unit of residual at a forecast adds to the smooth error, to first order: (row,).

    The signs of the smoothed sums stay; the bandwidth follows the error.
    """
    values = smoothed(series, bandwidth)
    n = len(values) - 1
    ends = np.r_[0.5, np.ones(n - 1), 0.5]
    added = smoothed(cosines(np.sign(values) * ends / n), bandwidth)
    h = 1e-4 * bandwidth
    slope = (error_at(series, bandwidth + h) - error_at(series, bandwidth - h)) / (2 * h)
    at = added / (1 - slope)

    def influence(forecast: Floats) -> Floats:
        cell, right = spread_over_cells(forecast)
        return np.asarray(at[cell] * (1 - right) + at[cell + 1] * right)

    return influence
