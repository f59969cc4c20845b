"""The smooth calibration error against sums written out, and its laws."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from metaeval.curves import (
    N_CELLS,
    cosines,
    error_at,
    fixed_point_bandwidth,
    kernel_smoothing,
    residuals_by_cell,
)


def series_of(p, y):
    return cosines(residuals_by_cell(p, (y - p) / len(p)))


def drawn(seed, n=80, wrong=0.2, ends=False):
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(n) * N_CELLS) / N_CELLS  # on the grid, where nothing is split
    if ends:
        p[: n // 4], p[n // 4 : n // 2] = 0.0, 1.0
    return p, (rng.random(n) < np.clip(p + wrong, 0, 1)).astype(float)


def written_out(p, y, width, points=4001, images=3):
    """The integral of the size of the kernel sums, the kernel reflected at 0 and at 1."""
    x = (np.arange(points) + 0.5) / points
    density = np.zeros(points)
    for k in range(-images, images + 1):
        for mirror in (p + 2 * k, 2 * k - p):
            z = (x[:, None] - mirror) / width
            density += np.exp(-(z**2) / 2) @ ((y - p) / len(p)) / (width * np.sqrt(2 * np.pi))
    return np.abs(density).mean()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("width", [0.03, 0.1, 0.4])
def test_the_error_at_a_bandwidth_is_the_integral_of_reflected_kernels(seed, width):
    p, y = drawn(seed, ends=seed % 2 == 1)
    assert error_at(series_of(p, y), width) == pytest.approx(written_out(p, y, width), abs=2e-5)


@pytest.mark.parametrize("seed", range(6))
def test_the_bandwidth_equals_the_error_there(seed):
    p, y = drawn(seed, wrong=0.3 * seed / 6)
    width = fixed_point_bandwidth(series_of(p, y))
    assert written_out(p, y, float(width)) == pytest.approx(float(width), abs=2e-5)


@given(st.integers(0, 10_000))
def test_the_error_falls_as_the_bandwidth_grows(seed):
    series = series_of(*drawn(seed))
    errors = error_at(np.tile(series, (30, 1)), np.linspace(0.002, 1, 30))
    assert (np.diff(errors) < 1e-12).all()


@given(st.integers(0, 10_000), st.floats(1e-9, 1e-3))
def test_a_small_move_of_forecasts_moves_the_value_as_little(seed, step):
    p, y = drawn(seed)
    moved = np.clip(p + step, 0, 1)
    # residuals and places both move by `step`; of kernel sums the places move at most
    # sqrt(2 / pi) / width as much
    before, after = (
        fixed_point_bandwidth(series_of(p, y)),
        fixed_point_bandwidth(series_of(moved, y)),
    )
    assert abs(after - before) < 30 * step + 1e-9


def test_all_forecasts_and_labels_far_apart_give_the_whole_distance():
    p = np.full(10, 0.3)
    assert fixed_point_bandwidth(series_of(p, np.ones(10))) == pytest.approx(0.7, abs=1e-3)
    assert fixed_point_bandwidth(series_of(p, np.r_[np.ones(3), np.zeros(7)])) < 2e-3


@pytest.mark.parametrize("seed", range(8))
def test_replicates_find_the_bandwidth_that_bisection_finds(seed):
    rng = np.random.default_rng(seed)
    p, y = drawn(seed, 200, wrong=0.15)
    weights = rng.multinomial(200, np.full(200, 1 / 200), 50)
    sums = np.stack([residuals_by_cell(p, (y - p) * w / 200) for w in weights])
    near = kernel_smoothing.smooth_errors(
        cosines(sums), float(fixed_point_bandwidth(series_of(p, y)))
    )
    assert np.abs(near - fixed_point_bandwidth(cosines(sums))).max() < 1e-4


@pytest.mark.parametrize("seed", range(5))
def test_the_influence_is_the_derivative_by_a_residual(seed):
    p, y = drawn(seed, 60, wrong=0.3)
    series = series_of(p, y)
    width = float(fixed_point_bandwidth(series))
    slope = kernel_smoothing.influence_of_signs(series, width)(p)
    h = 1e-4
    for k in range(0, 60, 7):
        ends = []
        for sign in (1, -1):
            residual = (y - p) / 60
            residual[k] += sign * h
            ends.append(fixed_point_bandwidth(cosines(residuals_by_cell(p, residual))))
        assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(slope[k], abs=0.02)


def test_pairs_in_either_order_are_mirrored_sums():
    p, y = drawn(3)
    once = residuals_by_cell(p, (y - p) / len(p))
    other = residuals_by_cell(1 - p, ((1 - y) - (1 - p)) / len(p))
    assert np.abs(kernel_smoothing.symmetrize_cells(once) - (once + other) / 2).max() < 1e-14
