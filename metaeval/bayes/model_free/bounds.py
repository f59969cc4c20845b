"""Bounds on the best agreement with one rater, from the agreement of raters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metaeval.core import (
    Floats,
    MetaevalError,
    check_fraction,
    check_integer,
    check_names,
    decide_with_threshold,
    join_names,
    require_known,
)
from metaeval.inference import resampling_units
from metaeval.resampling import exact_terms, key_of, largest_weight, tails, weighted_sums
from metaeval.statistics import sum_by
from metaeval.tables import Pairs, Table, require_table


class Interval(NamedTuple):
    """An observed value and its posterior interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False, kw_only=True)
class AgreementBounds:
    """Agreement of two raters, and bounds on the best agreement with one rater.

    Parameters
    ----------
    agreement : Interval
        Proportion of verdicts of two raters that agree.
    lowest, highest : Interval
        Bounds on the best agreement with one rater that any scorer can reach.
    draws : array (draw,)
        Posterior draws of the agreement.
    raters : tuple of str
    n_verdicts, n_ties : int
        Verdicts of two raters on one pair: those with two preferences, and those excluded because
        of a tie.
    n_pairs, n_items, n_units : int
        Pairs and items with two preferences, and weighted items or clusters.
    confidence : float
        Level of the intervals.
    """

    agreement: Interval
    lowest: Interval
    highest: Interval
    draws: Floats = field(repr=False)
    raters: tuple[str, ...]
    n_verdicts: int
    n_ties: int
    n_pairs: int
    n_items: int
    n_units: int
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for the agreement and for each bound."""
        names = ("agreement", "ceiling (lower)", "ceiling (upper)")
        rows = (self.agreement, self.lowest, self.highest)
        return pd.DataFrame(rows, columns=list(Interval._fields)).assign(statistic=names)[
            ["statistic", *Interval._fields]
        ]

    def sentence(self) -> str:
        """Return the bounds and the excluded verdicts in one sentence."""
        low, high = (f"{100 * end:.1f}" for end in (self.lowest.value, self.highest.value))
        lower, upper = (f"{100 * end:.1f}" for end in (self.lowest.lower, self.highest.upper))
        who = "raters" if len(self.raters) == 2 else f"of {len(self.raters)} raters"
        return (
            f"Two {who} agree on {100 * self.agreement.value:.1f}% of {self.n_verdicts} verdicts "
            f"({100 * self.confidence:g}% posterior interval {100 * self.agreement.lower:.1f} to "
            f"{100 * self.agreement.upper:.1f}; {self.n_items} items; {self.n_ties} verdicts with "
            f"a tie excluded), so the best possible agreement with one rater lies between {low}% "
            f"and {high}% ({lower} to {upper} if the bounds' uncertainty is taken into account)."
        )


def agreement_bounds(
    table: Table,
    *,
    raters: Sequence[str] | None = None,
    n_draws: int = 4_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> AgreementBounds:
    r"""Bound the best possible agreement with one rater from the agreement between raters.

    Parameters
    ----------
    table : Responses or Pairs
        Table with at least two label columns.
    raters : list of str, optional
        Label columns to compare; by default all.
    n_draws : int, default 4 000
        Draws of the Bayesian bootstrap over items (or clusters, if declared), at least 100.
    confidence : float, default 0.95
        Probability of the equal-tailed posterior intervals.
    seed : int, default 0

    Returns
    -------
    AgreementBounds
        `agreement`, `lowest` and `highest`, each with a `value` and the ends of its interval;
        `sentence()` and `to_frame()`.

    Raises
    ------
    MetaevalError
        If there are fewer than two raters, no two of them have preferences on the same pair, or
        they agree on at most half of their verdicts, which gives no bound.

    Notes
    -----
    A is the proportion of verdicts that agree; a verdict is a pair on which two raters have strict
    preferences. Each two raters of a pair are one verdict, so pairs with more raters have more
    weight. Ties are excluded. If a rater prefers the better-liked response of a pair with
    probability q, the best agreement with one rater is E q, and for independently erring raters

    .. math:: A \le E q \le (1 + \sqrt{2 A - 1}) / 2,

    because :math:`2 A - 1 = E (2 q - 1)^2`, which is at most :math:`E (2 q - 1)` and at least its
    square. The lower bound is attained if pairs are either unanimous or evenly split, the upper
    one if all are equally difficult. The bounds refer to agreement with one rater; agreement with
    a majority or mean label may be higher. A bias shared by raters inflates A. In draws with A
    below 1/2 both bounds are 1/2.

    References
    ----------
    Rubin (1981), The Bayesian bootstrap. Dawid, Skene (1979), Maximum likelihood estimation of
    observer error-rates (independently erring raters).

    Examples
    --------
    >>> from metaeval import bayes, simulate
    >>> bounds = bayes.agreement_bounds(simulate(seed=1, raters=2).table)
    >>> bool(bounds.agreement.value == bounds.lowest.value < bounds.highest.value)
    True
    """
    draw_options = check_integer("n_draws", n_draws, 100), check_integer("seed", seed, 0)
    check_fraction("confidence", confidence)
    pairs, names = _pairs_and_raters(table, raters)
    n_both, n_agree, n_tied = _count_verdicts(pairs, names)
    if not n_both.any():
        raise MetaevalError(
            f"No pair has preferences from two of the raters {join_names(names)}; choose other "
            "raters (raters=)."
        )
    value = float(n_agree.sum() / n_both.sum())
    if value <= 0.5:
        raise MetaevalError(
            f"Two raters agree on {100 * value:.1f}% of {int(n_both.sum())} verdicts; agreement at "
            "or below chance gives no bound. Choose other raters (raters=), or check whether a "
            "label column is reversed."
        )
    draws, n_units = _agreement_draws(pairs, n_both, n_agree, *draw_options)
    return AgreementBounds(
        agreement=_interval(np.asarray, value, draws, confidence),
        lowest=_interval(_lowest, value, draws, confidence),
        highest=_interval(_highest, value, draws, confidence),
        draws=draws,
        raters=tuple(names),
        n_verdicts=int(n_both.sum()),
        n_ties=int(n_tied.sum()),
        n_pairs=int((n_both > 0).sum()),
        n_items=len(np.unique(pairs.item_codes[n_both > 0])),
        n_units=n_units,
        confidence=confidence,
    )


def _pairs_and_raters(table: Table, raters: Sequence[str] | None) -> tuple[Pairs, list[str]]:
    """Return the pairs and the names of the raters."""
    table = require_table(table)
    columns = [str(name) for name in table.labels]
    names = columns if raters is None else check_names("raters", raters)
    for name in names:
        require_known("rater", name, columns)
    if len(names) < 2:
        raise MetaevalError(
            f"Agreement needs at least two raters, got {join_names(names) or 'none'}; name more "
            "label columns when reading, with labels=[...] (--labels A,B)."
        )
    return table.pairs(), names


def _count_verdicts(pairs: Pairs, names: list[str]) -> tuple[Floats, Floats, Floats]:
    """Count two preferences, agreements, and ties of any two raters of a pair: (pair,) each."""
    labels = pairs.labels[names].to_numpy()
    verdicts = decide_with_threshold(labels, pairs.label_epsilon)
    first, second = (verdicts > 0).sum(axis=1), (verdicts < 0).sum(axis=1)
    n_labels = (~np.isnan(labels)).sum(axis=1)
    n_both = _choose_two(first + second)
    return n_both, _choose_two(first) + _choose_two(second), _choose_two(n_labels) - n_both


def _choose_two(n: Any) -> Floats:
    """Return n choose 2."""
    return np.asarray(n * (n - 1) / 2)


def _agreement_draws(
    pairs: Pairs, n_both: Floats, n_agree: Floats, n: int, seed: int
) -> tuple[Floats, int]:
    """Return posterior draws of the agreement, and the number of weighted units."""
    codes, index = resampling_units(pairs)
    unit = codes[pairs.item_codes]
    sums = sum_by(np.stack([n_agree, n_both], axis=1), unit, len(index))
    sums = sums[sums[:, 1] > 0]
    if len(sums) < 2:
        raise MetaevalError(
            "All pairs judged by two raters belong to one item (or cluster); at least two items "
            "(or clusters) are needed."
        )
    terms, key = exact_terms(sums, *largest_weight("exponential")), key_of(seed, "bootstrap", 0)
    parts = weighted_sums("exponential", key, n, terms, "agreement")
    weighted = np.concatenate(list(parts)) * terms.step
    return weighted[:, 0] / weighted[:, 1], len(sums)


def _lowest(agreement: Floats | float) -> Floats:
    """Return the best agreement with one rater if pairs are unanimous or evenly split."""
    return np.asarray(np.maximum(agreement, 0.5))


def _highest(agreement: Floats | float) -> Floats:
    """Return the best agreement with one rater if all pairs are equally difficult."""
    return np.asarray((1 + np.sqrt(np.maximum(2 * np.asarray(agreement) - 1, 0.0))) / 2)


def _interval(f: Any, value: float, draws: Floats, confidence: float) -> Interval:
    """Return a function of the agreement: its observed value and its interval."""
    lower, upper = np.quantile(f(draws), tails(confidence)[:, 0])
    return Interval(float(f(value)), float(lower), float(upper))


def correct_for_label_noise(accuracy: Any, agreement: Any) -> Any:
    r"""Estimate the accuracy against the truth from the accuracy against one noisy rater.

    Parameters
    ----------
    accuracy : float or array
        Accuracy against the preferences of one rater.
    agreement : float or array
        Agreement of two such raters, above 1/2, for example from `agreement_bounds`.

    Returns
    -------
    float or array
        :math:`(a - \eta) / (1 - 2 \eta)` with :math:`\eta = (1 - \sqrt{2 A - 1}) / 2`.

    Raises
    ------
    MetaevalError
        If a value is not a proportion, or an agreement is at most 1/2 (chance).

    Notes
    -----
    :math:`\eta` is the error rate of a rater if all pairs are equally difficult and raters err
    independently of each other and of the scorer. Otherwise the result is biased: in either
    direction for pairs of unequal difficulty, and upward for a scorer that shares errors with the
    raters (for example a preference for length). Values above 1 are returned unchanged; they
    indicate shared errors or a small sample, as unequal difficulty alone does not cause them.
    Report the uncorrected accuracy as well.

    References
    ----------
    Rogan, Gladen (1978), Estimating prevalence from the results of a screening test.

    Examples
    --------
    >>> from metaeval.bayes import correct_for_label_noise
    >>> eta = 0.1
    >>> agreement = eta**2 + (1 - eta) ** 2
    >>> float(round(correct_for_label_noise(0.8 * (1 - eta) + 0.2 * eta, agreement), 6))
    0.8
    """
    accuracies, agreements = np.asarray(accuracy, dtype=float), np.asarray(agreement, dtype=float)
    if not ((accuracies >= 0) & (accuracies <= 1)).all():
        raise MetaevalError(
            "accuracy must be between 0 and 1: a proportion such as 0.71, not a percentage."
        )
    if not ((agreements > 0.5) & (agreements <= 1)).all():
        raise MetaevalError(
            "agreement must be above 1/2 (chance) and at most 1: a proportion such as 0.73, not a "
            "percentage."
        )
    return ((accuracies - (1 - _highest(agreements))) / np.sqrt(2 * agreements - 1))[()]
