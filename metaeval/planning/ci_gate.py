"""Whether a new scorer passes: the interval of its gain over a baseline against a margin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import MetaevalError, check_not_negative, join_names, natural, require_known
from metaeval.inference import Design, choose_statistics, compare, prepare, table_for
from metaeval.resampling import non_inferior as non_inferior_test
from metaeval.results import Result
from metaeval.statistics import Statistic, sum_by
from metaeval.tables import Table, require_table

FEWEST_ITEMS = 30
_FEW_MOVES, _EQUAL, _MOST_ITEMS = 10, 1e-12, 1e9
MET, NOT_MET, INCONCLUSIVE = "met", "not met", "inconclusive"
CODES = {MET: 0, NOT_MET: 1, INCONCLUSIVE: 3}


@dataclass(frozen=True, eq=False)
class Gate:
    """What a gate found; see `gate`.

    Parameters
    ----------
    outcome : {"met", "not met", "inconclusive"}
        Interval and test together; see `gate`.
    gain, lower, upper : float
        How much better the new scorer is (reversed where low values are good), and the ends
        of its interval.
    bound : float
        What the gain was held against: the margin, or minus the margin for non-inferiority.
    detectable : float
        True difference from the bound that so many items show with 80 % power.
    needed : int or None
        Items that would show with 80 % power that the true gain is beyond the bound, were it the
        one that was seen; None where they are equal.
    notes : tuple of str
        Items that only one of the scorers has, and what `compare` warned of.
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
        """Exit code: 0 where the gate is met, 1 where it is not, 3 where that is open."""
        return CODES[self.outcome]

    def sentence(self) -> str:
        """Return the verdict with the numbers it rests on, in one sentence."""
        row = self.result.frame[self.result.frame["baseline"].notna()].iloc[0]
        accuracy = self.result.is_accuracy()
        scale, digits, unit = (100, 1, " points") if accuracy else (1, 3, "")
        gain, low, high, bound, mde = (
            f"{scale * v:.{digits}f}"
            for v in (abs(self.gain), self.lower, self.upper, self.bound, self.detectable)
        )
        verb, than = ("gains", "over") if self.gain >= 0 else ("loses", "to")
        said = (
            f"Gate {self.outcome}: {row['scorer']} {verb} {gain}{unit} {than} {row['baseline']} "
            f"({100 * self.result.confidence:g} % CI {low} to {high}; {row['n_items']} items), "
            f"and the interval {_PLACE[held_against(self.lower, self.upper, self.bound)]} "
            f"{bound}{unit}"
        )
        if self.outcome != INCONCLUSIVE:
            return said + "."
        if held_against(self.lower, self.upper, self.bound) != INCONCLUSIVE:
            said += ", which too few differences bear out"
        said += f"; with 80 % power so many items show true differences from it of {mde}{unit}"
        more = f", and about {self.needed} items the difference that was seen"
        return said + (more if self.needed is not None else "") + "."


_PLACE = {MET: "is above", NOT_MET: "is below", INCONCLUSIVE: "contains"}


