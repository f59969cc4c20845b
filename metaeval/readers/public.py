"""Readers of one kind of file each: scores, preferences, folders of scores, candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metaeval.core import MetaevalError
from metaeval.readers.dispatch import read
from metaeval.tables import Pairs, Responses


def _read_kind(kind: type, what: str, sources: tuple[Any, ...], **options: Any) -> Any:
    table = read(*sources, **options)
    if not isinstance(table, kind):
        found = "pairs" if isinstance(table, Pairs) else "scores of responses"
        raise MetaevalError(f"{what} was expected, and the file holds {found}; use read().")
    return table


def read_scores(source: Any, label_source: Any = None, **options: Any) -> Responses:
    """Read tidy scores of responses, long or wide, and labels from the same or another file.

    Parameters
    ----------
    source : path or frame
        CSV, TSV, JSON, JSON Lines (gzipped or not), Parquet; a pandas, Arrow or Polars frame.
    label_source : path or frame, optional
        Labels in a file of their own, long or wide, joined by key; all that it holds is a label.
    **options
        As in `read`: item="seg_id", labels=["mqm"], lower_is_better=["TER"], keys=["dimension"].

    Returns
    -------
    Responses

    Raises
    ------
    MetaevalError
        If the file cannot be read or holds pairs.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"seg_id": [1, 2], "system": "a", "chrf": [5, 6], "mqm": [0, -1]})
    >>> read_scores(frame, labels="mqm").scorers
    ['chrf']
    """
    options |= {"label_source": label_source}
    table: Responses = _read_kind(Responses, "A file of scores", (source,), **options)
    return table


def read_preferences(source: Any, label_source: Any = None, **options: Any) -> Pairs:
    """Read verdicts on pairs, long, or margins of pairs, wide.

    Parameters
    ----------
    source : path or frame
        Columns item, first, second, scorer or rater, preference; or a column per scorer.
    label_source : path or frame, optional
        Labels in a file of their own, long or wide, joined by key; all that it holds is a label.
    **options
        As in `read`; ordered=True if the first shown is `first` and that matters, both_orders="net"
        for the net verdict of both orders, refusals="tie" or "error" for records without verdict.

    Returns
    -------
    Pairs

    Raises
    ------
    MetaevalError
        If the file cannot be read or holds scores of responses.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": [1, 1], "first": "a", "second": "b", "scorer": ["j", "k"],
    ...                       "preference": ["A", "tie"]})
    >>> read_preferences(frame).scores.to_numpy().tolist()
    [[1.0, 0.0]]
    """
    options |= {"label_source": label_source}
    table: Pairs = _read_kind(Pairs, "A file of pairs", (source,), **options)
    return table


def read_mtme(*paths: str | Path, **options: Any) -> Responses:
    """Read an mt-metrics-eval folder, with further `.score` files beside it.

    Parameters
    ----------
    *paths : path
        A test-set folder, or single score files.
    **options
        labels="mqm" picks human scores, file_level="sys" other files than segments,
        language_pair="en-de" one of several; and what `read` takes.

    Returns
    -------
    Responses

    Raises
    ------
    MetaevalError
        If a file does not have the shape of the format.
    """
    named = [p for p in paths if not (Path(p).is_dir() or Path(p).name.endswith(".score"))]
    rest = {"format": "mtme"} if not named else {}
    table: Responses = _read_kind(Responses, "A folder of scores", paths, **rest, **options)
    return table


def read_best_of_n(*paths: Any, **options: Any) -> Responses:
    """Read reward files: RewardBench 1 and 2 results, or tidy scores of right and wrong answers.

    Parameters
    ----------
    *paths : path or frame
        One file per reward model, or tidy tables.
    **options
        As in `read`; item_from="order" where ids repeat.

    Returns
    -------
    Responses
        With correctness labels, so that two wrong answers form no pair.

    Raises
    ------
    MetaevalError
        If a file cannot be read, or its labels are not 0 and 1.
    """
    options = {"label_kind": "correct"} | options
    table: Responses = _read_kind(Responses, "A file of candidates", paths, **options)
    if not table.labels.shape[1]:
        raise MetaevalError(
            "Candidates need a label that says which are right (1) and which wrong (0); name it: "
            "labels=<your column>, or give the file that has it too."
        )
    return table
