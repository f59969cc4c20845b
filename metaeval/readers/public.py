"""Readers for one kind of file each: scores, preferences, folders of scores, candidates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from metaeval.core import MetaevalError
from metaeval.readers.argument_types import Codes, DecimalMark, Names, PreferenceScale, Source
from metaeval.readers.dispatch import read
from metaeval.tables import Pairs, Responses


def _require_kind(kind: type, expected: str, table: Responses | Pairs) -> Any:
    if not isinstance(table, kind):
        content = "pairs" if isinstance(table, Pairs) else "scores of responses"
        raise MetaevalError(f"Expected {expected}, got a file of {content}; use read() instead.")
    return table


def read_scores(
    source: Source,
    label_source: Source | None = None,
    *,
    format: Literal["mtme", "rewardbench", "rewardbench2", "tidy"] | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Names | None = None,
    scorers: Names | None = None,
    keys: Names | None = None,
    lower_is_better: Names | None = None,
    label_kind: Literal["rating", "correct"] | None = None,
    label_epsilon: float = 0.0,
    average_raters: bool = False,
    shared_items: bool | None = None,
    missing: Literal["common", "pairwise", "error", "count_as_wrong"] = "common",
    missing_codes: Codes | Mapping[str, Codes] | None = None,
    value_map: Mapping[str, float | None] | None = None,
    decimal: DecimalMark | Mapping[str, DecimalMark] | None = None,
    header: Names | None = None,
    repeats: Literal["error", "mean"] = "error",
) -> Responses:
    """Read tidy scores of responses, long or wide, and labels from the same or another file.

    Parameters
    ----------
    source : path or frame
        CSV, TSV, JSON, JSON Lines (gzipped or not), Parquet; a frame of pandas, pyarrow, polars,
        or anything else that has ``to_pandas()``.
    label_source : path or frame, optional
        A separate file of labels, long or wide, matched by ids; all its columns are labels.
    format : {"mtme", "rewardbench", "rewardbench2", "tidy"}, optional
        Format of all files. By default recognized file by file.
    columns : mapping of str to str, optional
        Columns whose names differ from their roles: ``{"item": "qid"}``. Roles are item, task,
        cluster, system, response; scorer and score, or rater and label, of long tables.
        ``{"item": "doc+seg"}`` combines the ids of two columns.
    labels : str or sequence of str, optional
        Columns, scorers or raters that are labels, or patterns such as ``"human*"``. By default
        those with a usual label name, such as human, gold or mqm.
    scorers : str or sequence of str, optional
        Columns or names to use as scorers. By default all that are not labels.
    keys : str or sequence of str, optional
        Further columns that identify a row, such as ``"dimension"``.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_kind : {"rating", "correct"}, optional
        Kind of labels: ratings, or correctness (1 or 0). By default inferred from the values.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks share their items, as aspects of one response do. By default inferred from
        ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        How `evaluate` and `compare` treat missing scores: use rows with scores of all scorers, use
        rows with scores of both scorers of a pair, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        Codes for missing values, such as -1 or "skip"; ``{"judge": -1}`` for one column. An empty
        list declares that there are none.
    value_map : mapping of str to float or None, optional
        Values of words: ``{"good": 3, "poor": 1, "skip": None}``; None is missing.
    decimal : {".", ","} or mapping, optional
        Decimal mark, if it is ambiguous; ``{"elo": ","}`` for one column.
    header : sequence of str, optional
        Column names of a CSV or TSV file without a header.
    repeats : {"error", "mean"}, default "error"
        Whether to raise for several scores or labels of one response, or to average them.

    Returns
    -------
    Responses

    Raises
    ------
    MetaevalError
        If the file cannot be read, or is a file of pairs.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"seg": [1, 2], "system": "a", "chrf": [5, 6], "mqm": [0, -1]})
    >>> read_scores(frame, columns={"item": "seg"}, labels="mqm").scorers
    ['chrf']
    """
    table: Responses = _require_kind(
        Responses,
        "a file of scores",
        read(
            source,
            label_source=label_source,
            format=format,
            columns=columns,
            labels=labels,
            scorers=scorers,
            keys=keys,
            lower_is_better=lower_is_better,
            label_kind=label_kind,
            label_epsilon=label_epsilon,
            average_raters=average_raters,
            shared_items=shared_items,
            missing=missing,
            missing_codes=missing_codes,
            value_map=value_map,
            decimal=decimal,
            header=header,
            repeats=repeats,
        ),
    )
    return table


def read_preferences(
    source: Source,
    label_source: Source | None = None,
    *,
    format: Literal["votes", "tidy"] | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Names | None = None,
    scorers: Names | None = None,
    keys: Names | None = None,
    lower_is_better: Names | None = None,
    label_epsilon: float = 0.0,
    average_raters: bool = False,
    shared_items: bool | None = None,
    missing: Literal["common", "pairwise", "error", "count_as_wrong"] = "common",
    missing_codes: Codes | Mapping[str, Codes] | None = None,
    value_map: Mapping[str, float | None] | None = None,
    decimal: DecimalMark | Mapping[str, DecimalMark] | None = None,
    header: Names | None = None,
    ordered: bool = False,
    both_orders: Literal["each", "net"] = "each",
    refusals: Literal["missing", "tie", "wrong"] = "missing",
    preference_scale: PreferenceScale | Mapping[str, PreferenceScale] | None = None,
    judges: Literal["each", "pooled"] = "each",
) -> Pairs:
    """Read verdicts on pairs in long form, or margins of pairs in wide form.

    Parameters
    ----------
    source : path or frame
        A table with columns item, first, second, scorer or rater, preference; or one column per
        scorer; or votes with model_a, model_b, winner. File types are as in `read_scores`.
    label_source : path or frame, optional
        A separate file of labels, long or wide, matched by ids; all its columns are labels.
    format : {"votes", "tidy"}, optional
        Format of all files. By default recognized file by file.
    columns : mapping of str to str, optional
        Columns whose names differ from their roles: ``{"item": "qid"}``. Roles are item, task,
        cluster, first, second, preference, order, scorer, rater. ``{"item": "doc+seg"}`` combines
        the ids of two columns.
    labels : str or sequence of str, optional
        Columns, scorers or raters that are labels, or patterns such as ``"human*"``. By default
        those with a usual label name, such as human, gold or mqm.
    scorers : str or sequence of str, optional
        Columns or names to use as scorers. By default all that are not labels.
    keys : str or sequence of str, optional
        Further columns that identify a row, such as ``"dimension"``.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks share their items, as aspects of one response do. By default inferred from
        ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        How `evaluate` and `compare` treat missing scores: use rows with scores of all scorers, use
        rows with scores of both scorers of a pair, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        Codes for missing values, such as -1 or "skip"; ``{"judge": -1}`` for one column. An empty
        list declares that there are none.
    value_map : mapping of str to float or None, optional
        Values of words: 1 for the first response, -1 for the second, 0 for a tie, None for a
        missing verdict: ``{"A": 1, "B": -1, "same": 0, "skip": None}``.
    decimal : {".", ","} or mapping, optional
        Decimal mark, if it is ambiguous; ``{"elo": ","}`` for one column.
    header : sequence of str, optional
        Column names of a CSV or TSV file without a header.
    ordered : bool, default False
        The first response was shown first, and the order matters, so a pair and its reverse remain
        two rows.
    both_orders : {"each", "net"}, default "each"
        For pairs shown in both orders: keep both verdicts, or the net verdict (a tie if they
        conflict).
    refusals : {"missing", "tie", "wrong"}, default "missing"
        How to count a record without a verdict.
    preference_scale : str or mapping, optional
        Coding of the numbers. "margin": positive for the first response; "probability" or "percent"
        that the first is better; "one-two": 1 for the first, 2 for the second; "index": 0 for the
        first, 1 for the second. ``{"judge": "index"}`` for one judge or column. By default
        inferred; ambiguous numbers raise.
    judges : {"each", "pooled"}, default "each"
        For votes (model_a, model_b, winner): one scorer per judge, or one label `human` for all.

    Returns
    -------
    Pairs

    Raises
    ------
    MetaevalError
        If the file cannot be read, or is a file of scores of responses.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": [1, 1], "first": "a", "second": "b", "scorer": ["j", "k"],
    ...                       "preference": ["A", "tie"]})
    >>> read_preferences(frame).scores.to_numpy().tolist()
    [[1.0, 0.0]]
    """
    table: Pairs = _require_kind(
        Pairs,
        "a file of pairs",
        read(
            source,
            label_source=label_source,
            format=format,
            columns=columns,
            labels=labels,
            scorers=scorers,
            keys=keys,
            lower_is_better=lower_is_better,
            label_epsilon=label_epsilon,
            average_raters=average_raters,
            shared_items=shared_items,
            missing=missing,
            missing_codes=missing_codes,
            value_map=value_map,
            decimal=decimal,
            header=header,
            ordered=ordered,
            both_orders=both_orders,
            refusals=refusals,
            preference_scale=preference_scale,
            judges=judges,
        ),
    )
    return table


def read_mtme(
    *paths: str | Path,
    labels: Names | None = None,
    scorers: Names | None = None,
    label_source: Source | None = None,
    lower_is_better: Names | None = None,
    label_kind: Literal["rating", "correct"] | None = None,
    label_epsilon: float = 0.0,
    average_raters: bool = False,
    shared_items: bool | None = None,
    missing: Literal["common", "pairwise", "error", "count_as_wrong"] = "common",
    missing_codes: Codes | Mapping[str, Codes] | None = None,
    file_level: Literal["seg", "doc", "domain", "sys"] | None = None,
    language_pair: Names | None = None,
) -> Responses:
    """Read an mt-metrics-eval folder, and further `.score` files.

    Parameters
    ----------
    *paths : path
        A test-set folder, or single score files.
    labels : str or sequence of str, optional
        Human scores to use, such as ``"mqm"`` or ``"wmt*"``. By default all at this level.
    scorers : str or sequence of str, optional
        Metrics to read. By default all.
    label_source : path or frame, optional
        A further file, all of whose columns and scorers are labels, whatever their names.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_kind : {"rating", "correct"}, optional
        Kind of labels: ratings, or correctness (1 or 0). By default inferred from the values.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks share their items, as aspects of one response do. By default inferred from
        ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        How `evaluate` and `compare` treat missing scores: use rows with scores of all scorers, use
        rows with scores of both scorers of a pair, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        Codes for missing values, such as -1 or "skip"; ``{"judge": -1}`` for one column. An empty
        list declares that there are none.
    file_level : {"seg", "doc", "domain", "sys"}, optional
        Level of the files to read. By default "seg".
    language_pair : str or sequence of str, optional
        Language pairs to read, such as "en-de". By default all.

    Returns
    -------
    Responses

    Raises
    ------
    MetaevalError
        If a file does not have the layout of the format.
    """
    others = [p for p in paths if not (Path(p).is_dir() or Path(p).name.endswith(".score"))]
    table: Responses = _require_kind(
        Responses,
        "a folder of scores",
        read(
            *paths,
            format=None if others else "mtme",
            labels=labels,
            scorers=scorers,
            label_source=label_source,
            lower_is_better=lower_is_better,
            label_kind=label_kind,
            label_epsilon=label_epsilon,
            average_raters=average_raters,
            shared_items=shared_items,
            missing=missing,
            missing_codes=missing_codes,
            file_level=file_level,
            language_pair=language_pair,
        ),
    )
    return table


def read_best_of_n(
    *paths: Source,
    format: Literal["rewardbench", "rewardbench2", "tidy"] | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Names | None = None,
    scorers: Names | None = None,
    keys: Names | None = None,
    label_source: Source | None = None,
    lower_is_better: Names | None = None,
    label_kind: Literal["rating", "correct"] = "correct",
    label_epsilon: float = 0.0,
    average_raters: bool = False,
    shared_items: bool | None = None,
    missing: Literal["common", "pairwise", "error", "count_as_wrong"] = "common",
    missing_codes: Codes | Mapping[str, Codes] | None = None,
    value_map: Mapping[str, float | None] | None = None,
    decimal: DecimalMark | Mapping[str, DecimalMark] | None = None,
    header: Names | None = None,
    repeats: Literal["error", "mean"] = "error",
    item_from: Literal["id", "order", "text-hash"] = "id",
) -> Responses:
    """Read reward files: RewardBench 1 and 2 results, or tidy scores of right and wrong answers.

    Parameters
    ----------
    *paths : path or frame
        One file per reward model, or tidy tables.
    format : {"rewardbench", "rewardbench2", "tidy"}, optional
        Format of all files. By default recognized file by file.
    columns : mapping of str to str, optional
        Columns whose names differ from their roles: ``{"item": "qid"}``. Roles are item, task,
        cluster, system, response; scorer and score, or rater and label, of long tables.
        ``{"item": "doc+seg"}`` combines the ids of two columns.
    labels : str or sequence of str, optional
        Columns, scorers or raters that are labels, or patterns such as ``"human*"``. By default
        those with a usual label name, such as human, gold or mqm.
    scorers : str or sequence of str, optional
        Columns or names to use as scorers. By default all that are not labels.
    keys : str or sequence of str, optional
        Further columns that identify a row, such as ``"dimension"``.
    label_source : path or frame, optional
        A further file, all of whose columns and scorers are labels, whatever their names.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_kind : {"correct", "rating"}, default "correct"
        Kind of labels: correctness (1 or 0), or ratings.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks share their items, as aspects of one response do. By default inferred from
        ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        How `evaluate` and `compare` treat missing scores: use rows with scores of all scorers, use
        rows with scores of both scorers of a pair, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        Codes for missing values, such as -1 or "skip"; ``{"judge": -1}`` for one column. An empty
        list declares that there are none.
    value_map : mapping of str to float or None, optional
        Values of words: ``{"good": 3, "poor": 1, "skip": None}``; None is missing.
    decimal : {".", ","} or mapping, optional
        Decimal mark, if it is ambiguous; ``{"elo": ","}`` for one column.
    header : sequence of str, optional
        Column names of a CSV or TSV file without a header.
    repeats : {"error", "mean"}, default "error"
        Whether to raise for several scores or labels of one response, or to average them.
    item_from : {"id", "order", "text-hash"}, default "id"
        For RewardBench files with repeated ids: raise, or distinguish prompts by their position
        in the file, or by a hash of the prompt.

    Returns
    -------
    Responses
        Its labels are correctness, so two wrong answers do not form a pair.

    Raises
    ------
    MetaevalError
        If a file cannot be read, or its labels are not 0 and 1.
    """
    table: Responses = _require_kind(
        Responses,
        "a file of candidates",
        read(
            *paths,
            format=format,
            columns=columns,
            labels=labels,
            scorers=scorers,
            keys=keys,
            label_source=label_source,
            lower_is_better=lower_is_better,
            label_kind=label_kind,
            label_epsilon=label_epsilon,
            average_raters=average_raters,
            shared_items=shared_items,
            missing=missing,
            missing_codes=missing_codes,
            value_map=value_map,
            decimal=decimal,
            header=header,
            repeats=repeats,
            item_from=item_from,
        ),
    )
    if not table.labels.shape[1]:
        raise MetaevalError(
            "Candidates need correctness labels (1 or 0). Name their column with "
            "labels=<column>, or add the file that contains them."
        )
    return table
