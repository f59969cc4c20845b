"""Planning from a pilot: how many items a comparison needs, and what a test does to this design."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import (
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
    Estimates,
    Plan,
    Resamples,
    Statistics,
    choose_statistics,
    macro,
    measure,
    prepare,
    units_of,
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

ENUMERATED = 9  # units up to which a simulation tries all flips
_FEWEST = 100  # replicates: the standard errors here are those of influence


class Rate(NamedTuple):
    """Share of simulated data sets in which a test rejected, with a Wilson interval."""

    rate: float
    lower: float
    upper: float
    n_simulations: int
    level: float

    def __str__(self) -> str:
        """Return the rate with its interval and the level of the test."""
        return (
            f"rejects in {100 * self.rate:.1f} % of {self.n_simulations} data sets "
            f"({100 * self.lower:.1f} to {100 * self.upper:.1f}) at level {100 * self.level:g} %"
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
    r"""How many items it takes to find a difference, judged by a pilot table.

    Parameters
    ----------
    table : Responses or Pairs
        The pilot: items (clusters) like those that will be collected.
    statistic : Statistic or its name, optional
        As in `compare`; the first one counts.
    difference : float, in units of the statistic
        True difference of two scorers that should be found.
    baseline : str, optional
        Compare all others with this scorer; else all pairs.
    power, confidence : float, default 0.8 and 0.95
        Chance of finding it, and 1 less the level of the two-sided test of one comparison.
    label, resample, missing
        As in `compare`.

    Returns
    -------
    DataFrame
        One row for each pair: `estimate` and `se` of the difference in the pilot, `mde` (what the
        pilot finds with this power), `detectable_at_half_power`, `n_items`, `n_clusters`, `icc`,
        `design_effect`, and `items_needed` (`clusters_needed`: at the pilot's cluster size).

    Raises
    ------
    MetaevalError
        If the difference is 0, the statistic has no contributions of items, systems are drawn
        too, or the pilot shows no spread: fewer than two items, or scorers that agree on all.

    Notes
    -----
    :math:`n = (z_{1-\alpha/2} + z_{power})^2 \sigma^2 / d^2` items with :math:`\sigma` the
    standard deviation of the items' differences, times the design effect
    :math:`1 + (m - 1) \rho` of clusters. The difference on an item is the mean difference plus
    n times the influence of the item, so that a denominator that moves with the items (pairs of
    items of unequal size) counts. One comparison, without correction: divide the level by
    the number of comparisons for a Bonferroni plan. A pilot of few items knows :math:`\sigma`
    badly.

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
    options: dict[str, Any] = {"label": label, "missing": missing}
    part = by_item(table, statistic, options | {"resample": "item"})
    clusters = units_of(of_units(table, options | {"resample": resample}).table)[0]
    plan = Plan("compare", confidence, baseline=_known(baseline, table))
    rows = []
    for a, b in plan.pairs(table.scorers):
        values = differences(part, table.scorers, a, b)
        rows.append(
            {"scorer": table.scorers[a], "baseline": table.scorers[b]}
            | _row(values, clusters, difference, confidence, power)
        )
    return pd.DataFrame(rows)


def _row(
    values: Floats, clusters: Codes, difference: float, confidence: float, power: float
) -> dict[str, Any]:
    n, sd = len(values), float(values.std(ddof=1))
    alone = len(np.unique(clusters)) == n
    effect, icc = (1.0, 0.0) if alone else design_effect(values, clusters)[:2]
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
    level: float = 0.05,
    label: str | None = None,
    resample: str | None = None,
    missing: str | None = None,
    seed: int = 0,
) -> Rate:
    """Power of the sign-flip test at a true difference and a number of items, by simulation.

    Parameters
    ----------
    table, statistic, label, resample, missing
        As in `sample_size`.
    scorer, baseline : str
        The two scorers whose items' differences in the pilot are drawn from.
    difference : float, in units of the statistic
        True difference: the pilot's differences are shifted so that this is their mean.
    n_units : int
        Items (clusters) in each simulated data set.
    n_simulations, n_flips : int, default 1 000 and 999
        Data sets, and random flips in each.
    level : float, default 0.05
    seed : int, default 0

    Returns
    -------
    Rate
        With a 95 % Wilson interval for its Monte Carlo error.

    Examples
    --------
    >>> from metaeval import load_example
    >>> rate = power_by_simulation(load_example(), "pairwise_accuracy", scorer="judge",
    ...                        baseline="reward", difference=0.2, n_units=60, n_simulations=100)
    >>> bool(rate.rate > 0.5)
    True
    """
    check_integer("n_units", n_units, 2)
    part = by_item(table, statistic, {"label": label, "resample": resample, "missing": missing})
    a, b = (_place(name, table) for name in (scorer, baseline))
    values = differences(part, table.scorers, a, b)
    shifted = values - values.mean() + difference
    return flip_rate(shifted, n_units, n_simulations, n_flips, level, seed)


