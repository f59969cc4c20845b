"""Sign-flip p-values against paired permutation tests of SciPy."""

import math

import numpy as np
import pytest
from external import reference

from metaeval.resampling import PairedDifferences, flip_test

PAIR = np.array([0]), np.array([1])


def calls():
    for case in reference("scipy_resampling")["cases"]:
        for call in case.get("calls", []):
            if call["function"] == "scipy.stats.permutation_test":
                yield case, call["options"], call["expected"]["p"]


def p_value(case, alternative, n_flips):
    both = np.column_stack([case["a"], case["b"]]).astype(float) / len(case["a"])
    contrast = PairedDifferences(both, *PAIR, 0, len(both))
    return flip_test([contrast], n_flips=n_flips, seed=0, alternative=alternative)[0].p_value[0]


def test_they_are_those_of_scipy():
    seen = {"exact": 0, "drawn": 0}
    for case, options, expected in calls():
        n = options["n_resamples"]
        ours = p_value(case, options["alternative"], 50_000)
        if n == "exact":
            assert ours == pytest.approx(expected, abs=1e-12)
            seen["exact"] += 1
        else:
            sides = 2 if options["alternative"] == "two-sided" else 1  # SciPy doubles the smaller
            share = max(ours, 1 / 50_001)
            noise = sides * math.sqrt(share * (1 - share) * (1 / n + 1 / 50_000))
            assert abs(ours - expected) <= 4 * noise + sides / n
            seen["drawn"] += 1
    assert seen == {"exact": 6, "drawn": 3}
