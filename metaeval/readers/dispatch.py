"""Read one or several files of any format."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pandas as pd

from metaeval.core import MetaevalError, check_one_of, did_you_mean, join_names
from metaeval.readers.argument_types import Codes, DecimalMark, Names, PreferenceScale, Source
from metaeval.readers.cells.missing_words import MissingCodes, is_one_of, parse_codes
from metaeval.readers.columns.aliases import column_hint
from metaeval.readers.columns.roles import check_mapping, names_of, require_mapped
from metaeval.readers.files.data_frames import source_name
from metaeval.readers.files.raw_frame import head_of
from metaeval.readers.formats import mtme, rewardbench, rewardbench2, tidy, votes
from metaeval.readers.matching.file_part import Part
from metaeval.readers.matching.hints import no_values_error
from metaeval.readers.matching.merge import merge
from metaeval.readers.matching.refusals import copy_labels_to_swapped_pairs, score_refusals_as_wrong
from metaeval.readers.matching.suspicious_values import with_warnings
from metaeval.readers.to_table import build_table
from metaeval.tables import MISSING, Pairs, Responses

FORMATS: tuple[ModuleType, ...] = (mtme, rewardbench, rewardbench2, votes, tidy)

_TABLE_OPTIONS = (
    *(
        "lower_is_better",
        "label_kind",
        "label_epsilon",
        "average_raters",
        "shared_items",
        "missing",
    ),
    *("scorers", "labels", "keys", "missing_codes"),
)


def read(
    *sources: Source,
    format: Literal["mtme", "rewardbench", "rewardbench2", "votes", "tidy"] | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Names | None = None,
    scorers: Names | None = None,
    keys: Names | None = None,
    label_source: Source | None = None,
    lower_is_better: Names | None = None,
    label_kind: Literal["rating", "correct", "preference"] | None = None,
    label_epsilon: float = 0.0,
    average_raters: bool = False,
    shared_items: bool | None = None,
    missing: Literal["common", "pairwise", "error", "count_as_wrong"] = "common",
    missing_codes: Codes | Mapping[str, Codes] | None = None,
    value_map: Mapping[str, float | None] | None = None,
    decimal: DecimalMark | Mapping[str, DecimalMark] | None = None,
    header: Names | None = None,
    repeats: Literal["error", "mean"] = "error",
    ordered: bool = False,
    both_orders: Literal["each", "net"] = "each",
    refusals: Literal["missing", "tie", "wrong"] = "missing",
    preference_scale: PreferenceScale | Mapping[str, PreferenceScale] | None = None,
    judges: Literal["each", "pooled"] = "each",
    item_from: Literal["id", "order", "text-hash"] = "id",
    file_level: Literal["seg", "doc", "domain", "sys"] | None = None,
    language_pair: Names | None = None,
) -> Responses | Pairs:
    """Read one or several files of any format into one table.

    Parameters
    ----------
    *sources : path or frame
        Score files, label files, folders; the format of each is recognized by its content. CSV,
        TSV, JSON and JSON Lines (gzipped or not), Parquet; frames of pandas, pyarrow, polars, or
        anything else that has ``to_pandas()``.
    format : {"mtme", "rewardbench", "rewardbench2", "votes", "tidy"}, optional
        Format of all files. By default recognized file by file.
    columns : mapping of str to str, optional
        Columns whose names differ from their roles: ``{"item": "qid"}``. Roles are item, task,
        cluster, system, response; scorer and score, or rater and label, of long tables; first,
        second, preference and order of pairs. ``{"item": "doc+seg"}`` combines the ids of two
        columns. Roles whose column is not in a file are ignored for that file.
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
    label_kind : {"rating", "correct", "preference"}, optional
        Kind of labels: ratings; correctness (1 or 0); preferences, for pairs only. By default
        inferred from the format and the values.
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
        Values of words: ``{"good": 3, "poor": 1}``; for pairs 1 for the first response, -1 for the
        second, 0 for a tie. None is missing.
    decimal : {".", ","} or mapping, optional
        Decimal mark, if it is ambiguous; ``{"elo": ","}`` for one column.
    header : sequence of str, optional
        Column names of a CSV or TSV file without a header.
    repeats : {"error", "mean"}, default "error"
        Whether to raise for several scores or labels of one response, or to average them.
    ordered : bool, default False
        For pairs: the first response was shown first, and the order matters, so a pair and its
        reverse remain two rows.
    both_orders : {"each", "net"}, default "each"
        For pairs shown in both orders: keep both verdicts, or the net verdict (a tie if they
        conflict).
    refusals : {"missing", "tie", "wrong"}, default "missing"
        For pairs: how to count a record without a verdict.
    preference_scale : str or mapping, optional
        For pairs: the meaning of numbers. "margin": positive for the first response;
        "probability" or "percent" that the first is better; "one-two": 1 for the first, 2 for the
        second; "index": 0 for the first, 1 for the second. ``{"judge": "index"}`` for one judge or
        column. By default inferred; ambiguous numbers raise.
    judges : {"each", "pooled"}, default "each"
        For votes (model_a, model_b, winner): one scorer per judge, or one label `human` for all.
    item_from : {"id", "order", "text-hash"}, default "id"
        For RewardBench files with repeated ids: raise, or distinguish prompts by their position
        in the file, or by a hash of the prompt.
    file_level : {"seg", "doc", "domain", "sys"}, optional
        For mt-metrics-eval folders: the level of the files to read. By default "seg".
    language_pair : str or sequence of str, optional
        For mt-metrics-eval folders: the language pairs to read, such as "en-de". By default all.

    Returns
    -------
    Responses or Pairs

    Raises
    ------
    MetaevalError
        If a file cannot be read, the files do not match, or an option does not apply to any of
        their formats; the message says how to fix it.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"qid": [1, 2], "system": "a", "chrf": [0.5, 0.25]})
    >>> labels = pd.DataFrame({"qid": [2, 1], "system": "a", "human": [1, 0]})
    >>> read(scores, labels, columns={"item": "qid"}).labels["human"].tolist()
    [0.0, 1.0]
    """
    options = _non_default(
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
        ordered=ordered,
        both_orders=both_orders,
        refusals=refusals,
        preference_scale=preference_scale,
        judges=judges,
        item_from=item_from,
        file_level=file_level,
        language_pair=language_pair,
    )
    return _read(sources, format, label_source, {} if columns is None else columns, options)


@functools.cache
def _parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def _non_default(**options: Any) -> dict[str, Any]:
    """Return the options that differ from the defaults of `read`."""
    of_read = _parameters_of(read)
    defaults = {name: of_read[name].default for name in options}
    return {
        name: value
        for name, value in options.items()
        if value is not None
        and not (isinstance(value, type(defaults[name])) and value == defaults[name])
    }


def _read(
    sources: Sequence[Source],
    format: str | None,
    label_source: Source | None,
    mapping: Mapping[str, str],
    options: Mapping[str, Any],
) -> Responses | Pairs:
    label_sources = [] if label_source is None else [label_source]
    if not sources:
        raise MetaevalError("read() needs at least one file or frame, got none.")
    check_mapping(mapping)
    recognized = [(source, _format_of(source, format)) for source in (*sources, *label_sources)]
    _check_options(recognized, options, mapping)
    main_sources, label_only = recognized[: len(sources)], recognized[len(sources) :]
    parts_by_source = [_parts(source, module, options, mapping) for source, module in main_sources]
    label_options = {k: v for k, v in options.items() if k not in ("scorers", "refusals")}
    for source, module in label_only:
        parts_by_source.append(
            [_as_labels(part) for part in _parts(source, module, label_options, mapping)]
        )
    codes = parse_codes(options.get("missing_codes"))
    parts_by_source = [[_mask_codes(part, codes) for part in parts] for parts in parts_by_source]
    all_parts = _number_sources(parts_by_source)
    require_mapped(mapping, {column for part in all_parts for column in part.columns})
    keys = names_of(options.get("keys"))
    selected = None if "scorers" not in options else names_of(options["scorers"])
    merged = merge(all_parts, keys, selected)
    if not merged.scores.shape[1] and not merged.labels.shape[1]:
        raise no_values_error(merged.rows, merged.source)
    if merged.pairs and options.get("ordered"):
        merged = copy_labels_to_swapped_pairs(merged, keys)
    return build_table(
        score_refusals_as_wrong(with_warnings(merged, declared=codes.declared)), options
    )


def recognize(source: Source) -> tuple[str, str]:
    """Recognize the format of a source.

    Parameters
    ----------
    source : path or frame
        As in `read`.

    Returns
    -------
    tuple of str
        The name of the format, and the confidence (0 to 1) in words, with other candidates.

    Raises
    ------
    MetaevalError
        If the format is not recognized.
    """
    head = head_of(source)
    path = Path(source) if isinstance(source, str | Path) else Path("frame")
    # Only the order of confidences matters: field names of published formats give 0.9 and more,
    # tables with a column of items less.
    confidences = [(module.sniff(path, head), module.NAME) for module in FORMATS]
    best, name = max(confidences, key=lambda pair: pair[0])
    if best <= 0:
        raise MetaevalError(
            f"The format of {source_name(source)} is not recognized (known formats: "
            f"{join_names(m.NAME for m in FORMATS)}). A tidy table needs a column 'item' and one "
            "column per scorer. Declare the format with format= (--format), or the item column: "
            f"{column_hint(item='<column>')}."
        )
    others = [f"{n} {s:.2g}" for s, n in sorted(confidences, reverse=True) if s > 0 and n != name]
    rivals = f"; others: {', '.join(others)}" if others else ""
    return name, f"confidence {best:.2g}{rivals}"


def _format_of(source: Any, declared: str | None) -> ModuleType:
    names = {module.NAME: module for module in FORMATS}
    if declared is not None:
        check_one_of("format", declared, tuple(names))
        return names[declared]
    if not isinstance(source, str | Path):
        return tidy
    path = Path(source)
    if path.is_dir() and not mtme.sniff(path, ""):
        raise MetaevalError(
            "Expected a file, or an mt-metrics-eval folder with human-scores/ and "
            f"metric-scores/; the folder {str(source)!r} does not contain these."
        )
    return names[recognize(source)[0]]


def _check_options(
    recognized: Sequence[tuple[Any, ModuleType]],
    options: Mapping[str, Any],
    mapping: Mapping[str, str],
) -> None:
    """Raise for options that apply to no format of the sources, and for contradictions."""
    modules = {module.NAME: module for _, module in recognized}
    applicable = sorted({o for m in modules.values() for o in m.OPTIONS} | set(_TABLE_OPTIONS))
    for name in options:
        if name not in applicable:
            raise MetaevalError(
                f"The option {name!r} does not apply to files of format {join_names(modules)}; "
                f"expected one of {join_names(applicable, 30)}.{did_you_mean(name, applicable)}"
            )
    overlap = set(names_of(options.get("labels"))) & set(names_of(options.get("scorers")))
    if overlap:
        raise MetaevalError(
            f"{join_names(sorted(overlap))} is in both labels= and scorers=; remove it from one."
        )
    check_one_of("missing", options.get("missing", "common"), MISSING)
    if mapping and tidy not in [module for _, module in recognized]:
        raise MetaevalError(
            f"Files of format {join_names(modules)} have fixed columns; omit columns= for "
            f"{join_names(mapping)} (--map), or use format='tidy' (--format tidy)."
        )


def _parts(
    source: Any, module: ModuleType, options: Mapping[str, Any], mapping: Mapping[str, str]
) -> list[Part]:
    """Read the parts of one source with the options that apply to its format."""
    applicable = {k: v for k, v in options.items() if k in module.OPTIONS}
    if "mapping" in module.OPTIONS and mapping:
        applicable["mapping"] = mapping
    applicable = {k: v for k, v in applicable.items() if k in _parameters_of(module.parts)}
    return list(module.parts(source if module is tidy else Path(source), **applicable))


def _mask_codes(part: Part, codes: MissingCodes) -> Part:
    """Return a part of scores with the declared codes for missing values as NaN."""
    if not codes.declared or part.pairs:
        return part
    scores, labels = (
        frame.mask(pd.DataFrame({c: is_one_of(frame[c], codes.codes(str(c))) for c in frame}))
        if frame.shape[1]
        else frame
        for frame in (part.scores, part.labels)
    )
    return replace(part, scores=scores, labels=labels)


def _as_labels(part: Part) -> Part:
    """Return a part with its scores as labels."""
    labels = pd.concat([part.labels, part.scores], axis=1)
    return replace(part, scores=part.scores.iloc[:, :0], labels=labels)


def _number_sources(by_source: list[list[Part]]) -> list[Part]:
    """Return the parts of all sources; sources with the same name are numbered."""
    names = [parts[0].source for parts in by_source]
    numbered = []
    for index, parts in enumerate(by_source):
        name = parts[0].source
        if names.count(name) > 1:
            parts = [replace(part, source=f"{name} ({index + 1})") for part in parts]
        numbered += parts
    return numbered
