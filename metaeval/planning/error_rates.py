"""What a test does to this design: its size where two scorers are equally good."""

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
    Design,
    Estimates,
    Plan,
    Statistics,
    choose_statistics,
    difference_rows,
    macro,
    measure,
    units_of,
)
from metaeval.planning.power_analysis import (
    ENUMERATED,
    Rate,
    by_item,
    differences,
    flip_rate,
    of_units,
    rate_of,
)
from metaeval.resampling import key_of, weight_blocks, weight_scheme
from metaeval.statistics import Statistic, standardised
from metaeval.tables import Pairs, Responses, Table, require_table

NULLS = ("exchanged", "shifted")
_FREE = ("0", "crossfit", "in-sample")  # thresholds that know no unit of scores


def type_i_error_rate(
    table: Table,
    statistic: Statistics = None,
    test: str = "sign-flip",
    *,
    scorers: Sequence[str] | None = None,
    null: str = "exchanged",
    n_simulations: int = 500,
    level: float = 0.05,
    n_resamples: int = 499,
    label: str | None = None,
    resample: str | tuple[str, str] | None = None,
    missing: str | None = None,
    seed: int = 0,
) -> Rate:
    """How often a test rejects at its level where two scorers are equally good, in this design.

    Parameters
    ----------
    table, statistic, test, label, resample, missing
        As in `compare`.
    scorers : pair of str, optional
        The two scorers; the first two of the table by default.
    null : {"exchanged", "shifted"}
        `exchanged`: scorers are standardised, items (clusters) are drawn with replacement, and in
        each drawn one the two scorers change places with probability one half. They are then
        exchangeable item by item, all dependence within items stays, and tests that swap items
        hold their level by construction. `shifted` (sign-flip and bootstrap): the items'
        differences less their mean are drawn: the null of equally good scorers that are not
        exchangeable.
    n_simulations : int, default 500
    level : float, default 0.05
    n_resamples : int, default 499
        Flips, swaps or bootstrap replicates in each data set.
    seed : int, default 0

    Returns
    -------
    Rate
        With a 95 % Wilson interval for its Monte Carlo error. A valid test holds the level.

    Raises
    ------
    MetaevalError
        If the test does not go with the statistic, systems are drawn too, or (exchanged) a
        threshold of ties is in units of the scores.

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
        raise MetaevalError(f"A size check takes two scorers; there are {len(names)} (scorers=).")
    options = {"label": label, "resample": resample, "missing": missing}
    pair = require_table(table).keep_scorers(names)
    check_integer("n_simulations", n_simulations, 100)
    if null == "shifted":
        part = by_item(pair, statistic, options)
        values = differences(part, pair.scorers, 0, 1)
        rate = _SHIFTED[_usable(test, part)]
        return rate(values - values.mean(), len(values), n_simulations, n_resamples, level, seed)
    check_fraction("level", level)
    plan = Plan(
        "compare",
        test=test,
        n_resamples=n_resamples,
        seed=seed,
        correction="none",
        most_enumerated=ENUMERATED,
    )
    design = of_units(pair, options)
    one = choose_statistics(design.table, statistic)[0][0]
    design = _on_one_scale(design, one)
    draw = np.random.default_rng([seed, 2])
    sets = (_exchanged(design, draw) for _ in range(n_simulations))
    p = [_p_of(made, one, plan) for made in with_progress(sets, n_simulations, "size check")]
    return rate_of(int((np.array(p) <= level).sum()), n_simulations, level)


def _usable(test: str, part: Estimates) -> str:
    if test not in _SHIFTED:
        raise MetaevalError(
            f"null='shifted' is for test='sign-flip' or 'bootstrap', not {test!r}; use "
            "null='exchanged'."
        )
    if test == "bootstrap" and part.standard_errors is None:
        raise MetaevalError(
            "null='shifted' with test='bootstrap' needs a statistic whose replicates have standard "
            "errors, and this one has none; use null='exchanged'."
        )
    return test


def _bootstrap_rate(
    values: Floats, n_units: int, n_simulations: int, n_resamples: int, level: float, seed: int
) -> Rate:
    """Rejections of the studentised bootstrap of a mean in data sets drawn from unit values."""
    check_fraction("level", level)
    check_integer("n_resamples", n_resamples, 100)
    draw = np.random.default_rng([seed, 1])
    sets = (values[draw.integers(0, len(values), n_units)] for _ in range(n_simulations))
    p = [_p_of_mean(x, key_of(seed, "bootstrap", k), n_resamples) for k, x in enumerate(sets)]
    return rate_of(int((np.array(p) <= level).sum()), n_simulations, level)


def _p_of_mean(values: Floats, key: Codes, n_resamples: int) -> float:
    """Two-sided p of the test of a mean: draws are centred, each over its standard error."""
    n = len(values)
    observed = abs(_t_of_mean(values, np.ones((1, n)), 0.0)[0])
    blocks = weight_blocks(weight_scheme(n), key, n_resamples, n)
    drawn = np.concatenate([_t_of_mean(values, w, values.mean()) for w in blocks])
    extreme, there = (np.abs(drawn) >= observed).sum(), (~np.isnan(drawn)).sum()
    return max(float((1 + extreme) / (1 + there)), 2.0 ** (1 - n))


def _t_of_mean(values: Floats, weights: Floats, null: float) -> Floats:
    """Weighted means less `null` over standard errors, as `delta_method_se` has: (replicate,)."""
    total, n_drawn = weights.sum(axis=1), (weights > 0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = weights @ values / total
        square = (weights * (values - mean[:, None]) ** 2).sum(axis=1) / total**2
        gap = mean - null
        return np.where(gap == 0, 0.0, gap / np.sqrt(square * n_drawn / (n_drawn - 1)))


_SHIFTED = {"sign-flip": flip_rate, "bootstrap": _bootstrap_rate}


def _on_one_scale(design: Design, statistic: Statistic) -> Design:
    """Standardised scorers, so that they can change places whatever their scales."""
    epsilon = statistic.estimand.epsilon or "0"
    if epsilon not in _FREE:
        raise MetaevalError(
            f"null='exchanged' standardises the scorers, and epsilon={epsilon} of {statistic.name} "
            "is in units of their scores; use epsilon=0 or null='shifted'."
        )
    table = design.table
    scores = table.scores.copy()
    for name in scores:
        there = scores[name].notna().to_numpy()
        values = scores.loc[there, [name]].to_numpy()
        scores.loc[there, name] = _scaled(values, isinstance(table, Pairs))[:, 0]
    return replace(design, table=table.replace(scores=scores))


def _scaled(values: Floats, margins: bool) -> Floats:
    """z-scores of a column; margins keep their zero, which is a tie: (row, 1)."""
    if not margins:
        return standardised(values)
    size = np.sqrt((values**2).mean())
    return values / size if size > 0 else values


def _p_of(design: Design, statistic: Statistic, plan: Plan) -> float:
    whole = macro(measure(design, statistic, plan.resamples), design.table.n_items)
    rows = difference_rows(statistic, [(whole, design.scorers, plan)], plan.n_resamples)
    return float(rows[0]["p_value"])


def _exchanged(design: Design, draw: np.random.Generator) -> Design:
    """A data set of as many units, drawn with replacement, scorers swapped in half of them."""
    table = design.table
    codes, units = units_of(table)
    unit_of_row = codes[table.item_codes]
    order = np.argsort(unit_of_row, kind="stable")
    ends = np.searchsorted(unit_of_row[order], np.arange(len(units) + 1))
    drawn = draw.integers(0, len(units), len(units))
    rows = [order[ends[u] : ends[u + 1]] for u in drawn]
    copy = np.repeat(np.arange(len(drawn)), [len(r) for r in rows])
    place = np.concatenate(rows)
    swap = draw.integers(0, 2, len(drawn)).astype(bool)[copy]
    made = _renamed(table.rows.iloc[place], copy)
    scores = table.scores.to_numpy()[place]
    scores = np.where(swap[:, None], scores[:, ::-1], scores)
    index = made.index
    fresh = table.replace(
        rows=made,
        scores=pd.DataFrame(scores, columns=table.scores.columns, index=index),
        labels=table.labels.iloc[place].set_axis(index),
        label_kind=table.label_kind or (table.kind if isinstance(table, Responses) else None),
    ).canonical
    stratum = replace(design.strata[0], name=None, table=fresh, units=units_of(fresh)[1], part=0)
    return replace(design, table=fresh, strata=(stratum,), by=None)


def _renamed(rows: pd.DataFrame, copy: Codes) -> pd.DataFrame:
    """Rows whose items and clusters carry the number of the copy, so that copies stay apart."""
    made = rows.reset_index(drop=True)
    number = pd.Series(copy).astype(str).str.zfill(len(str(copy.max())))
    for name in ("item", "cluster"):
        if name in made:
            made[name] = number + ":" + made[name].astype(str)
    return made
