"""The result class: a tidy frame with draws and provenance."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from metaeval.core import escaped_json, printable
from metaeval.results import latex, prose, ranking, tables
from metaeval.results.columns import normalize_frame
from metaeval.results.data import ResultData, format_p_relation, reversed_row
from metaeval.results.from_json import SCHEMA, read_result

_SIGNED = ("estimate", "adjusted_lower", "adjusted_upper")


class Result(ResultData):
    """Values and differences of scorers, with methods for tables, sentences and files."""

    def leaderboard(self, statistic: str | None = None, task: str | None = None) -> pd.DataFrame:
        """Return one row per scorer, best first, with rank ranges and letters.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.

        Returns
        -------
        DataFrame
            scorer, estimate, lower, upper, rank_low, rank_high, letters, tie_rate, chance, skill,
            expected_if_calibrated, and p_value and p_adjusted of tests of single scorers. Two
            scorers share a letter if and only if they do not differ significantly; letters are
            empty if not all pairs were compared, or if more than 52 would be needed (see
            `attrs["notes"]`). For posteriors, two scorers differ if one is better with probability
            at least (1 + confidence) / 2, without adjustment.
        """
        return ranking.leaderboard(self, self.rows(statistic, task))

    def wmt_clusters(
        self, statistic: str | None = None, task: str | None = None, *, adjusted: bool = False
    ) -> pd.DataFrame:
        """Return ranks by WMT clusters, for comparison with published tables.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        adjusted : bool, default False
            Use adjusted p-values; the published ranks use unadjusted, one-sided ones.

        Returns
        -------
        DataFrame
            scorer, estimate, rank, best first. Ranks depend on the order of close scorers and can
            be inconsistent; `leaderboard` has simultaneous rank ranges.

        Raises
        ------
        MetaevalError
            If not all pairs were tested.
        """
        return ranking.wmt_clusters(self, self.rows(statistic, task), adjusted)

    def sentence(
        self,
        scorer: str,
        baseline: str,
        *,
        statistic: str | None = None,
        task: str | None = None,
    ) -> str:
        """Return a sentence on a comparison, worded according to the adjusted p-value.

        A nonsignificant difference is not described as equality: the sentence states below which
        difference the study had under 50% power. For a posterior it states the probability that
        one scorer is better.

        Parameters
        ----------
        scorer, baseline : str
            The compared scorers, in either order.
        statistic, task : str, optional
            As in `row`.
        """
        row = self.row(scorer, baseline, statistic=statistic, task=task)
        if self.is_posterior:
            return printable(prose.posterior_sentence(self, row, statistic))
        return printable(self._tested_sentence(row, scorer, baseline, statistic, task))

    def _tested_sentence(
        self, row: pd.Series, scorer: str, baseline: str, statistic: str | None, task: str | None
    ) -> str:
        if row["estimate"] < 0:
            scorer, baseline = baseline, scorer
            row = reversed_row(
                row, "two-sided", 1
            )  # keeps the p-value, whichever scorer is named first
        if math.isnan(row["p_adjusted"]):
            return f"{scorer} and {baseline} were not tested; see the warnings of the result."
        unit, scale = (" points", 100) if self.is_accuracy(statistic) else ("", 1)
        digits = 1 if scale == 100 else 3
        gap, low, high = (f"{scale * row[k]:.{digits}f}" for k in _SIGNED)
        kind = "simultaneous CI" if self.is_simultaneous(statistic, task) else "CI"
        sided = "" if self.meta.policy.alternative == "two-sided" else "one-sided "
        facts = (
            f"{100 * self.confidence:g}% {kind} {low} to {high}; "
            f"{sided}adjusted p {format_p_relation(row['p_adjusted'])}; {row['n_items']} items"
            f"{'' if task is None else f' in {task}'}"
        )
        if self.is_significant(row["p_adjusted"]):
            if self.direction(statistic) < 0:  # lower is better
                return f"{baseline} is lower than {scorer} by {gap}{unit} ({facts})."
            return f"{scorer} exceeds {baseline} by {gap}{unit} ({facts})."
        if self.is_significant(row["p_equivalent"]):
            margin = f"{scale * (self.meta.policy.equivalence_margin or 0.0):.{digits}f}{unit}"
            return (
                f"{scorer} and {baseline} differ by less than {margin} (two one-sided tests, "
                f"p {format_p_relation(row['p_equivalent'])}; difference {gap}{unit}, {facts})."
            )
        missed = (row["adjusted_upper"] - row["adjusted_lower"]) / 2
        power = ""
        if self.meta.policy.alternative == "two-sided" and missed >= row["estimate"]:
            power = (
                "; the study had under 50% power for differences below "
                f"{missed * scale:.{digits}f}{unit}"
            )
        return (
            f"{scorer} and {baseline} do not differ significantly (difference {gap}{unit}, "
            f"{facts}){power}."
        )

    def methods_paragraph(self) -> str:
        """Return a methods paragraph: data, statistic, tie policy, interval, test, correction."""
        return printable(prose.methods_paragraph(self))

    def to_json(self) -> str:
        """Return JSON (schema metaeval.result/1), numbers with 10 significant digits."""
        rows = [{str(k): _plain(v) for k, v in r.items()} for r in self.frame.to_dict("records")]
        text = {"schema": SCHEMA, "kind": self.meta.kind, "rows": rows, **_plain(self.meta.plain())}
        return escaped_json(json.dumps(text, ensure_ascii=False, indent=1, allow_nan=False)) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a result written by `to_json`, which does not contain the draws.

        Parameters
        ----------
        text : str
            JSON of a result.

        Raises
        ------
        MetaevalError
            If the text is not a valid result of this schema.
        """
        rows, meta = read_result(text)
        return cls(normalize_frame(rows), None, meta)

    def to_markdown(self, statistic: str | None = None, task: str | None = None) -> str:
        """Return the leaderboard as Markdown.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        """
        return tables.to_markdown(self, statistic, task)

    def to_latex(
        self,
        statistic: str | None = None,
        task: str | None = None,
        *,
        best: Literal["bold", "none"] = "bold",
        letters: Literal["superscript", "column", "none"] = "superscript",
        interval: Literal["brackets", "half", "none"] = "brackets",
        digits: int | None = None,
        percent: bool = True,
        caption: bool = False,
    ) -> str:
        """Return the leaderboard as LaTeX; requires only the package booktabs.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        best : {"bold", "none"}, default "bold"
            Bold marks every scorer that does not differ significantly from the best, if the
            statistic has a direction.
        letters : {"superscript", "column", "none"}, default "superscript"
            Two scorers share a letter if and only if they do not differ significantly.
        interval : {"brackets", "half", "none"}, default "brackets"
            `[low, high]`, or half the width after a plus-minus sign.
        digits : int, optional
            Decimals; by default 1 for percent, else 3.
        percent : bool, default True
            Whether accuracies are in percent.
        caption : bool, default False
            Whether to wrap the tabular in a table with a caption that states the methods.

        Returns
        -------
        str
            LaTeX with the signature in a comment.
        """
        return latex.to_latex(
            self,
            statistic,
            task,
            best=best,
            letters=letters,
            interval=interval,
            digits=digits,
            percent=percent,
            caption=caption,
        )

    def to_html(self, statistic: str | None = None, task: str | None = None) -> str:
        """Return the leaderboard as HTML.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        """
        return tables.to_html(self, statistic, task)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        """Kind of result, number of rows and signature."""
        return f"<Result of {self.meta.kind}: {len(self.frame)} rows; {self.signature}>"


def _plain(value: Any) -> Any:
    """A value for JSON: 10 significant digits, null for missing."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _number(float(value))
    return value


def _number(value: float) -> float | str | None:
    """A number for JSON, which has no infinities: they become text that `float` parses."""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return None if math.isnan(value) else float(f"{value:.10g}")
