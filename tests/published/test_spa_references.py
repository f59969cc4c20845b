"""Soft pairwise accuracy against values that the released tool returned."""

import definitions as slow
import numpy as np
import pytest
from external import reference

from metaeval.statistics.systems import soft_accuracy

EXACT = ("spa_s0", "spa_s1", "spa_s2", "spa_s4")
LARGE = ("spa_s3", "spa_s5")


def case_of(name):
    return next(case for case in reference("spa")["cases"] if case["id"] == name)


def cells_of(case):
    """Labels and scores: (item, system, 2)."""
    cells = np.stack([np.array(case[k], dtype=float).T for k in ("gold", "metric")], axis=-1)
    return cells - cells.min(axis=1, keepdims=True)


def listed(case):
    """p of pairs a < b of labels and scores: (pair, 2)."""
    matrices = [np.array(case[k], dtype=float) for k in ("p_gold", "p_metric")]
    return np.stack([p[np.triu_indices(len(p), 1)] for p in matrices], axis=-1)


def spa(p):
    return 1 - np.abs(p[:, 0] - p[:, 1]).mean()


@pytest.mark.parametrize("name", EXACT)
def test_all_flips(name):
    case = case_of(name)
    exact = case["exact_full_enumeration"]
    p = soft_accuracy.p_values(cells_of(case), mid_p=False)
    assert np.abs(p - listed(exact)).max() < 1e-12
    assert spa(p) == pytest.approx(exact["spa"], abs=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_mid_p_of_all_flips(name):
    case = case_of(name)
    p = soft_accuracy.p_values(cells_of(case))
    for k, matrix in enumerate(("gold", "metric")):
        expected = [float(x) for x in slow.sign_flip_ps(case[matrix])]
        assert np.abs(p[:, k] - expected).max() < 1e-12


@pytest.mark.parametrize("name", EXACT + LARGE)
def test_drawn_flips_of_the_released_tool(name):
    case = case_of(name)
    ours = soft_accuracy.p_values(cells_of(case), mid_p=False, n_flips=100_000)
    compared = 0
    for call in case["calls"]:
        if not isinstance(call["expected"], dict):
            continue
        theirs, n = listed(call["expected"]), call["options"]["num_permutations"]
        few = 1 / n + (len(cells_of(case)) > 20) / 100_000
        noise = np.sqrt(np.maximum(ours * (1 - ours), 1 / n) * few)
        assert (np.abs(ours - theirs) <= 4 * noise).all()
        assert spa(theirs) == pytest.approx(call["expected"]["spa"], abs=1e-9)
        assert spa(ours) == pytest.approx(spa(theirs), abs=4 * float(noise.mean()))
        compared += 1
    assert compared == 2