def flip_rate(
    values: Floats, n_units: int, n_simulations: int, n_flips: int, level: float, seed: int
) -> Rate:
    """Rejections of the sign-flip test in data sets drawn with replacement from unit values."""
    check_fraction("level", level)
    check_integer("n_simulations", n_simulations, 100)
    draw = np.random.default_rng([seed, 1])
    drawn = values[draw.integers(0, len(values), (n_units, n_simulations))]
    columns = np.column_stack([drawn, np.zeros(n_units)])
    pairs = PairedDifferences(
        columns, np.arange(n_simulations), np.full(n_simulations, n_simulations), 0, n_units
    )
    tests = flip_test([pairs], n_flips=n_flips, seed=seed, most_enumerated=ENUMERATED)
    p = tests[0].p_value
    return rate_of(int((p <= level).sum()), n_simulations, level)


def of_units(table: Table, options: dict[str, Any]) -> Design:
    """What a verb would work on, if it draws items (clusters) and at least two of them."""
    design = prepare(table, **options)
    if design.systems:
        raise MetaevalError(
            "Planning draws items (clusters) only, and resample=('item', 'system') draws systems "
            "too; use resample='item' or resample='cluster'."
        )
    n_units = len(design.strata[0].units)
    if n_units < 2:
        raise MetaevalError(
            f"Planning needs at least two items (clusters) with scores and labels; there is "
            f"{n_units}: use a larger pilot."
        )
    return design


def by_item(table: Table, statistic: Statistics, options: dict[str, Any]) -> Estimates:
    """What the first statistic measures by unit."""
    design = of_units(table, options)
    one = choose_statistics(design.table, statistic)[0][0]
    part = macro(measure(design, one, Resamples(_FEWEST, 0)), design.table.n_items)
    if part.contributions is None:
        raise MetaevalError(
            f"{one.name} has no contributions of items to plan with; use pairwise_accuracy or "
            "another statistic of items."
        )
    return part


def differences(part: Estimates, scorers: list[str], a: int, b: int) -> Floats:
    """Linearised difference of two scorers on each unit: their mean is that of the estimates."""
    influence = part.influence[:, a] - part.influence[:, b]
    values = len(influence) * (influence - influence.mean())
    if np.abs(values).max() <= ROUNDOFF_OF_SUMS:
        raise MetaevalError(
            f"{scorers[a]!r} and {scorers[b]!r} agree on every item of the pilot, or differ by the "
            "same, so that it shows no spread to plan with; use a larger pilot, or leave one out."
        )
    return np.asarray(part.estimate[a] - part.estimate[b] + values)


def rate_of(n_rejected: int, n_simulations: int, level: float) -> Rate:
    """Share of rejections with its Wilson interval."""
    none = np.zeros((1, 1))
    share = np.array([n_rejected / n_simulations])
    counts = IntervalInputs(
        share,
        none,
        none,
        none[0],
        n_simulations,
        successes=share * n_simulations,
        trials=n_simulations,
    )
    low, high = wilson(counts, 0.95)[:, 0]
    return Rate(float(share[0]), float(low), float(high), n_simulations, level)


def _known(name: str | None, table: Table) -> str | None:
    if name is not None:
        require_known("scorer", name, table.scorers)
    return name


def _place(name: str, table: Table) -> int:
    require_known("scorer", name, table.scorers)
    return table.scorers.index(name)
