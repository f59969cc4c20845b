"""What a reader hands over, before files are put side by side."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Part:
    """One file's rows: ids and covariates, and the scores and labels it holds for them.

    Parameters
    ----------
    rows : DataFrame
        `item` and, where the file has them, `task`, `cluster`, `system`, `response` (or `first`,
        `second`, `order` for pairs), key columns and covariates; default index.
    scores, labels : DataFrame
        One float column per scorer or rater on the same index; may have no columns.
    source : str
        What to call the file in messages.
    pairs : bool
        Whether a row is a pair.
    label_kind : str, optional
        What the labels are where the format says so.
    notes : tuple of str
        What the reader did that its user should know.
    warnings : tuple of str
        What looks wrong in the file; shown before everything else.
    columns : tuple of str
        What the columns of the file are called, where it has columns.
    shown : DataFrame, optional
        Of pairs that each judge saw in one order: 1 where the first was shown first, else -1;
        NaN where a judge did not see the pair. A column for each of `scores`.
    place : int
        Where its file stands among those given: rows come in the order of the first.
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
    shown: pd.DataFrame | None = None
    place: int = 0


WRONG = float("inf")
"""Stands for a refusal that counts as wrong, until the label of its pair is known."""