def gate(
    table: Table,
    statistic: Statistic | str | None = None,
    *,
    new: str,
    baseline: str,
    margin: float = 0.0,
    non_inferior: bool = False,
    test: str = "sign-flip",
    label: str | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    missing: str | None = None,
    interval: str = "bca",
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    weights: str | None = None,
    seed: int = 0,
) -> Gate:
    """Whether a new scorer is better than a baseline by more than a margin, or hardly worse.

    Parameters
    ----------
    table : Responses or Pairs
        With the scores of both.
    statistic : Statistic or str, optional
        As in `compare`, one of them.
    new, baseline : str
        Names of the scorers.
    margin : float, default 0
        Gain that must be exceeded; with `non_inferior` the loss that is accepted, above 0. In
        units of the statistic (.01 is one point of accuracy).
    non_inferior : bool, default False
        Ask only that the new scorer is worse by less than the margin.
    test : {"sign-flip", "bootstrap", "mcnemar", "mcnemar-mid-p", ...}, default "sign-flip"
        The test at a margin of 0, as in `compare`.
    label : str, optional
        Which label column; needed where there are several whose mean is not the label.
    by : str, optional
        Column of the items; the gain is the mean of its values' gains, equally weighted.
    resample : {"item", "cluster", "task", ("item", "system")}, optional
        What is resampled: clusters where there are any, else items, by default.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        As in `evaluate`. By default what the table was read with.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t"}, default "bca"
        Kind of the interval of the gain.
    confidence : float, default 0.95
        Share of intervals that should hold the true gain.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        How units are weighted in replicates, as in `evaluate`.
    seed : int, default 0
        The same seed gives the same result.

    Returns
    -------
    Gate
        "met" where the whole interval of the gain is above the margin (above minus the margin)
        and a test agrees, "not met" where both are below, else "inconclusive"; `sentence()`, and
        `code` for CI.

    Raises
    ------
    MetaevalError
        If the scorers share fewer than 30 items, differ by the same on all of them, or the
        statistic has no better side.

    Notes
    -----
    Each side is tested at level .025 for a 95 % interval. Bootstrap intervals are too short where
    few units differ, so that a one-sided test at the same level must agree: sign flips at a margin
    of 0, else Student's t of the gain less the margin; and where fewer than 10 units differ (of an
    accuracy, margin not 0) the exact bounds of the shares won and lost. Nothing is corrected for:
    one gate, one comparison. A gate that is tried again and again until it is met has no
    level. A margin chosen after looking proves nothing.

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
    'inconclusive'
    >>> gate(load_example(), **asked, margin=0.05, non_inferior=True).code
    0
    """
    bound = _bound(margin, non_inferior)
    table = _checked(table, statistic, new, baseline)
    only = _only_one(table, new, baseline, missing)
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
    _require_enough(table, row, new, baseline)
    low, high = sorted(sign * float(row[end]) for end in ("lower", "upper"))
    gain = sign * float(row["estimate"])
    side = held_against(low, high, bound)
    level = (1 - result.confidence) / 2
    design = prepare(
        table, label=label, scorers=[new, baseline], by=by, resample=resample, missing=missing
    )
    borne_out = side == INCONCLUSIVE or (
        _p_of_side(row, gain, bound, side) <= level
        and _enough_differ(_moves(design, statistic, new, baseline), bound, side, level)
    )
    return Gate(
        side if borne_out else INCONCLUSIVE,
        gain,
        low,
        high,
        bound,
        float(row["mde"]),
        _needed(row, gain - bound),
        (*only, *result.meta["warnings"]),
        result,
    )


def held_against(lower: float, upper: float, bound: float) -> str:
    """On which side of a bound an interval lies.

    >>> held_against(0.1, 0.3, 0.0), held_against(-0.3, -0.1, 0.0), held_against(-0.1, 0.1, 0.0)
    ('met', 'not met', 'inconclusive')
    """
    if lower > bound:
        return MET
    return NOT_MET if upper < bound else INCONCLUSIVE


def _p_of_side(row: pd.Series, gain: float, bound: float, side: str) -> float:
    """One-sided p of what the interval says; sign flips where they are about the same."""
    if bound == 0 and not math.isnan(row["p_value"]):
        return float(row["p_value"]) / 2
    away = gain - bound if side == MET else bound - gain
    p = non_inferior_test(np.array(away), row["se"], 0.0, row["n_clusters"] - 1)
    return float(p)


class _Moves(NamedTuple):
    """Units in which one scorer has more right than the other, and all units."""

    won: int
    lost: int
    units: int


def _moves(design: Design, statistic: Any, one: str, other: str) -> _Moves | None:
    """How many units differ, of accuracies of items; None of other statistics."""
    chosen = choose_statistics(design.table, statistic)[0][0]
    if not chosen.is_accuracy or design.systems:
        return None
    gaps = []
    for stratum in design.strata:
        own = table_for(chosen, stratum.table)
        of_items = chosen.contributions(own)
        if of_items is None:
            return None
        by_unit = sum_by(of_items, stratum.unit_of_items(own), len(stratum.units))
        new, baseline = (by_unit[:, own.scorers.index(name)] for name in (one, other))
        gaps.append(np.where(np.abs(new - baseline) > _EQUAL, new - baseline, 0.0))
    gap = np.concatenate(gaps)
    return _Moves(int((gap > 0).sum()), int((gap < 0).sum()), len(gap))


