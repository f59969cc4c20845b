"""The one result: a tidy frame, the draws behind it, and where it came from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from metaeval.core import escaped_json, printable
from metaeval.resampling import missed_half
from metaeval.results import prose, ranking, tables
from metaeval.results.data import ResultData, p_text, reversed_row, tidied
from metaeval.results.from_json import SCHEMA, SECTIONS, read_result

_SIGNED = ("estimate", "lower", "upper")


class Result(ResultData):
    """What a verb returns: values and differences of scorers, and every form they are shown in."""

    def leaderboard(self, statistic: str | None = None, task: str | None = None) -> pd.DataFrame:
        """One row per scorer, best first, with ranks and letters from the adjusted comparisons.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.

        Returns
        -------
        DataFrame
            scorer, estimate, lower, upper, rank_low, rank_high, letters, tie_rate, chance, skill,
            expected_if_calibrated, and p_value and p_adjusted of tests of single scorers. Two
            scorers share a letter exactly if they are not separated; the letters are empty where
            not all pairs were compared, and where more than 52 would be needed (`attrs["notes"]`
            says so). Of posteriors, two are separated if one is better with a probability of at
            least (1 + confidence) / 2, each pair by itself.
        """
        return ranking.leaderboard(self, self.rows(statistic, task))

    def wmt_clusters(
        self, statistic: str | None = None, task: str | None = None, *, adjusted: bool = False
    ) -> pd.DataFrame:
        """Ranks by WMT-style clusters, kept for comparison with published tables.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        adjusted : bool, default False
            Use adjusted p-values; the published ranks use unadjusted, one-sided ones.

        Returns
        -------
        DataFrame
            scorer, estimate, rank, the best first. They depend on the order of close scorers and
            contradict one another; `leaderboard` has simultaneous ranges of ranks.

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
        """One sentence on a comparison; its mood follows the adjusted p-value.

        A difference that is not separated is never called equal: the sentence says which
        differences would have been missed more than half of the time. Of a posterior it says how
        probable it is that the one is better.

        Parameters
        ----------
        scorer, baseline : str
            The two that are compared, in either order.
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
            )  # the p that was found, whichever is named first
        if math.isnan(row["p_adjusted"]):
            return f"{scorer} and {baseline} were not tested; the warnings of the result say why."
        unit, scale = (" points", 100) if self.is_accuracy(statistic) else ("", 1)
        digits = 1 if scale == 100 else 3
        gap, low, high = (f"{scale * row[k]:.{digits}f}" for k in _SIGNED)
        facts = (
            f"{100 * self.confidence:g} % CI {low} to {high}; "
            f"adjusted p {p_text(row['p_adjusted'])}; {row['n_items']} items"
            f"{'' if task is None else f' of {task}'}"
        )
        if self.is_significant(row["p_adjusted"]):
            if self.direction(statistic) < 0:  # the lower one is the better
                return f"{baseline} stays below {scorer} by {gap}{unit} ({facts})."
            return f"{scorer} exceeds {baseline} by {gap}{unit} ({facts})."
        if self.is_significant(row["p_equivalent"]):
            margin = f"{scale * self.meta['policy']['margin']:.{digits}f}{unit}"
            return (
                f"{scorer} and {baseline} differ by less than {margin} (two one-sided tests, "
                f"p {p_text(row['p_equivalent'])}; difference {gap}{unit}, {facts})."
            )
        missed = missed_half(row["se"], self.confidence) * scale
        return (
            f"{scorer} and {baseline} cannot be separated (difference {gap}{unit}, {facts}); "
            f"differences under {missed:.{digits}f}{unit} would be missed more than half of "
            "the time."
        )

    def methods_paragraph(self) -> str:
        """Return the text that authors paste: unit, n, interval, test, correction, tie policy."""
        return printable(prose.methods_paragraph(self))

    def to_json(self) -> str:
        """Return JSON (schema metaeval.result/1), numbers with 10 significant digits."""
        rows = [{str(k): _plain(v) for k, v in r.items()} for r in self.frame.to_dict("records")]
        text = {"schema": SCHEMA, "kind": self.meta["kind"]}
        text |= {"rows": rows} | {name: _plain(self.meta[name]) for name in SECTIONS}
        return escaped_json(json.dumps(text, ensure_ascii=False, indent=1, allow_nan=False)) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; the draws are not in it.

        Parameters
        ----------
        text : str
            JSON of a result.

        Raises
        ------
        MetaevalError
            If the text is no result of this schema.
        """
        rows, meta = read_result(text)
        return cls(tidied(rows), None, meta)

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
        """Return the leaderboard as LaTeX that needs the package booktabs only.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.
        best : {"bold", "none"}, default "bold"
            Bold marks every scorer that is not separated from the best, where there is a best.
        letters : {"superscript", "column", "none"}, default "superscript"
            Two scorers share a letter exactly if they are not separated.
        interval : {"brackets", "half", "none"}, default "brackets"
            `[low, high]`, or plus and minus half the width.
        digits : int, optional
            Decimals: 1 for percent, else 3, by default.
        percent : bool, default True
            Accuracies in percent.
        caption : bool, default False
            Wrap the tabular in a table with a caption that states the methods.

        Returns
        -------
        str
            The signature stands above it as a comment.
        """
        return tables.to_latex(
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
        """What was estimated, for how many scorers, and the signature."""
        return f"<Result of {self.meta['kind']}: {len(self.frame)} rows; {self.signature}>"


def _plain(value: Any) -> Any:
    """A value as JSON has it: 10 significant digits, null for missing."""
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
    """JSON has no infinities: they are texts, which `float` reads."""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return None if math.isnan(value) else float(f"{value:.10g}")
