"""Infer whether columns without a role are scores, labels or covariates."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from metaeval.readers.cells.numbers_and_ids import sort_of
from metaeval.readers.columns.aliases import LABEL_ALIASES

_COVARIATE = re.compile(
    r"(length|cost|price|latency|rep|margin|text_hash|n_.*|num_.*|votes|count|"
    r"(annotator|rater|worker|user|hit|session|batch|fold|split|seed|run|trial)(_?(id|no|nr))?|"
    r"(line|row)(_?(number|num|no|nr|id))?|rn|p_?values?|"
    r"(time|timestamp|datetime|date|year|month|day|hour)s?|(created|updated|submitted)(_?(at|on))?|"
    r".*[_ (](chars|words|tokens|sents|steps|delta|n|count|std|sd|stderr|sem|var|ci|id|at|ts|time|"
    r"timestamp|date|latency|cost|price|usd|ms|sec|secs|seconds)\)?|"
    r"(latency|cost|price|time|duration)[_ (].*|"
    r"(chars|words|tokens|sents|steps|length|cost)_(a|b|1|2|first|second))",
    re.IGNORECASE,
)


_LABEL_NAME = re.compile(
    rf"({'|'.join(LABEL_ALIASES)})(_(preference|preferred|winner|verdict|label))?", re.IGNORECASE
)


@dataclass(frozen=True)
class ColumnHints:
    """Columns that the user named.

    Parameters
    ----------
    labels : list of str
        Columns or names that are labels.
    scorers : list of str, optional
        Columns or names to use as scorers; all by default.
    keys : list of str
        Further columns that identify a row.
    """

    labels: list[str]
    scorers: list[str] | None
    keys: list[str]

    @property
    def declared(self) -> list[str]:
        """Columns that the user declared as labels or scorers."""
        return [*self.labels, *(self.scorers or [])]

    def is_label(self, column: str) -> bool:
        """Return whether a column is declared a label, or named like one and not a scorer."""
        return column in self.labels or (
            is_label_name(column) and column not in (self.scorers or ())
        )

    def has_values(self, column: pd.Series, *, long: bool) -> bool:
        """Return whether a column without a role contains scores or labels."""
        name = str(column.name)
        if name in self.declared:
            return True
        if long or self.scorers is not None:
            return is_label_name(name) and sort_of(column) in ("number", "truth")
        return not is_covariate(name) and sort_of(column) in ("number", "truth", "mixed")

    def wants_unread(self, name: str) -> bool:
        """Return whether a column that looks numeric but cannot be read was meant to be used."""
        return name in self.declared or (self.scorers is None and not is_covariate(name))


def is_label_name(name: str) -> bool:
    """Return whether a column has a usual name for labels.

    >>> is_label_name("human_preference"), is_label_name("gpt-4")
    (True, False)
    """
    return _LABEL_NAME.fullmatch(name) is not None


def is_covariate(name: str) -> bool:
    """Return whether the name of a numeric column shows that it is not a scorer.

    >>> is_covariate("hyp_words"), is_covariate("chrf")
    (True, False)
    """
    return _COVARIATE.fullmatch(name) is not None
