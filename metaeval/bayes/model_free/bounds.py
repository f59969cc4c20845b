"""What the agreement of raters says of the best that a scorer can reach."""

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
from metaeval.inference import units_of
from metaeval.resampling import exact_terms, key_of, largest_weight, tails, weighted_sums
from metaeval.statistics import sum_by
from metaeval.tables import Pairs, Table, require_table


class Interval(NamedTuple):
    """A value as observed, and its posterior interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False, kw_only=True)
class AgreementBounds:
    """How far two raters agree, and between what the best agreement with one rater lies.

    Parameters
    ----------
    agreement : Interval
        Share of the verdicts of two raters that agree.
    lowest, highest : Interval
        Bounds on the best agreement with one rater that any scorer can reach.
    draws : array (draw,)
        Posterior draws of the agreement.
    raters : tuple of str
    n_verdicts, n_ties : int
        Verdicts of two raters on one pair: those with two preferences, and those left out because
        a rater saw a tie.
    n_pairs, n_items, n_units : int
        Pairs and items with two preferences, and items or clusters that were weighted.
    confidence : float
        Of the intervals.
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
        """Return what was found in one sentence, with what was left out."""
        low, high = (f"{100 * end:.1f}" for end in (self.lowest.value, self.highest.value))
        lower, upper = (f"{100 * end:.1f}" for end in (self.lowest.lower, self.highest.upper))
        who = "raters" if len(self.raters) == 2 else f"of {len(self.raters)} raters"
        return (
            f"Two {who} agree on {100 * self.agreement.value:.1f} % of "
            f"{self.n_verdicts} verdicts ({100 * self.confidence:g} % posterior interval "
            f"{100 * self.agreement.lower:.1f} to {100 * self.agreement.upper:.1f}; "
            f"{self.n_items} items; {self.n_ties} verdicts with a tie left out), so the best "
            f"agreement with one rater lies between {low} and {high} % ({lower} to {upper} with "
            "the uncertainty of both ends)."
        )


