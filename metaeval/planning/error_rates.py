"""Type I error rate of a test in a given design, by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from metaeval.core import (
    Codes,
    Floats,
    MetaevalError,
    check_fraction,
    check_integer,
    check_one_of,
    with_progress,
)
from metaeval.inference import (
    ComparisonSettings,
    Design,
    DesignOptions,
    Estimates,
    Resampling,
    Statistics,
    choose_statistics,
    compare_pairs,
    estimate,
    pairs_of_scorers,
    resampling_units,
    test_family,
)
from metaeval.planning.power_analysis import (
    MAX_ENUMERATED_UNITS,
    Rate,
    differences,
    flip_rate,
    rejection_rate,
    student_rate,
    unit_estimates,
    units_design,
)
from metaeval.resampling import key_of, weight_blocks, weight_scheme
from metaeval.statistics import Statistic, standardized
from metaeval.tables import Pairs, Responses, Table, require_table

NULLS = ("exchanged", "shifted")
_SCALE_FREE = (
    "0",
    "crossfit",
    "in-sample",
)  # tie thresholds without a unit


def type_i_error_rate(
    table: Table,
    statistic: Statistics = None,
    test: str = "t",
    *,
    scorers: Sequence[str] | None = None,
    null: str = "exchanged",
    n_simulations: int = 500,
    confidence: float = 0.95,
    n_resamples: int = 499,
    label: str | None = None,
    resample: str | tuple[str, str] | None = None,
    missing: str | None = None,
    seed: int = 0,
) -> Rate:
    """Estimate by simulation how often a test rejects if two scorers are equally good.

    Parameters
    ----------
    table, statistic, test, label, resample, missing
        As in `compare`.
    scorers : pair of str, optional
        Two scorers; by default the first two of the table.
    null : {"exchanged", "shifted"}
        `exchanged`: scorers are standardized, items (clusters) are drawn with replacement, and in
        each of them the two scorers are swapped with probability 1/2. The scorers are then
        exchangeable by item, dependence within items is preserved, and tests that permute by item
        are exact by construction. `shifted` (t, sign-flip and bootstrap): item differences minus
        their mean are drawn with replacement, i.e. equally good scorers that need not be
        exchangeable.
    n_simulations : int, default 500
        Number of simulated data sets.
    confidence : float, default 0.95
        1 minus the nominal level of the test.
    n_resamples : int, default 499
        Sign flips, permutations or bootstrap replicates in each data set.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    Rate
        Rejection rate with a 95% Wilson interval for the Monte Carlo error. It is at most 1 -
        confidence for a valid test.

    Raises
    ------
    MetaevalError
        If the test is not available for the statistic, systems are resampled too, or (exchanged) a
        tie threshold is in units of the scores.

    Examples
    --------
    >>> from metaeval import load_example
    >>> rate = type_i_error_rate(
    ...     load_example(), "pairwise_accuracy", null="shifted", n_simulations=200)
    >>> bool(rate.lower <= 0.05)
    True
    """
    check_one_of("null", null, NULLS)
    names = list(scorers) if scorers is not None else table.scorers[:2]
    if len(names) != 2:
        raise MetaevalError(
            f"type_i_error_rate needs exactly two scorers, got {len(names)}; set scorers=."
        )
    options = DesignOptions(label=label, resample=resample, missing=missing)
    pair = require_table(table).keep_scorers(names)
    check_integer("n_simulations", n_simulations, 100)
    if null == "shifted":
        part = unit_estimates(pair, statistic, options)
        values = differences(part, pair.scorers, 0, 1)
        rate = _SHIFTED[_check_test(test, part)]
        return rate(
            values - values.mean(), len(values), n_simulations, n_resamples, confidence, seed
        )
    check_fraction("confidence", confidence)
    testing = ComparisonSettings(
        n_resamples=n_resamples,
        seed=seed,
        test=test,
        correction="none",
        max_enumerated=MAX_ENUMERATED_UNITS,
    )
    resampling = Resampling(n_resamples, seed)
    design = units_design(pair, options)
    resolved = choose_statistics(design.table, statistic)[0][0]
    design = _on_one_scale(design, resolved)
    rng = np.random.default_rng([seed, 2])
    sets = (draw_units(design, rng, swap=True) for _ in range(n_simulations))
    p = [
        _p_value(exchanged, resolved, testing, resampling)
        for exchanged in with_progress(sets, n_simulations, "simulations")
    ]
    return rejection_rate(np.array(p), confidence)


def _check_test(test: str, estimates: Estimates) -> str:
    if test not in _SHIFTED:
        raise MetaevalError(
            f"null='shifted' is available for test='t', 'sign-flip' and 'bootstrap', not {test!r}; "
            "use null='exchanged'."
        )
    if test == "bootstrap" and estimates.standard_errors is None:
        raise MetaevalError(
            "null='shifted' with test='bootstrap' needs a statistic with a standard error for "
            "each replicate; use null='exchanged'."
        )
    return test


def _bootstrap_rate(
    values: Floats, n_units: int, n_simulations: int, n_resamples: int, confidence: float, seed: int
) -> Rate:
    """Rejection rate of the studentized bootstrap of a mean of resampled unit values."""
    check_fraction("confidence", confidence)
    check_integer("n_resamples", n_resamples, 100)
    rng = np.random.default_rng([seed, 1])
    sets = (values[rng.integers(0, len(values), n_units)] for _ in range(n_simulations))
    p = [_p_of_mean(x, key_of(seed, "bootstrap", k), n_resamples) for k, x in enumerate(sets)]
    return rejection_rate(np.array(p), confidence)


def _p_of_mean(values: Floats, key: Codes, n_resamples: int) -> float:
    """Two-sided p-value of the studentized bootstrap test of a mean."""
    n = len(values)
    observed = abs(_t_of_mean(values, np.ones((1, n)), 0.0)[0])
    blocks = weight_blocks(weight_scheme(n), key, n_resamples, n)
    t_values = np.concatenate([_t_of_mean(values, w, values.mean()) for w in blocks])
    extreme, defined = (np.abs(t_values) >= observed).sum(), (~np.isnan(t_values)).sum()
    return max(float((1 + extreme) / (1 + defined)), 2.0 ** (1 - n))


def _t_of_mean(values: Floats, weights: Floats, null: float) -> Floats:
    """Weighted means minus `null`, over delta-method standard errors: (replicate,)."""
    total, n_drawn = weights.sum(axis=1), (weights > 0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = weights @ values / total
        square = (weights * (values - mean[:, None]) ** 2).sum(axis=1) / total**2
        gap = mean - null
        return np.where(gap == 0, 0.0, gap / np.sqrt(square * n_drawn / (n_drawn - 1)))


_SHIFTED = {"t": student_rate, "sign-flip": flip_rate, "bootstrap": _bootstrap_rate}


def _on_one_scale(design: Design, statistic: Statistic) -> Design:
    """Standardize the scorers, so that they are exchangeable whatever their scales."""
    epsilon = statistic.estimand.epsilon or "0"
    if epsilon not in _SCALE_FREE:
        raise MetaevalError(
            f"null='exchanged' standardizes the scores, but epsilon={epsilon} of {statistic.name} "
            "is in units of the scores; use epsilon=0 or null='shifted'."
        )
    table = design.table
    scores = table.scores.copy()
    for name in scores:
        present = scores[name].notna().to_numpy()
        values = scores.loc[present, [name]].to_numpy()
        scores.loc[present, name] = _standardize(values, isinstance(table, Pairs))[:, 0]
    return replace(design, table=table.replace(scores=scores))


def _standardize(values: Floats, margins: bool) -> Floats:
    """z-scores of a column, (row, 1); margins are only scaled, since 0 is a tie."""
    if not margins:
        return standardized(values)
    size = np.sqrt((values**2).mean())
    return values / size if size > 0 else values


def _p_value(
    design: Design, statistic: Statistic, testing: ComparisonSettings, resampling: Resampling
) -> float:
    overall = estimate(design, statistic, resampling)[0]
    family = [compare_pairs(statistic, overall, pairs_of_scorers(design.scorers, None))]
    [p_values] = test_family(statistic, family, testing, testing.n_resamples)
    return float(p_values.p_value[0])


def draw_units(design: Design, rng: np.random.Generator, *, swap: bool) -> Design:
    """Draw as many units with replacement; two scorers may be swapped in each with chance 1/2."""
    table = design.table
    codes, units = resampling_units(table)
    unit_of_row = codes[table.item_codes]
    order = np.argsort(unit_of_row, kind="stable")
    ends = np.searchsorted(unit_of_row[order], np.arange(len(units) + 1))
    sample = rng.integers(0, len(units), len(units))
    rows = [order[ends[u] : ends[u + 1]] for u in sample]
    copy = np.repeat(np.arange(len(sample)), [len(r) for r in rows])
    row_index = np.concatenate(rows)
    row_frame = _rename_copies(table.rows.iloc[row_index], copy)
    scores = table.scores.to_numpy()[row_index]
    if swap:
        exchanged = rng.integers(0, 2, len(sample)).astype(bool)[copy]
        scores = np.where(exchanged[:, None], scores[:, ::-1], scores)
    index = row_frame.index
    drawn = table.replace(
        rows=row_frame,
        scores=pd.DataFrame(scores, columns=table.scores.columns, index=index),
        labels=table.labels.iloc[row_index].set_axis(index),
        label_kind=table.label_kind or (table.kind if isinstance(table, Responses) else None),
    ).canonical
    stratum = replace(
        design.strata[0], name=None, table=drawn, units=resampling_units(drawn)[1], stream=0
    )
    return replace(design, table=drawn, strata=(stratum,), by=None)


def _rename_copies(rows: pd.DataFrame, copy: Codes) -> pd.DataFrame:
    """Prefix items and clusters with the number of the copy, so that copies are distinct."""
    renamed = rows.reset_index(drop=True)
    number = pd.Series(copy).astype(str).str.zfill(len(str(copy.max())))
    for name in ("item", "cluster"):
        if name in renamed:
            renamed[name] = number + ":" + renamed[name].astype(str)
    return renamed
