"""Readers of one kind of file each: scores, preferences, folders of scores, candidates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from metaeval.core import MetaevalError
from metaeval.readers.argument_types import Codes, DecimalMark, Names, PreferenceScale, Source
from metaeval.readers.dispatch import read
from metaeval.tables import Pairs, Responses


def _require_kind(kind: type, what: str, table: Responses | Pairs) -> Any:
    if not isinstance(table, kind):
        found = "pairs" if isinstance(table, Pairs) else "scores of responses"
        raise MetaevalError(f"{what} was expected, and the file holds {found}; use read().")
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
        Labels in a file of their own, long or wide, matched by ids; all that it holds is labels.
    format : {"mtme", "rewardbench", "rewardbench2", "tidy"}, optional
        The format of all files, where they are not recognized.
    columns : mapping of str to str, optional
        Which column has a role, where its name does not say so: ``{"item": "qid"}``. Roles are
        item, task, cluster, system, response; scorer and score, or rater and label, of long
        tables. ``{"item": "doc+seg"}`` takes the ids of both columns.
    labels : str or sequence of str, optional
        Columns, scorers or raters that are labels; patterns such as ``"human*"`` too. By default
        those that are called as labels are, such as human, gold or mqm.
    scorers : str or sequence of str, optional
        The only columns or names that are scorers. By default all that are not labels.
    keys : str or sequence of str, optional
        Further columns that identify a row, such as ``"dimension"``.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_kind : {"rating", "correct"}, optional
        What labels are: graded, or right (1) and wrong (0). By default what the values say.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks have the same items, such as aspects of one response. By default inferred
        from ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        What `evaluate` and `compare` do about missing scores: use rows that all scorers have,
        use rows that both scorers of a pair have, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        What stands for a missing value, such as -1 or "skip"; ``{"judge": -1}`` for one column.
        An empty list declares that no value does.
    value_map : mapping of str to float or None, optional
        What words mean: ``{"good": 3, "poor": 1, "skip": None}``; None is missing.
    decimal : {".", ","} or mapping, optional
        The decimal mark, where cells do not prove it; ``{"elo": ","}`` for one column.
    header : sequence of str, optional
        Names of the columns of a CSV or TSV file whose first line is a row of values.
    repeats : {"error", "mean"}, default "error"
        Whether several scores or labels for one response raise, or are averaged.

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
    >>> frame = pd.DataFrame({"seg": [1, 2], "system": "a", "chrf": [5, 6], "mqm": [0, -1]})
    >>> read_scores(frame, columns={"item": "seg"}, labels="mqm").scorers
    ['chrf']
    """
    table: Responses = _require_kind(
        Responses,
        "A file of scores",
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
    """Read verdicts on pairs, long, or margins of pairs, wide.

    Parameters
    ----------
    source : path or frame
        Columns item, first, second, scorer or rater, preference; or a column per scorer; or votes
        with model_a, model_b, winner. File types are as in `read_scores`.
    label_source : path or frame, optional
        Labels in a file of their own, long or wide, matched by ids; all that it holds is labels.
    format : {"votes", "tidy"}, optional
        The format of all files, where they are not recognized.
    columns : mapping of str to str, optional
        Which column has a role, where its name does not say so: ``{"item": "qid"}``. Roles are
        item, task, cluster, first, second, preference, order, scorer, rater.
        ``{"item": "doc+seg"}`` takes the ids of both columns.
    labels : str or sequence of str, optional
        Columns, scorers or raters that are labels; patterns such as ``"human*"`` too. By default
        those that are called as labels are, such as human, gold or mqm.
    scorers : str or sequence of str, optional
        The only columns or names that are scorers. By default all that are not labels.
    keys : str or sequence of str, optional
        Further columns that identify a row, such as ``"dimension"``.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks have the same items, such as aspects of one response. By default inferred
        from ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        What `evaluate` and `compare` do about missing scores: use rows that all scorers have,
        use rows that both scorers of a pair have, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        What stands for a missing value, such as -1 or "skip"; ``{"judge": -1}`` for one column.
        An empty list declares that no value does.
    value_map : mapping of str to float or None, optional
        What words mean: 1 for the first response, -1 for the second, 0 for a tie, None for a
        missing verdict: ``{"A": 1, "B": -1, "same": 0, "skip": None}``.
    decimal : {".", ","} or mapping, optional
        The decimal mark, where cells do not prove it; ``{"elo": ","}`` for one column.
    header : sequence of str, optional
        Names of the columns of a CSV or TSV file whose first line is a row of values.
    ordered : bool, default False
        The first response was shown first, and that matters, so that a pair and its
        reverse stay two rows.
    both_orders : {"each", "net"}, default "each"
        Of pairs that were shown in both orders, keep the verdict on each, or the net verdict (a
        tie where they conflict).
    refusals : {"missing", "tie", "wrong"}, default "missing"
        What a record without a verdict counts as.
    preference_scale : str or mapping, optional
        What numbers mean. "margin": above 0 for the first response; "probability" or
        "percent" that the first is better; "one-two": 1 for the first, 2 for the second;
        "index": 0 for the first, 1 for the second. ``{"judge": "index"}`` for one judge or
        column. By default inferred; numbers that could mean several of these raise.
    judges : {"each", "pooled"}, default "each"
        Of votes (model_a, model_b, winner): a scorer for each judge, or one label `human` of all.

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
    table: Pairs = _require_kind(
        Pairs,
        "A file of pairs",
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
    """Read an mt-metrics-eval folder, with further `.score` files beside it.

    Parameters
    ----------
    *paths : path
        A test-set folder, or single score files.
    labels : str or sequence of str, optional
        The human scores to use, such as ``"mqm"`` or ``"wmt*"``. By default all of the level.
    scorers : str or sequence of str, optional
        The only metrics to read. By default all.
    label_source : path or frame, optional
        One more file, all of whose columns and scorers are labels, whatever they are called.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_kind : {"rating", "correct"}, optional
        What labels are: graded, or right (1) and wrong (0). By default what the values say.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks have the same items, such as aspects of one response. By default inferred
        from ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        What `evaluate` and `compare` do about missing scores: use rows that all scorers have,
        use rows that both scorers of a pair have, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        What stands for a missing value, such as -1 or "skip"; ``{"judge": -1}`` for one column.
        An empty list declares that no value does.
    file_level : {"seg", "doc", "domain", "sys"}, optional
        The level of the files to read, "seg" by default.
    language_pair : str or sequence of str, optional
        The language pairs to read, such as "en-de"; by default all.

    Returns
    -------
    Responses

    Raises
    ------
    MetaevalError
        If a file does not have the shape of the format.
    """
    others = [p for p in paths if not (Path(p).is_dir() or Path(p).name.endswith(".score"))]
    table: Responses = _require_kind(
        Responses,
        "A folder of scores",
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
        The format of all files, where they are not recognized.
    columns : mapping of str to str, optional
        Which column has a role, where its name does not say so: ``{"item": "qid"}``. Roles are
        item, task, cluster, system, response; scorer and score, or rater and label, of long
        tables. ``{"item": "doc+seg"}`` takes the ids of both columns.
    labels : str or sequence of str, optional
        Columns, scorers or raters that are labels; patterns such as ``"human*"`` too. By default
        those that are called as labels are, such as human, gold or mqm.
    scorers : str or sequence of str, optional
        The only columns or names that are scorers. By default all that are not labels.
    keys : str or sequence of str, optional
        Further columns that identify a row, such as ``"dimension"``.
    label_source : path or frame, optional
        One more file, all of whose columns and scorers are labels, whatever they are called.
    lower_is_better : str or sequence of str, optional
        Scorers and labels whose sign is reversed, such as ``"TER"``.
    label_kind : {"correct", "rating"}, default "correct"
        What labels are: right (1) and wrong (0), or graded.
    label_epsilon : float, default 0.0
        Labels that differ by no more than this are tied.
    average_raters : bool, default False
        The label columns are raters on one scale, whose mean is the label.
    shared_items : bool, optional
        Whether tasks have the same items, such as aspects of one response. By default inferred
        from ids and values.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, default "common"
        What `evaluate` and `compare` do about missing scores: use rows that all scorers have,
        use rows that both scorers of a pair have, raise, or count the decisions as wrong.
    missing_codes : str, float, sequence of them, or mapping, optional
        What stands for a missing value, such as -1 or "skip"; ``{"judge": -1}`` for one column.
        An empty list declares that no value does.
    value_map : mapping of str to float or None, optional
        What words mean: ``{"good": 3, "poor": 1, "skip": None}``; None is missing.
    decimal : {".", ","} or mapping, optional
        The decimal mark, where cells do not prove it; ``{"elo": ","}`` for one column.
    header : sequence of str, optional
        Names of the columns of a CSV or TSV file whose first line is a row of values.
    repeats : {"error", "mean"}, default "error"
        Whether several scores or labels for one response raise, or are averaged.
    item_from : {"id", "order", "text-hash"}, default "id"
        Of RewardBench files whose ids repeat: tell prompts apart by nothing else (repeated ids
        raise), by their place in the file, or by a hash of the prompt.

    Returns
    -------
    Responses
        With correctness labels, so that two wrong answers form no pair.

    Raises
    ------
    MetaevalError
        If a file cannot be read, or its labels are not 0 and 1.
    """
    table: Responses = _require_kind(
        Responses,
        "A file of candidates",
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
            "Candidates need a label that says which are right (1) and which wrong (0); name it: "
            "labels=<your column>, or give the file that has it too."
        )
    return table