def agreement_bounds(
    table: Table,
    *,
    raters: Sequence[str] | None = None,
    n_draws: int = 4_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> AgreementBounds:
    r"""Bounds on the best agreement with one rater, from the agreement of raters.

    Parameters
    ----------
    table : Responses or Pairs
        With at least two columns of labels.
    raters : list of str, optional
        Which of them; all by default.
    n_draws : int, default 4 000
        Draws of the Bayesian bootstrap over items (clusters where there are any), at least 100.
    confidence : float, default 0.95
        Probability inside the intervals, which leave equal tails.
    seed : int, default 0

    Returns
    -------
    AgreementBounds
        `agreement`, `lowest` and `highest`, each with a `value` and the ends of its interval;
        `sentence()` and `to_frame()`.

    Raises
    ------
    MetaevalError
        If there are fewer than two raters, they share no preferences, or agree on no more than
        half of them: then they are no better than chance, and nothing bounds a scorer.

    Notes
    -----
    A is the share of verdicts that agree, a verdict being two raters with a strict preference on
    one pair: every two raters of a pair count once, so pairs that more raters saw count more.
    Ties are left out. If a rater prefers the better-liked response of a pair with probability q,
    the best agreement with one rater is E q, and for raters who err independently

    .. math:: A \le E q \le (1 + \sqrt{2 A - 1}) / 2,

    for :math:`2 A - 1 = E (2 q - 1)^2`, which is at most :math:`E (2 q - 1)` and at least its
    square. The lower end is reached where pairs are either unanimous or coin flips, the upper one
    where all are equally hard. It is about agreement with one rater, not with a majority or a mean
    label, which a scorer may exceed. Raters who share a bias agree more than they should. In
    draws with A below 1/2 both ends are 1/2.

    References
    ----------
    Rubin (1981), The Bayesian bootstrap. Dawid, Skene (1979), Maximum likelihood estimation of
    observer error-rates (raters who err independently).

    Examples
    --------
    >>> from metaeval import bayes, simulate
    >>> found = bayes.agreement_bounds(simulate(seed=1, raters=2).table)
    >>> bool(found.agreement.value == found.lowest.value < found.highest.value)
    True
    """
    draw_options = check_integer("n_draws", n_draws, 100), check_integer("seed", seed, 0)
    check_fraction("confidence", confidence)
    pairs, names = _pairs_and_raters(table, raters)
    n_both, n_agree, n_tied = _count_verdicts(pairs, names)
    if not n_both.any():
        raise MetaevalError(
            f"No two of {join_names(names)} prefer a response of the same pair; choose others "
            "(raters=)."
        )
    value = float(n_agree.sum() / n_both.sum())
    if value <= 0.5:
        raise MetaevalError(
            f"Two raters agree on {100 * value:.1f} % of {int(n_both.sum())} verdicts, no "
            "more than by chance, so their agreement gives no bound. Choose others (raters=), or "
            "check whether a label column is reversed."
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
    """The pairs, and the names of the raters."""
    table = require_table(table)
    columns = [str(name) for name in table.labels]
    names = columns if raters is None else check_names("raters", raters)
    for name in names:
        require_known("rater", name, columns)
    if len(names) < 2:
        raise MetaevalError(
            f"Agreement needs two raters; there is {join_names(names) or 'none'}. Name their label "
            "columns when reading (labels=)."
        )
    return table.pairs(), names


def _count_verdicts(pairs: Pairs, names: list[str]) -> tuple[Floats, Floats, Floats]:
    """Of every two raters of a pair: how many prefer, agree, have a tie: (pair,) each."""
    labels = pairs.labels[names].to_numpy()
    verdicts = decide_with_threshold(labels, pairs.label_epsilon)
    first, second = (verdicts > 0).sum(axis=1), (verdicts < 0).sum(axis=1)
    n_labels = (~np.isnan(labels)).sum(axis=1)
    n_both = _choose_two(first + second)
    return n_both, _choose_two(first) + _choose_two(second), _choose_two(n_labels) - n_both


def _choose_two(n: Any) -> Floats:
    """How many twos there are among n."""
    return np.asarray(n * (n - 1) / 2)


def _agreement_draws(
    pairs: Pairs, n_both: Floats, n_agree: Floats, n: int, seed: int
) -> tuple[Floats, int]:
    """Posterior draws of the agreement, and the number of units that are weighted."""
    codes, index = units_of(pairs)
    unit = codes[pairs.item_codes]
    sums = sum_by(np.stack([n_agree, n_both], axis=1), unit, len(index))
    sums = sums[sums[:, 1] > 0]
    if len(sums) < 2:
        raise MetaevalError(
            "All verdicts of two raters are on one item (or cluster), and nothing is known of "
            "others; at least two are needed."
        )
    terms, key = exact_terms(sums, *largest_weight("exponential")), key_of(seed, "bootstrap", 0)
    parts = weighted_sums("exponential", key, n, terms, "agreement")
    weighted = np.concatenate(list(parts)) * terms.step
    return weighted[:, 0] / weighted[:, 1], len(sums)


def _lowest(agreement: Floats | float) -> Floats:
    """The best agreement with one rater where pairs are unanimous or coin flips."""
    return np.asarray(np.maximum(agreement, 0.5))


def _highest(agreement: Floats | float) -> Floats:
    """The best agreement with one rater where all pairs are equally hard."""
    return np.asarray((1 + np.sqrt(np.maximum(2 * np.asarray(agreement) - 1, 0.0))) / 2)


def _interval(f: Any, value: float, draws: Floats, confidence: float) -> Interval:
    """A function of the agreement: as observed, with its interval."""
    lower, upper = np.quantile(f(draws), tails(confidence)[:, 0])
    return Interval(float(f(value)), float(lower), float(upper))


def correct_for_label_noise(accuracy: Any, agreement: Any) -> Any:
    r"""Accuracy against the truth, from that against one noisy rater.

    Parameters
    ----------
    accuracy : float or array
        Accuracy against the preferences of one rater.
    agreement : float or array
        Agreement of two such raters, above 1/2; `agreement_bounds` observes it.

    Returns
    -------
    float or array
        :math:`(a - \eta) / (1 - 2 \eta)` with :math:`\eta = (1 - \sqrt{2 A - 1}) / 2`.

    Raises
    ------
    MetaevalError
        If the agreement is not above 1/2: raters no better than chance.

    Notes
    -----
    :math:`\eta` is the share of verdicts that a rater gets wrong, if all pairs are equally hard
    and raters err independently of one another and of the scorer. Elsewhere it misleads: with
    pairs of unequal difficulty it may be off either way, and a scorer that errs as raters do (both
    like length, say) is always put too high. A value above 1 is returned as it is: then scorer and
    raters share errors, or the sample is small; unequal difficulty alone does not do that. Show
    the raw accuracy beside it.

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
        raise MetaevalError("accuracy must be shares between 0 and 1, such as 0.71, not percent.")
    if not ((agreements > 0.5) & (agreements <= 1)).all():
        raise MetaevalError(
            "agreement must be above 1/2, which is chance, and at most 1: a proportion such as "
            "0.73, not percent."
        )
    return ((accuracies - (1 - _highest(agreements))) / np.sqrt(2 * agreements - 1))[()]
