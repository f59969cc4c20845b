"""Largest coverage at which an accuracy is assured: how often it is wrong, and how large it is.

    python -m benchmarks.assured_coverage [sets]

Decisions are ordered by confidence; their accuracy at each coverage is known. Results of the tests
in sequence of `largest_coverage` are compared with the largest coverage whose simultaneous bound
reaches the target, and with the largest true one. Labels of an item have normal scores with
correlation 0.3.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.calibration_coverage import dependent_labels, part_of
from metaeval.calibration._largest_coverage import (
    fallback,
    independent_numbers,
    p_values,
    sequence_of_tests,
)
from metaeval.calibration._risk_coverage import (
    effective_numbers,
    lower_bounds,
    most_confident,
    walk_error,
)

COVERAGE = np.linspace(0, 1, 100_001)[1:]
_LOGISTIC = 2 * np.arctanh(1 - COVERAGE + 1e-12)  # absolute logistic margin at each coverage


def _steps(edges, chances):
    return np.asarray(chances)[np.searchsorted(edges, COVERAGE)]


# Probability that the decision at each coverage is correct, and the target.
DESIGNS = {
    "slope 1, target .8": (1 / (1 + np.exp(-_LOGISTIC)), 0.8),
    "slope 1, target .9": (1 / (1 + np.exp(-_LOGISTIC)), 0.9),
    "slope 2, target .9": (1 / (1 + np.exp(-2 * _LOGISTIC)), 0.9),
    "few sure ones": (_steps([0.15], [0.97, 0.62]), 0.8),
    "worst at the top": (_steps([0.1, 0.8], [0.55, 0.95, 0.6]), 0.85),
    "worse in the middle": (_steps([0.2, 0.4, 0.8], [0.95, 0.72, 0.97, 0.55]), 0.8),
    "just below .8": (np.full(len(COVERAGE), 0.7995), 0.8),
    "just below .9": (np.full(len(COVERAGE), 0.8995), 0.9),
}
SIZES = ((30, 1), (100, 1), (400, 1), (1_500, 1), (30, 5), (100, 5), (400, 5))
STARTS = {"starts .2, .5, .8": (0.2, 0.5, 0.8), "start .3": (0.3,), "start .2": (0.2,)}


def outcomes(chance, target, units, each, sets, seed=20):
    """Coverage and whether the accuracy is below the target: (set, rule, 2), and the best coverage.

    The rules are the simultaneous bound, and tests in sequence from each of `STARTS`.
    """
    rng = np.random.default_rng(seed)
    truth = np.cumsum(chance) / np.arange(1, len(chance) + 1)
    error = walk_error(np.arange(1.0, units * each + 1), 0.95, 0)
    rows = [_one(rng, chance, truth, target, units, each, error) for _ in range(sets)]
    return np.array(rows), COVERAGE[truth >= target].max(initial=0.0)


def _one(rng, chance, truth, target, units, each, error):
    at = rng.random(units * each)
    label = dependent_labels(rng, np.interp(at, COVERAGE, chance), each)
    part = part_of(2 - at, label, each, mirrored=True, margins=2 - at)
    decisions, n = most_confident(part.cases, 0), effective_numbers(part.cases, part, 0)
    reached = np.flatnonzero(lower_bounds(decisions.accuracy, n, error) >= target)
    chosen = [reached[-1] if len(reached) else None]
    for starts in STARTS.values():
        independent = independent_numbers(part.cases, 0)
        tests = sequence_of_tests(decisions, independent, target, starts, 0.05)
        p = p_values(decisions.accuracy[tests.levels], n[tests.levels], target)
        last = fallback(p, tests.errors)[0]
        chosen.append(None if last is None else tests.levels[last])
    return [_judge(decisions, truth, target, level) for level in chosen]


def _judge(decisions, truth, target, level):
    if level is None:
        return 0.0, 0.0
    true_accuracy = np.interp(2 - decisions.threshold[level], COVERAGE, truth)
    return decisions.coverage[level], float(true_accuracy < target - 1e-9)


def main():
    """Print the miss rate and the mean coverage of each rule in each design."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    rules = ("simultaneous bound", *STARTS)
    shares = []
    for units, each in SIZES:
        for name, (chance, target) in DESIGNS.items():
            of_sets, best = outcomes(chance, target, units, each, sets)
            coverage, missed = of_sets.mean(axis=0).T
            shares.append(coverage / best if best else np.full(len(rules), np.nan))
            cells = (
                f"{rule} {c:.3f} (missed {m:.3f})"
                for rule, c, m in zip(rules, coverage, missed, strict=True)
            )
            print(f"{units} x {each}, {name}: best {best:.3f}; " + "; ".join(cells), flush=True)
    for rule, share in zip(rules, np.nanmean(shares, axis=0), strict=True):
        print(f"{rule}: {share:.3f} of the best coverage on average")


if __name__ == "__main__":
    main()
