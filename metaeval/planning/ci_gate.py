"""Superiority and non-inferiority gates for continuous integration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import (
    ROUNDOFF,
    MetaevalError,
    check_not_negative,
    join_names,
    natural,
    require_known,
)
from metaeval.inference import Design, as_rows_for, choose_statistics, compare, make_design
from metaeval.resampling import non_inferior as non_inferior_test
from metaeval.results import Result
from metaeval.statistics import Statistic, sum_by
from metaeval.tables import Table, require_table

MIN_ITEMS = 30  # with fewer items BCa intervals undercover
# The bootstrap and the t test of proportions are unreliable if fewer units than this differ.
_MIN_DISCORDANT = 10
_MAX_ITEMS = 1e9  # larger numbers of items needed are not reported
MET, NOT_MET, INCONCLUSIVE = "met", "not met", "inconclusive"
CODES = {MET: 0, NOT_MET: 1, INCONCLUSIVE: 3}


@dataclass(frozen=True, eq=False)
class Gate:
    """Result of a gate; see `gate`.

    Parameters
    ----------
    outcome : {"met", "not met", "inconclusive"}
        Decision from interval and test; see `gate`.
    gain, lower, upper : float
        Difference in favor of the new scorer (sign-reversed if low values are good), and its
        interval.
    bound : float
        Value with which the gain is compared: the margin, or minus the margin for non-inferiority.
    detectable : float
        True difference from the bound at which this number of items has 80% power.
    needed : int or None
        Number of items for 80% power if the true gain equals the observed one; None if that is at
        the bound.
    notes : tuple of str
        Items scored by only one of the scorers, and warnings of `compare`.
    result : Result
        The comparison.
    """

    outcome: str
    gain: float
    lower: float
    upper: float
    bound: float
    detectable: float
    needed: int | None
    notes: tuple[str, ...]
    result: Result

    @property
    def code(self) -> int:
        """Exit code: 0 if the gate is met, 1 if not, 3 if inconclusive."""
        return CODES[self.outcome]

    def sentence(self) -> str:
        """Return the outcome and the numbers behind it in one sentence."""
        row = self.result.frame[self.result.frame["baseline"].notna()].iloc[0]
        accuracy = self.result.is_accuracy()
        scale, digits, unit = (100, 1, " points") if accuracy else (1, 3, "")
        gain, low, high, bound, mde = (
            f"{scale * v:.{digits}f}"
            for v in (abs(self.gain), self.lower, self.upper, self.bound, self.detectable)
        )
        verb, than = ("gains", "over") if self.gain >= 0 else ("loses", "to")
        position = position_of_interval(self.lower, self.upper, self.bound)
        sentence = (
            f"Gate {self.outcome}: {row['scorer']} {verb} {gain}{unit} {than} {row['baseline']} "
            f"({100 * self.result.confidence:g}% CI {low} to {high}; {row['n_items']} items), "
            f"and the interval {_POSITION[position]} {bound}{unit}"
        )
        if self.outcome != INCONCLUSIVE:
            return sentence + "."
        if position != INCONCLUSIVE:
            sentence += ", but the scorers differ on too few items for the test to confirm this"
        sentence += (
            "; with this number of items, the test has 80% power at a true difference of "
            f"{mde}{unit} from {bound}{unit}"
        )
        if self.needed is not None:
            sentence += f"; at the observed difference, 80% power needs about {self.needed} items"
        return sentence + "."


_POSITION = {MET: "is above", NOT_MET: "is below", INCONCLUSIVE: "contains"}


def gate(
    table: Table,
    statistic: Statistic | str | None = None,
    *,
    new: str,
    baseline: str,
    superiority_margin: float = 0.0,
    non_inferiority_margin: float | None = None,
    test: str = "sign-flip",
    label: str | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    missing: str | None = None,
    interval: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    weights: str | None = None,
    seed: int = 0,
) -> Gate:
    """Test whether a new scorer is superior or non-inferior to a baseline, given a margin.

    Parameters
    ----------
    table : Responses or Pairs
        A table with the scores of both.
    statistic : Statistic or str, optional
        As in `compare`, but a single one.
    new, baseline : str
        Names of the scorers.
    superiority_margin : float, default 0
        Gain to be exceeded, in units of the statistic (0.01 is one point of accuracy).
    non_inferiority_margin : float, optional
        Acceptable loss, above 0, in the same units: requires only that the new scorer is worse by
        less. Excludes `superiority_margin`.
    test : {"sign-flip", "t", "bootstrap", "mcnemar", "mcnemar-mid-p", ...}, default "sign-flip"
        The test at a margin of 0, as in `compare`.
    label : str, optional
        Label column; needed if there are several whose mean is not the label.
    by : str, optional
        Column of the items; the gain is the unweighted mean of the gains of its values.
    resample : {"item", "cluster", "task", ("item", "system")}, optional
        Resampling unit; by default clusters if declared, else items.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        As in `evaluate`. By default the policy of the table.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t"}, optional
        Kind of interval for the gain; by default Student's t.
    confidence : float, default 0.95
        Nominal coverage of the interval.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        Weights of units in replicates, as in `evaluate`.
    seed : int, default 0
        Seed of the random numbers; the same seed gives the same result.

    Returns
    -------
    Gate
        "met" if the interval of the gain is above the bound (the margin of superiority, or minus
        that of non-inferiority) and a
        test agrees, "not met" if the interval is below it and a test agrees, else "inconclusive";
        `sentence()` for text, and `code` for CI.

    Raises
    ------
    MetaevalError
        If the scorers share fewer than 30 items, their difference is the same for all items, or the
        statistic has no better direction.

    Notes
    -----
    Each side is tested at level 0.025 for a 95% interval. Intervals undercover if few
    units differ, so a one-sided test at the same level must agree: the sign-flip test at a
    margin of 0, otherwise Student's t test of the gain minus the margin; and if fewer than 10 units
    differ (for accuracies with a nonzero margin) exact bounds of the proportions of units won and
    lost. There is no correction for multiplicity: one gate is one comparison. A gate that is
    repeated until it is met does not control its error rate, nor does a margin chosen after seeing
    the data.

    References
    ----------
    Blackwelder (1982), "Proving the null hypothesis" in clinical trials. Schuirmann (1987), A
    comparison of the two one-sided tests procedure and the power approach for assessing the
    equivalence of average bioavailability. Clopper, Pearson (1934), The use of confidence or
    fiducial limits illustrated in the case of the binomial.

    Examples
    --------
    >>> from metaeval import gate, load_example
    >>> asked = {"new": "judge", "baseline": "lexical", "n_resamples": 500}
    >>> gate(load_example(), **asked).outcome
    'met'
    >>> gate(load_example(), **asked, superiority_margin=0.05).outcome
    'inconclusive'
    >>> gate(load_example(), **asked, non_inferiority_margin=0.05).code
    0
    """
    bound = _bound(superiority_margin, non_inferiority_margin)
    table = _check_inputs(table, statistic, new, baseline)
    notes = _unshared_items(table, new, baseline, missing)
    result = compare(
        table,
        statistic,
        scorers=[new, baseline],
        baseline=baseline,
        correction="none",
        test=test,
        label=label,
        by=by,
        resample=resample,
        missing=missing,
        interval=interval,
        confidence=confidence,
        n_resamples=n_resamples,
        weights=weights,
        seed=seed,
    )
    sign = _sign(result)
    row = result.row(new, baseline)
    _check_comparison(table, row, new, baseline)
    low, high = sorted(sign * float(row[end]) for end in ("lower", "upper"))
    gain = sign * float(row["estimate"])
    outcome = position_of_interval(low, high, bound)
    level = (1 - result.confidence) / 2
    design = make_design(
        table, label=label, scorers=[new, baseline], by=by, resample=resample, missing=missing
    )
    confirmed = outcome == INCONCLUSIVE or (
        _one_sided_p(row, gain, bound, outcome) <= level
        and _confirmed_exactly(
            _discordance(design, statistic, new, baseline), bound, outcome, level
        )
    )
    return Gate(
        outcome if confirmed else INCONCLUSIVE,
        gain,
        low,
        high,
        bound,
        float(row["mde"]),
        _items_needed(row, gain - bound),
        (*notes, *result.meta.warnings),
        result,
    )


def position_of_interval(lower: float, upper: float, bound: float) -> str:
    """Compare an interval with a bound.

    >>> [position_of_interval(*ends, 0.0) for ends in ((0.1, 0.3), (-0.3, -0.1), (-0.1, 0.1))]
    ['met', 'not met', 'inconclusive']
    """
    if lower > bound:
        return MET
    return NOT_MET if upper < bound else INCONCLUSIVE


def _one_sided_p(row: pd.Series, gain: float, bound: float, outcome: str) -> float:
    """One-sided p-value for the side of the bound, from sign flips if the bound is 0."""
    if bound == 0 and not math.isnan(row["p_value"]):
        return float(row["p_value"]) / 2
    distance = gain - bound if outcome == MET else bound - gain
    p = non_inferior_test(np.array(distance), row["se"], 0.0, row["n_clusters"] - 1)
    return float(p)


class _Discordance(NamedTuple):
    """Number of units won and lost by the new scorer, and of all units."""

    won: int
    lost: int
    units: int


def _discordance(
    design: Design, statistic: Any, scorer: str, reference: str
) -> _Discordance | None:
    """Count the units that differ, for accuracies that are sums over items, else None."""
    resolved = choose_statistics(design.table, statistic)[0][0]
    if not resolved.is_accuracy or design.systems:
        return None
    gaps = []
    for stratum in design.strata:
        table = as_rows_for(resolved, stratum.table)
        of_items = resolved.contributions(table)
        if of_items is None:
            return None
        by_unit = sum_by(of_items, stratum.unit_of_items(table), len(stratum.units))
        new, baseline = (by_unit[:, table.scorers.index(name)] for name in (scorer, reference))
        gaps.append(np.where(np.abs(new - baseline) > ROUNDOFF, new - baseline, 0.0))
    gap = np.concatenate(gaps)
    return _Discordance(int((gap > 0).sum()), int((gap < 0).sum()), len(gap))


def _confirmed_exactly(
    counts: _Discordance | None, bound: float, outcome: str, level: float
) -> bool:
    """Return whether exact bounds of the proportions won and lost agree, if few units differ."""
    if counts is None or bound == 0 or counts.won + counts.lost >= _MIN_DISCORDANT:
        return True
    up, down = (counts.won, counts.lost) if outcome == MET else (counts.lost, counts.won)
    lowest_gain, highest_loss = (
        _exact_bounds(up, counts.units, level)[0],
        _exact_bounds(down, counts.units, level)[1],
    )
    return lowest_gain - highest_loss > (bound if outcome == MET else -bound)


def _exact_bounds(successes: int, n: int, level: float) -> tuple[float, float]:
    """Clopper-Pearson bounds of a proportion, each at a level."""
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(1 - 2 * level, method="exact")
    return float(interval.low), float(interval.high)


def _bound(superiority_margin: float, non_inferiority_margin: float | None) -> float:
    check_not_negative("superiority_margin", superiority_margin)
    if non_inferiority_margin is None:
        return superiority_margin
    if superiority_margin:
        raise MetaevalError(
            "Set superiority_margin= (--superiority-margin) or non_inferiority_margin= "
            "(--non-inferiority-margin), not both: a gate has one bound."
        )
    check_not_negative("non_inferiority_margin", non_inferiority_margin)
    if non_inferiority_margin == 0:
        raise MetaevalError(
            "non_inferiority_margin is the acceptable loss and must be above 0, for example 0.01."
        )
    return -non_inferiority_margin


def _check_inputs(table: Any, statistic: Any, new: str, baseline: str) -> Table:
    table = require_table(table)
    for name in (new, baseline):
        require_known("scorer", name, table.scorers)
    if isinstance(statistic, Sequence) and not isinstance(statistic, str):
        raise MetaevalError("A gate takes one statistic, not a list; choose one.")
    if new == baseline:
        raise MetaevalError(f"new and baseline are both {new!r}; name two different scorers.")
    return table


def _unshared_items(table: Table, new: str, baseline: str, missing: Any) -> list[str]:
    """Notes on items with a score of only one of the two scorers."""
    consequence = "counted as wrong" if missing == "count_as_wrong" else "excluded"
    scored = table.scores[[new, baseline]].notna().groupby(table.item_codes).any().to_numpy()
    names = ["/".join(str(v) for v in np.atleast_1d(item)) for item in table.item_index]
    notes = []
    for column, scorer in ((0, new), (1, baseline)):
        items = [names[i] for i in np.flatnonzero(scored[:, column] & ~scored[:, 1 - column])]
        items.sort(key=natural)
        if items:
            notes.append(f"items scored only by {scorer}, {consequence}: {join_names(items, 5)}")
    return notes


def _sign(result: Result) -> int:
    sign = result.direction()
    if not sign:
        raise MetaevalError(
            f"A gate is undefined for {result.statistics[0]}, for which neither higher nor lower "
            "values are better; use another statistic, such as pairwise_accuracy."
        )
    return sign


def _check_comparison(table: Table, row: pd.Series, new: str, baseline: str) -> None:
    if row["n_items"] < MIN_ITEMS:
        raise MetaevalError(
            f"A gate needs at least {MIN_ITEMS} items scored by both scorers; {new!r} and "
            f"{baseline!r} share {int(row['n_items'])} items{_shared_items_hint(table)}."
        )
    if math.isnan(row["se"]):
        raise MetaevalError(
            f"The difference between {new!r} and {baseline!r} has no standard error, for example "
            "because a task has only one item; exclude such tasks, or omit by=."
        )
    if row["se"] == 0:
        raise MetaevalError(
            f"The difference between {new!r} and {baseline!r} is the same for all "
            f"{int(row['n_items'])} items, so its standard error is 0; compare other scorers."
        )


def _shared_items_hint(table: Table) -> str:
    """Hint that items of several tasks are assumed to be shared."""
    if not (table.shared_items and table.sharing_assumed):
        return ""
    return (
        "; tasks are assumed to share items with equal ids, so set shared_items=False "
        "(--independent-items) if their items differ"
    )


def _items_needed(row: pd.Series, distance: float) -> int | None:
    """Number of items for 80% power at a given difference from the bound."""
    if abs(distance) <= ROUNDOFF or not math.isfinite(row["mde"]):
        return None
    n = row["n_items"] * (row["mde"] / distance) ** 2
    return math.ceil(n) if n < _MAX_ITEMS else None