def _enough_differ(moves: _Moves | None, bound: float, side: str, level: float) -> bool:
    """Whether few units that differ say so, too: by exact bounds of the shares won and lost."""
    if moves is None or bound == 0 or moves.won + moves.lost >= _FEW_MOVES:
        return True
    up, down = (moves.won, moves.lost) if side == MET else (moves.lost, moves.won)
    least, most = _exact(up, moves.units, level)[0], _exact(down, moves.units, level)[1]
    return least - most > (bound if side == MET else -bound)


def _exact(successes: int, n: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's bounds of a share, each at a level."""
    from scipy.stats import binomtest

    found = binomtest(successes, n).proportion_ci(1 - 2 * level, method="exact")
    return float(found.low), float(found.high)


def _bound(margin: float, non_inferior: bool) -> float:
    check_not_negative("margin", margin)
    if non_inferior and margin == 0:
        raise MetaevalError(
            "Non-inferiority needs a margin above 0, the loss that is accepted: margin=0.01."
        )
    return -margin if non_inferior else margin


def _checked(table: Any, statistic: Any, new: str, baseline: str) -> Table:
    table = require_table(table)
    for name in (new, baseline):
        require_known("scorer", name, table.scorers)
    if isinstance(statistic, Sequence) and not isinstance(statistic, str):
        raise MetaevalError("A gate takes one statistic, not a list of them; choose one.")
    if new == baseline:
        raise MetaevalError(f"{new!r} is compared with itself; name two scorers.")
    return table


def _only_one(table: Table, new: str, baseline: str, missing: Any) -> list[str]:
    """Items that one of the two scored and the other did not."""
    what = "counted as wrong" if missing == "count_as_wrong" else "left out"
    there = table.scores[[new, baseline]].notna().groupby(table.item_codes).any().to_numpy()
    names = ["/".join(str(v) for v in np.atleast_1d(item)) for item in table.item_index]
    said = []
    for own, who in ((0, new), (1, baseline)):
        alone = [names[i] for i in np.flatnonzero(there[:, own] & ~there[:, 1 - own])]
        alone.sort(key=natural)
        if alone:
            said.append(f"only {who} has scores of {join_names(alone, 5)}: {what}")
    return said


def _sign(result: Result) -> int:
    sign = result.direction()
    if not sign:
        raise MetaevalError(
            f"{result.statistics[0]} has no better side, so that nothing can be gained; choose "
            "another statistic, such as pairwise_accuracy."
        )
    return sign


def _require_enough(table: Table, row: pd.Series, new: str, baseline: str) -> None:
    if row["n_items"] < FEWEST_ITEMS:
        raise MetaevalError(
            f"{new} and {baseline} share {int(row['n_items'])} items, and a gate needs at least "
            f"{FEWEST_ITEMS}; score more of the same items with both{_apart(table)}."
        )
    if math.isnan(row["se"]):
        raise MetaevalError(
            f"The difference of {new} and {baseline} has no standard error, as where a task has "
            "one item; leave such tasks out, or leave by= out."
        )
    if row["se"] == 0:
        raise MetaevalError(
            f"{new} and {baseline} differ by the same on all {int(row['n_items'])} items, so that "
            "nothing is known of how the difference varies; compare scorers that differ."
        )


def _apart(table: Table) -> str:
    """What to say where items of several tasks were taken for the same."""
    if not (table.shared_items and table.sharing_assumed):
        return ""
    return (
        ", or say shared_items=False (--independent-items) if tasks only number their items alike: "
        "they are taken to share them"
    )


def _needed(row: pd.Series, away: float) -> int | None:
    """Items at which 80 % power is reached for so large a difference from the bound."""
    if abs(away) <= _EQUAL or not math.isfinite(row["mde"]):
        return None
    needed = row["n_items"] * (row["mde"] / away) ** 2
    return math.ceil(needed) if needed < _MOST_ITEMS else None
