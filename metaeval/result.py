"""The one result: a tidy frame, the draws behind it, and where it came from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from metaeval.arrays import Floats
from metaeval.checks import listed, near_miss, require_known
from metaeval.errors import MetaevalError
from metaeval.power import missed_half
from metaeval.printing import escaped_json, printable
from metaeval.result_json import COUNTS, SCHEMA, SECTIONS, TEXTS, read_result

_SIGNED = ("estimate", "lower", "upper")


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """What a verb returns: own values and differences of scorers in one tidy frame.

    Parameters
    ----------
    frame : DataFrame
        Rows with an empty `baseline` are a scorer's own value, rows with one are differences
        (scorer less baseline). `task` is empty in macro and pooled rows.
    draws : array (draw, own row of frame), optional
        Bootstrap replicates of the own values, in the order of the own rows; differences are
        subtractions of them.
    meta : mapping
        Verb, policy, alignment, provenance, warnings and notes.
    """

    frame: pd.DataFrame
    draws: Floats | None
    meta: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the tidy frame."""
        return self.frame.copy()

    @property
    def signature(self) -> str:
        """The line that reproduces every number, given the data."""
        return str(self.meta["provenance"]["signature"])

    @property
    def statistics(self) -> list[str]:
        """Names of the statistics, the first of them leading."""
        return list(dict.fromkeys(self.frame["statistic"]))

    def row(
        self,
        scorer: str,
        baseline: str | None = None,
        *,
        statistic: str | None = None,
        task: str | None = None,
    ) -> pd.Series:
        """One row: a scorer's own value, or its difference to a baseline.

        Parameters
        ----------
        scorer, baseline : str
            A difference that is kept the other way round is turned.
        statistic : str, optional
            The first one by default; its name may be given without arguments.
        task : str, optional
            The macro or pooled row by default.

        Raises
        ------
        MetaevalError
            If there is no such row.
        """
        frame = self._rows(statistic, task)
        names = sorted(set(frame["scorer"]) | set(frame["baseline"].dropna()))
        for name in (scorer, baseline):
            if name is not None:
                require_known("scorer", name, names)
        there = frame["baseline"].isna() if baseline is None else frame["baseline"] == baseline
        found = frame[(frame["scorer"] == scorer) & there]
        if len(found):
            return found.iloc[0]
        turned = frame[(frame["scorer"] == baseline) & (frame["baseline"] == scorer)]
        if not len(turned):
            raise MetaevalError(
                f"{scorer!r} was not compared with {baseline!r}; call compare without a baseline, "
                "or with this one."
            )
        alternative = self.meta["policy"]["alternative"]
        return _turned(turned.iloc[0], alternative, self.direction(statistic))

    def _rows(self, statistic: str | None, task: str | None) -> pd.DataFrame:
        names = self.statistics
        if statistic is None:
            statistic = names[0]
        elif statistic not in names:
            short = [n for n in names if n.split("(")[0] == statistic]
            if not short:
                raise MetaevalError(
                    f"There is no statistic {statistic!r} here; there are {listed(names)}."
                    f"{near_miss(statistic, names)}"
                )
            statistic = short[0]
        frame = self.frame[self.frame["statistic"] == statistic]
        tasks = frame["task"]
        if task is not None:
            require_known("task", task, sorted(set(tasks.dropna())))
        return frame[tasks.isna() if task is None else tasks == task]

    def league(self, statistic: str | None = None, task: str | None = None) -> pd.DataFrame:
        """One row per scorer, best first, with ranks and letters from the adjusted comparisons.

        Parameters
        ----------
        statistic, task : str, optional
            As in `row`.

        Returns
        -------
        DataFrame
            scorer, estimate, lower, upper, rank_low, rank_high, letters, tie_rate, chance, skill,
            null_mean, and p_value and p_adjusted of tests of single scorers. Two scorers share a
            letter exactly if they are not separated; the letters are empty where not all pairs were
            compared, and where more than 52 would be needed (`attrs["notes"]` says so). Of
            posteriors, two are separated if one is better with a probability of at least
            (1 + confidence) / 2, each pair by itself.
        """
        from metaeval.ranking import league

        return league(self, self._rows(statistic, task))

    def wmt_ranks(
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
            contradict one another; `league` has simultaneous ranges of ranks.

        Raises
        ------
        MetaevalError
            If not all pairs were tested.
        """
        from metaeval.ranking import wmt_ranks

        return wmt_ranks(self, self._rows(statistic, task), adjusted)

    @property
    def is_posterior(self) -> bool:
        """Whether rows hold posterior probabilities (`prob_better`) in place of p-values."""
        return str(self.meta["kind"]).startswith("posterior")

    @property
    def confidence(self) -> float:
        """Confidence of the intervals; comparisons are separated at 1 minus it.

        Of posteriors: one scorer is probably better from a probability of (1 + confidence) / 2.
        """
        return float(self.meta["policy"]["confidence"])

    def is_accuracy(self, statistic: str | None = None) -> bool:
        """Whether a statistic is a share of right decisions, shown in percent."""
        name = self._rows(statistic, None)["statistic"].iloc[0]
        return any(s["name"] == name and s["accuracy"] for s in self.meta["statistics"])

    def direction(self, statistic: str | None = None) -> int:
        """1 where high values of a statistic are good, -1 where low ones are, 0 where neither."""
        name = self._rows(statistic, None)["statistic"].iloc[0]
        known = {s["name"]: s.get("better", "higher") for s in self.meta["statistics"]}
        return {"higher": 1, "lower": -1, "neither": 0}[known.get(name, "higher")]

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
        """
        row = self.row(scorer, baseline, statistic=statistic, task=task)
        if self.is_posterior:
            from metaeval.wording import posterior_sentence

            return printable(posterior_sentence(self, row, statistic))
        return printable(self._tested_sentence(row, scorer, baseline, statistic, task))

    def _tested_sentence(
        self, row: pd.Series, scorer: str, baseline: str, statistic: str | None, task: str | None
    ) -> str:
        if row["estimate"] < 0:
            scorer, baseline = baseline, scorer
            row = _turned(row, "two-sided", 1)  # the p that was found, whichever is named first
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
        if row["p_adjusted"] <= 1 - self.confidence + 1e-12:
            if self.direction(statistic) < 0:  # the lower one is the better
                return f"{baseline} stays below {scorer} by {gap}{unit} ({facts})."
            return f"{scorer} exceeds {baseline} by {gap}{unit} ({facts})."
        if row["p_equivalent"] <= 1 - self.confidence + 1e-12:
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
        from metaeval.wording import methods_paragraph

        return printable(methods_paragraph(self))

    def to_json(self) -> str:
        """Return JSON (schema metaeval.result/1), numbers with 10 significant digits."""
        rows = [{str(k): _plain(v) for k, v in r.items()} for r in self.frame.to_dict("records")]
        text = {"schema": SCHEMA, "kind": self.meta["kind"]}
        text |= {"rows": rows} | {name: _plain(self.meta[name]) for name in SECTIONS}
        return escaped_json(json.dumps(text, ensure_ascii=False, indent=1, allow_nan=False)) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; the draws are not in it.

        Raises
        ------
        MetaevalError
            If the text is no result of this schema.
        """
        rows, meta = read_result(text)
        return cls(tidied(rows), None, meta)

    def to_markdown(self, statistic: str | None = None, task: str | None = None) -> str:
        """Return the league table as Markdown."""
        from metaeval.export import to_markdown

        return to_markdown(self, statistic, task)

    def to_latex(self, statistic: str | None = None, task: str | None = None, **style: Any) -> str:
        """Return the league table as LaTeX that needs booktabs only; see `metaeval.export`."""
        from metaeval.export import to_latex

        return to_latex(self, statistic, task, **style)

    def to_html(self, statistic: str | None = None, task: str | None = None) -> str:
        """Return the league table as HTML."""
        from metaeval.export import to_html

        return to_html(self, statistic, task)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        """What was estimated, for how many scorers, and the signature."""
        return f"<Result of {self.meta['kind']}: {len(self.frame)} rows; {self.signature}>"


def tidied(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with numbers as floats, and None where there is no text."""
    texts = {c: frame[c].astype(object).where(frame[c].notna(), None) for c in TEXTS}
    numbers = {c: frame[c].astype(float) for c in frame if c not in (*TEXTS, *COUNTS)}
    return frame.assign(**texts, **numbers)


def _turned(row: pd.Series, alternative: str, direction: int) -> pd.Series:
    """The same comparison seen from the other side; a one-sided p says nothing there."""
    row = row.copy()
    if "expected_loss" in row:
        row["expected_loss"] = _turned_loss(row, -1 if direction < 0 else 1)
    if alternative != "two-sided":
        row[["p_value", "p_mcse", "p_adjusted", "p_holm"]] = np.nan
    row["scorer"], row["baseline"] = row["baseline"], row["scorer"]
    row["estimate"] = 0.0 - row["estimate"]
    row["lower"], row["upper"] = 0.0 - row["upper"], 0.0 - row["lower"]
    row["prob_better"] = 1.0 - row["prob_better"]
    return row


def _turned_loss(row: pd.Series, sign: int) -> float:
    """What choosing the other one would cost: E max(g, 0) = E max(-g, 0) + E g, g the gain.

    Where values may be infinite the estimate is no mean (and there is no `se`): then it is unknown.
    """
    loss = row["expected_loss"] + sign * row["estimate"]
    return max(float(loss), 0.0) if math.isfinite(row["se"]) else math.nan


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


def prob_text(p: float) -> str:
    """A probability as it is written: `.973`, `>.999`.

    >>> prob_text(0.9731), prob_text(1.0), prob_text(0.0)
    ('.973', '>.999', '<.001')
    """
    if not 0.0005 <= p < 0.9995:
        return ">.999" if p > 0.5 else "<.001"
    return f"{p:.3f}".lstrip("0")


def p_text(p: float) -> str:
    """A p-value as it is written: `= .018`, or `< .001`.

    >>> p_text(0.018), p_text(0.0002), p_text(1.0)
    ('= .018', '< .001', '= 1')
    """
    if math.isnan(p):
        return "not available"
    if p < 0.001:
        return "< .001"
    return "= 1" if p >= 0.9995 else f"= {p:.3f}".replace("= 0.", "= .")
