"""Rows, draws and provenance of a result, with common queries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import ROUNDOFF, Floats, MetaevalError, did_you_mean, join_names, require_known
from metaeval.results.metadata import Metadata, StatisticInfo


@dataclass(frozen=True, eq=False, repr=False)
class ResultData:
    """Values of scorers and their differences in one tidy frame.

    Parameters
    ----------
    frame : DataFrame
        Rows with an empty `baseline` hold the value of a scorer, other rows differences (scorer
        minus baseline). `task` is empty in macro and pooled rows.
    draws : array (draw, own row of frame), optional
        Bootstrap replicates of the values of scorers, in row order; those of differences are
        obtained by subtraction.
    meta : Metadata
        Verb, policy, alignment, provenance, warnings and notes.
    """

    frame: pd.DataFrame
    draws: Floats | None
    meta: Metadata

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the tidy frame."""
        return self.frame.copy()

    @property
    def signature(self) -> str:
        """The line that reproduces all numbers, given the data."""
        return self.meta.provenance.signature

    @property
    def statistics(self) -> list[str]:
        """Names of the statistics, the primary one first."""
        return list(dict.fromkeys(self.frame["statistic"]))

    def row(
        self,
        scorer: str,
        baseline: str | None = None,
        *,
        statistic: str | None = None,
        task: str | None = None,
    ) -> pd.Series:
        """One row: the value of a scorer, or its difference from a baseline.

        Parameters
        ----------
        scorer, baseline : str
            A difference stored in the opposite direction is reversed.
        statistic : str, optional
            By default the first one; its arguments may be omitted.
        task : str, optional
            By default the macro or pooled row.

        Raises
        ------
        MetaevalError
            If the row does not exist.
        """
        frame = self.rows(statistic, task)
        names = sorted(set(frame["scorer"]) | set(frame["baseline"].dropna()))
        for name in (scorer, baseline):
            if name is not None:
                require_known("scorer", name, names)
        is_baseline = (
            frame["baseline"].isna() if baseline is None else frame["baseline"] == baseline
        )
        matches = frame[(frame["scorer"] == scorer) & is_baseline]
        if len(matches):
            return matches.iloc[0]
        reversed_matches = frame[(frame["scorer"] == baseline) & (frame["baseline"] == scorer)]
        if not len(reversed_matches):
            raise MetaevalError(
                f"{scorer!r} was not compared with {baseline!r}; call compare without baseline=, "
                f"or with baseline={baseline!r}."
            )
        alternative = self.meta.policy.alternative or ""
        return reversed_row(reversed_matches.iloc[0], alternative, self.direction(statistic))

    def rows(self, statistic: str | None = None, task: str | None = None) -> pd.DataFrame:
        """Rows of one statistic and one task, by default the overall rows; see `row`.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        """
        of_statistic = self.frame["statistic"] == self._statistic_name(statistic)
        tasks = self.frame["task"]
        if task is not None:
            require_known("task", task, sorted(set(tasks[of_statistic].dropna())))
        return self.frame[of_statistic & (tasks.isna() if task is None else tasks == task)]

    def _statistic_name(self, statistic: str | None) -> str:
        """The full name of a statistic, by default of the first one."""
        names = self.statistics
        if statistic is None or statistic in names:
            return statistic or names[0]
        short = [n for n in names if n.split("(")[0] == statistic]
        if not short:
            raise MetaevalError(
                f"The result does not contain the statistic {statistic!r}, only "
                f"{join_names(names)}."
                f"{did_you_mean(statistic, names)}"
            )
        return short[0]

    @property
    def is_posterior(self) -> bool:
        """Whether rows hold posterior probabilities (`prob_better`) instead of p-values."""
        return self.meta.kind.startswith("posterior")

    @property
    def confidence(self) -> float:
        """Confidence level of the intervals; 1 minus it is the significance level.

        For posteriors, a scorer is probably better from a probability of (1 + confidence) / 2.
        """
        return float(self.meta.policy.confidence)

    def is_simultaneous(self, statistic: str | None = None, task: str | None = None) -> bool:
        """Whether adjusted intervals of differences hold jointly for several comparisons.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        """
        of_statistic = self.frame["statistic"] == self.rows(statistic, task)["statistic"].iloc[0]
        family = of_statistic & (self.frame["task"].isna() == (task is None))
        several = (family & self.frame["baseline"].notna()).sum() > 1
        return bool(several and self.meta.policy.correction in ("maxt", "holm"))

    def is_accuracy(self, statistic: str | None = None) -> bool:
        """Whether a statistic is a proportion of correct decisions, shown in percent.

        Parameters
        ----------
        statistic : str, optional
            Its name, with or without arguments; by default the first one.
        """
        return self._info(statistic).accuracy

    def direction(self, statistic: str | None = None) -> int:
        """1 if higher values of a statistic are better, -1 if lower ones are, 0 if neither.

        Parameters
        ----------
        statistic : str, optional
            Its name, with or without arguments; by default the first one.
        """
        return {"higher": 1, "lower": -1, "neither": 0}[self._info(statistic).better]

    def unit(self, statistic: str | None = None) -> str:
        """Unit of a statistic: "proportion", "score" (that of each scorer) or "other".

        Parameters
        ----------
        statistic : str, optional
            Its name, with or without arguments; by default the first one.
        """
        return self._info(statistic).unit

    def _info(self, statistic: str | None) -> StatisticInfo:
        name = self._statistic_name(statistic)
        known = {info.name: info for info in self.meta.statistics}
        return known.get(name, StatisticInfo(name=name, accuracy=False))

    def is_significant(self, p: float | Floats | pd.Series) -> Any:
        """Whether (adjusted) p-values are at most 1 minus the confidence, up to rounding.

        Parameters
        ----------
        p : float, array or Series
            p-values; NaN is not significant.

        Returns
        -------
        bool, array or Series
            Of the shape of `p`.
        """
        return p <= 1 - self.confidence + ROUNDOFF


