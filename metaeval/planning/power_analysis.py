"""Sample size and power from a pilot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import (
    ROUNDOFF,
    ROUNDOFF_OF_SUMS,
    Codes,
    Floats,
    MetaevalError,
    check_fraction,
    check_integer,
    require_known,
)
from metaeval.inference import (
    Design,
    DesignOptions,
    Estimates,
    Resampling,
    Statistics,
    choose_statistics,
    design_from,
    estimate,
    pairs_of_scorers,
    resampling_units,
)
from metaeval.resampling import (
    IntervalInputs,
    PairedDifferences,
    design_effect,
    detectable,
    detectable_at_half_power,
    flip_test,
    items_for_mean,
    wilson,
)
from metaeval.tables import Table

MAX_ENUMERATED_UNITS = 9  # all 512 sign flips, fewer than the 999 random ones by default
_N_RESAMPLES = 100  # the smallest number allowed; only influence is used, not replicates


class Rate(NamedTuple):
    """Proportion of simulated data sets in which a test rejects, with a Wilson interval."""

    rate: float
    lower: float
    upper: float
    n_simulations: int
    level: float

    def __str__(self) -> str:
        """Return the rate with its interval and the level of the test."""
        return (
            f"rejects in {100 * self.rate:.1f}% of {self.n_simulations} data sets "
            f"({100 * self.lower:.1f} to {100 * self.upper:.1f}) at the {100 * self.level:g}% level"
        )


def sample_size(
    table: Table,
    statistic: Statistics = None,
    *,
    difference: float,
    baseline: str | None = None,
    power: float = 0.8,
    confidence: float = 0.95,
    label: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
) -> pd.DataFrame:
    r"""Number of items needed to detect a difference, estimated from a pilot.

    Parameters
    ----------
    table : Responses or Pairs
        The pilot, with items (clusters) like those to be collected.
    statistic : Statistic or its name, optional
        As in `compare`; only the first one is used.
    difference : float, in units of the statistic
        True difference of two scorers to be detected.
    baseline : str, optional
        Scorer with which all others are compared; by default all pairs.
    power, confidence : float, default 0.8 and 0.95
        Probability of detecting it, and 1 minus the level of the two-sided test of one comparison.
    label, resample, missing
        As in `compare`.

    Returns
    -------
    DataFrame
        One row for each pair: `estimate` and `se` of the difference in the pilot, `mde` (the
        difference detected by the pilot with this power), `missed_half` (the difference detected
        with power 1/2), `n_items`, `n_clusters`, `icc`, `design_effect`, `items_needed`, and
        `clusters_needed` (at the cluster size of the pilot).

    Raises
    ------
    MetaevalError
        If the difference is 0, the statistic is not a function of item contributions, systems are
        resampled too, or the pilot has no variance: fewer than two items, or scorers that agree on
        all of them.

    Notes
    -----
    :math:`n = (z_{1-\alpha/2} + z_{power})^2 \sigma^2 / d^2` items with :math:`\sigma` the standard
    deviation of item differences, times the design effect :math:`1 + (m - 1) \rho` of clusters. The
    difference on an item is the mean difference plus n times the influence of the item, which
    accounts for random denominators (items with unequal numbers of pairs). The level is that of one
    comparison: divide it by the number of comparisons for a Bonferroni correction. A pilot with few
    items estimates :math:`\sigma` imprecisely.

    References
    ----------
    Card et al. (2020), With little power comes great responsibility. Kish (1965), Survey
    sampling.

    Examples
    --------
    >>> from metaeval import load_example
    >>> plan = sample_size(load_example(), "pairwise_accuracy", difference=0.05)
    >>> bool((plan["items_needed"] > 0).all())
    True
    """
    options = DesignOptions(label=label, resample=resample, missing=missing)
    estimates = unit_estimates(table, statistic, replace(options, resample="item"))
    clusters = resampling_units(units_design(table, options).table)[0]
    check_fraction("confidence", confidence)
    rows = []
    for a, b in pairs_of_scorers(table.scorers, _check_scorer(baseline, table)):
        values = differences(estimates, table.scorers, a, b)
        rows.append(
            {"scorer": table.scorers[a], "baseline": table.scorers[b]}
            | _row(values, clusters, difference, confidence, power)
        )
    return pd.DataFrame(rows)


def _row(
    values: Floats, clusters: Codes, difference: float, confidence: float, power: float
) -> dict[str, Any]:
    n, sd = len(values), float(values.std(ddof=1))
    unclustered = len(np.unique(clusters)) == n
    effect, icc = (1.0, 0.0) if unclustered else design_effect(values, clusters)[:2]
    se = sd * np.sqrt(effect / n)
    independent = int(items_for_mean(difference, sd, confidence, power))
    items = int(np.ceil(independent * effect))
    return {
        "estimate": float(values.mean()),
        "se": float(se),
        "mde": float(detectable(se, confidence, power)),
        "missed_half": float(detectable_at_half_power(se, confidence)),
        "n_items": n,
        "n_clusters": len(np.unique(clusters)),
        "icc": float(icc),
        "design_effect": float(effect),
        "items_needed": items,
        "clusters_needed": int(np.ceil(items / (n / len(np.unique(clusters))))),
    }


def power_by_simulation(
    table: Table,
    statistic: Statistics = None,
    *,
    scorer: str,
    baseline: str,
    difference: float,
    n_units: int,
    n_simulations: int = 1_000,
    n_flips: int = 999,
    confidence: float = 0.95,
    label: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    seed: int = 0,
) -> Rate:
    """Estimate by simulation the power of the sign-flip test at a true difference.

    Parameters
    ----------
    table, statistic, label, resample, missing
        As in `sample_size`.
    scorer, baseline : str
        Two scorers, whose item differences in the pilot are resampled.
    difference : float, in units of the statistic
        True difference: item differences are shifted to have this mean.
    n_units : int
        Number of items (clusters) in each simulated data set.
    n_simulations, n_flips : int, default 1 000 and 999
        Number of data sets, and of random flips in each.
    confidence : float, default 0.95
        1 minus the level of the test.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    Rate
        Rejection rate with a 95% Wilson interval for the Monte Carlo error.

    Examples
    --------
    >>> from metaeval import load_example
    >>> rate = power_by_simulation(load_example(), "pairwise_accuracy", scorer="judge",
    ...                        baseline="reward", difference=0.2, n_units=60, n_simulations=100)
    >>> bool(rate.rate > 0.5)
    True
    """
    check_integer("n_units", n_units, 2)
    estimates = unit_estimates(
        table, statistic, DesignOptions(label=label, resample=resample, missing=missing)
    )
    a, b = (_scorer_index(name, table) for name in (scorer, baseline))
    values = differences(estimates, table.scorers, a, b)
    shifted = values - values.mean() + difference
    return flip_rate(shifted, n_units, n_simulations, n_flips, confidence, seed)


def flip_rate(
    values: Floats, n_units: int, n_simulations: int, n_flips: int, confidence: float, seed: int
) -> Rate:
    """Rejection rate of the sign-flip test of the mean of resampled unit values."""
    check_fraction("confidence", confidence)
    check_integer("n_simulations", n_simulations, 100)
    rng = np.random.default_rng([seed, 1])
    samples = values[rng.integers(0, len(values), (n_units, n_simulations))]
    columns = np.column_stack([samples, np.zeros(n_units)])
    pairs = PairedDifferences(
        columns, np.arange(n_simulations), np.full(n_simulations, n_simulations), 0, n_units
    )
    tests = flip_test([pairs], n_flips=n_flips, seed=seed, most_enumerated=MAX_ENUMERATED_UNITS)
    return rejection_rate(tests[0].p_value, confidence)


def student_rate(
    values: Floats, n_units: int, n_simulations: int, n_resamples: int, confidence: float, seed: int
) -> Rate:
    """Rejection rate of Student's t test of the mean of resampled unit values.

    The standard error needs no replicates, so `n_resamples` is not used.
    """
    from scipy import stats

    check_fraction("confidence", confidence)
    check_integer("n_simulations", n_simulations, 100)
    rng = np.random.default_rng([seed, 1])
    samples = values[rng.integers(0, len(values), (n_units, n_simulations))]
    spread = samples.std(axis=0, ddof=1) / np.sqrt(n_units)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(samples.mean(axis=0) == 0, 0.0, samples.mean(axis=0) / spread)
    p = np.maximum(2 * stats.t.sf(np.abs(t), n_units - 1), 2.0 ** (1 - n_units))
    return rejection_rate(p, confidence)


def units_design(table: Table, options: DesignOptions) -> Design:
    """Prepare a design of at least two items (clusters)."""
    design = design_from(table, options)
    if design.systems:
        raise MetaevalError(
            "Planning resamples items or clusters only, but resample=('item', 'system') includes "
            "systems; use resample='item' or resample='cluster'."
        )
    n_units = len(design.strata[0].units)
    if n_units < 2:
        raise MetaevalError(
            f"Planning needs at least 2 items (clusters) with scores and labels, got {n_units}; "
            "use a larger pilot."
        )
    return design


def unit_estimates(table: Table, statistic: Statistics, options: DesignOptions) -> Estimates:
    """Estimates of the first statistic, with influence by unit."""
    design = units_design(table, options)
    resolved = choose_statistics(design.table, statistic)[0][0]
    estimates = estimate(design, resolved, Resampling(_N_RESAMPLES, 0))[0]
    if estimates.contributions is None:
        raise MetaevalError(
            f"Planning needs item contributions, which {resolved.name} does not have; use "
            "pairwise_accuracy or another statistic that has them."
        )
    return estimates


def differences(estimates: Estimates, scorers: list[str], a: int, b: int) -> Floats:
    """Linearized differences of two scorers by unit, with the mean of the estimates."""
    influence = estimates.influence[:, a] - estimates.influence[:, b]
    values = len(influence) * (influence - influence.mean())
    if np.abs(values).max() <= ROUNDOFF_OF_SUMS:
        raise MetaevalError(
            f"The difference between {scorers[a]!r} and {scorers[b]!r} is the same for all items "
            "of the pilot, so its variance is 0; use a larger pilot, or exclude one of them."
        )
    return np.asarray(estimates.estimate[a] - estimates.estimate[b] + values)


def rejection_rate(p_values: Floats, confidence: float) -> Rate:
    """Proportion of p-values that reject at level 1 - confidence, with its Wilson interval."""
    level, n_simulations = 1 - confidence, len(p_values)
    n_rejected = np.array([(p_values <= level + ROUNDOFF).sum()])
    low, high = wilson_interval(n_rejected, n_simulations)[:, 0]
    return Rate(float(n_rejected[0] / n_simulations), float(low), float(high), n_simulations, level)


def wilson_interval(counts: Codes, n_simulations: int) -> Floats:
    """95% Wilson intervals (2, column) of proportions of simulated data sets."""
    unused = np.zeros((1, 1))
    sample = IntervalInputs(
        counts / n_simulations,
        unused,
        unused,
        unused[0],
        n_simulations,
        successes=counts.astype(float),
        trials=n_simulations,
    )
    return wilson(sample, 0.95)


def _check_scorer(name: str | None, table: Table) -> str | None:
    if name is not None:
        require_known("scorer", name, table.scorers)
    return name


def _scorer_index(name: str, table: Table) -> int:
    require_known("scorer", name, table.scorers)
    return table.scorers.index(name)
