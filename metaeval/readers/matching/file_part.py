"""The output of a reader for one file, before merging."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Part:
    """The rows of one file: ids and covariates, scores and labels.

    Parameters
    ----------
    rows : DataFrame
        `item` and, where the file has them, `task`, `cluster`, `system`, `response` (or `first`,
        `second`, `order` for pairs), key columns and covariates; default index.
    scores, labels : DataFrame
        One float column per scorer or rater on the same index; may have no columns.
    source : str
        Name of the file in messages.
    pairs : bool
        Whether a row is a pair.
    label_kind : str, optional
        Kind of labels, if the format determines it.
    notes : tuple of str
        Steps of the reader that the user should know.
    warnings : tuple of str
        Suspicious findings in the file, shown before everything else.
    columns : tuple of str
        Names of the columns of the file, if it has columns.
    presentation : DataFrame, optional
        For pairs that each judge saw in one order: 1 if the first was shown first, else -1; NaN if
        a judge did not see the pair. One column per column of `scores`.
    position : int
        Position of the file among the sources; rows are in the order of the first.
    """

    rows: pd.DataFrame
    scores: pd.DataFrame
    labels: pd.DataFrame
    source: str
    pairs: bool = False
    label_kind: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    presentation: pd.DataFrame | None = None
    position: int = 0


WRONG = float("inf")
"""Placeholder for a refusal that counts as wrong, until the label of its pair is known."""