def reversed_row(row: pd.Series, alternative: str, direction: int) -> pd.Series:
    """The comparison with scorer and baseline exchanged; one-sided p-values become NaN."""
    row = row.copy()
    if "expected_loss" in row:
        row["expected_loss"] = _reversed_loss(row, -1 if direction < 0 else 1)
    if alternative != "two-sided":
        row[["p_value", "p_mcse", "p_adjusted", "p_holm"]] = np.nan
    row["scorer"], row["baseline"] = row["baseline"], row["scorer"]
    row["estimate"] = 0.0 - row["estimate"]
    for prefix in ("", "adjusted_"):
        low, high = f"{prefix}lower", f"{prefix}upper"
        row[low], row[high] = 0.0 - row[high], 0.0 - row[low]
    row["prob_better"] = 1.0 - row["prob_better"]
    return row


def _reversed_loss(row: pd.Series, sign: int) -> float:
    """Expected loss of choosing the other scorer: E max(g, 0) = E max(-g, 0) + E g.

    NaN if values may be infinite: the estimate is then not a mean, and `se` is missing.
    """
    loss = row["expected_loss"] + sign * row["estimate"]
    return max(float(loss), 0.0) if math.isfinite(row["se"]) else math.nan


def format_probability(p: float) -> str:
    """Format a probability with three decimals: `.973`, `>.999`.

    >>> format_probability(0.9731), format_probability(1.0), format_probability(0.0)
    ('.973', '>.999', '<.001')
    """
    if not 0.0005 <= p < 0.9995:
        return ">.999" if p > 0.5 else "<.001"
    return f"{p:.3f}".lstrip("0")


def format_p_relation(p: float) -> str:
    """Format a p-value with its relation: `= .018` or `< .001`.

    >>> format_p_relation(0.018), format_p_relation(0.0002), format_p_relation(1.0)
    ('= .018', '< .001', '= 1')
    """
    if math.isnan(p):
        return "not available"
    if p < 0.001:
        return "< .001"
    return "= 1" if p >= 0.9995 else f"= {p:.3f}".replace("= 0.", "= .")
