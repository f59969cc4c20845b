"""What a test does to this design: its size where two scorers are equally good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from metaeval.arrays import Codes
from metaeval.averaging import macro
from metaeval.checks import check_one_of, check_whole
from metaeval.choosing import Statistics, choose_statistics
from metaeval.comparisons import difference_rows
from metaeval.errors import MetaevalError
from metaeval.measure import measure
from metaeval.plan import Plan
from metaeval.planning import ENUMERATED, Rate, by_item, differences, flip_rate, rate_of
from metaeval.prepare import Design, prepare, units_of
from metaeval.progress import steps
from metaeval.statistics.base import Statistic
from metaeval.tables import Responses, Table

NULLS = ("exchanged", "shifted")


def size_check(
    table: Table,
    statistic: Statistics = None,
    test: str = "sign-flip",
    *,
    scorers: Sequence[str] | None = None,
    null: str = "exchanged",
    n_sets: int = 500,
    level: float = 0.05,
    n_resamples: int = 499,
    label: str | None = None,
    random: Any = None,
    missing: str | None = None,
    seed: int = 0,
) -> Rate:
    """How often a test rejects at its level where two scorers are equally good, in this design.

    Parameters
    ----------
    table, statistic, test, label, random, missing
        As in `compare`.
    scorers : pair of str, optional
        The two scorers; the first two of the table by default.
    null : {"exchanged", "shifted"}
        `exchanged`: items (clusters) are drawn with replacement, and in each drawn one the two
        scorers change places with probability one half, so that they are exchangeable item by
        item and all dependence within items stays. `shifted` (sign-flip only): the items'
        differences less their mean are drawn, so that the scorers are equally good without being
        exchangeable.
    n_sets : int, default 500
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
        If the test does not go with the statistic.

    Examples
    --------
    >>> from metaeval import load_example
    >>> rate = size_check(load_example(), "pairwise_accuracy", null="shifted", n_sets=200)
    >>> bool(rate.lower <= 0.05)
    True
    """
    check_one_of("null", null, NULLS)
    names = list(scorers) if scorers is not None else table.scorers[:2]
    if len(names) != 2:
        raise MetaevalError(f"A size check takes two scorers; there are {len(names)} (scorers=).")
    options = {"label": label, "random": random, "missing": missing}
    pair = table.keep_scorers(names)
    if null == "shifted":
        if test != "sign-flip":
            raise MetaevalError("null='shifted' is for test='sign-flip'; use null='exchanged'.")
        part = by_item(pair, statistic, options)
        values = differences(part, 0, 1)
        return flip_rate(values - values.mean(), len(values), n_sets, n_resamples, level, seed)
    check_whole("n_sets", n_sets, 100)
    plan = Plan(
        "compare",
        test=test,
        n_resamples=n_resamples,
        seed=seed,
        correction="none",
        most_enumerated=ENUMERATED,
    )
    design = prepare(pair, **options)
    one = choose_statistics(design.table, statistic)[0][0]
    draw = np.random.default_rng([seed, 2])
    sets = (_exchanged(design, draw) for _ in range(n_sets))
    p = [_p_of(made, one, plan) for made in steps(sets, n_sets, "size check")]
    return rate_of(int((np.array(p) <= level).sum()), n_sets, level)


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
    )
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
