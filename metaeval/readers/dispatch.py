"""Read files of any format, alone or side by side."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError, check_one_of, listed, near_miss
from metaeval.readers.cells.missing_words import MissingCodes, codes_of, is_one_of
from metaeval.readers.columns.aliases import ROLES
from metaeval.readers.columns.roles import check_mapping, names_of, require_mapped
from metaeval.readers.files.data_frames import source_name
from metaeval.readers.files.raw_frame import head_of
from metaeval.readers.formats import mtme, rewardbench, rewardbench2, tidy, votes
from metaeval.readers.matching.file_part import Part
from metaeval.readers.matching.hints import no_values
from metaeval.readers.matching.merge import merge
from metaeval.readers.matching.refusals import mirrored, settled
from metaeval.readers.matching.suspicious_values import with_warnings
from metaeval.readers.to_table import table_of
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
    *sources: Any, format: str | None = None, label_source: Any = None, **options: Any
) -> Responses | Pairs:
    """Read files of any format, alone or side by side, into one table.

    Parameters
    ----------
    *sources : path or frame
        Score files, label files, folders; each is recognised by its content.
    format : {"mtme", "rewardbench", "rewardbench2", "votes", "tidy"}, optional
        The format of all files, where they are not recognised.
    label_source : path or frame, optional
        A further file, whose columns and scorers are all labels, whatever they are called.
    **options
        labels, scorers : names of columns or of raters; keys : further columns that identify a
        row; mapping : role = column (or item=, system=, task=, cluster= ... by themselves);
        lower_is_better : scorers and labels to turn round; label_kind : "rating", "correct" or
        "preference"; label_epsilon : labels this close are tied; average_raters : raters may be
        averaged; shared_items : whether tasks share their items (inferred from ids where it is not
        said); missing : policy of the verbs;
        missing_codes : what stands for a missing value, such as -1; value_map : words -> numbers;
        decimal : "." or ",", or that of single columns, {"elo": ","}; header : names of columns of
        a file without a header; repeats : "mean" averages several values for one row; for pairs
        preference_scale ("margin", "probability", "one-two", "index"), ordered, orders, refusals;
        and what each format knows
        besides.

    Returns
    -------
    Responses or Pairs

    Raises
    ------
    MetaevalError
        If a file cannot be read, or files do not fit together; the message names the cure.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"item": [1, 2], "system": "a", "chrf": [0.5, 0.25]})
    >>> labels = pd.DataFrame({"item": [2, 1], "system": "a", "human": [1, 0]})
    >>> read(scores, labels).labels["human"].tolist()
    [0.0, 1.0]
    """
    lone = [] if label_source is None else [label_source]
    if not sources:
        raise MetaevalError("There is nothing to read; give at least one file or frame.")
    options = {name: value for name, value in options.items() if value is not None}
    mapping = options.pop("mapping", {})
    check_mapping(mapping)
    mapping = mapping | {role: options.pop(role) for role in ROLES if role in options}
    check_mapping(mapping)
    chosen = [(source, _format_of(source, format)) for source in (*sources, *lone)]
    _check_options(chosen, options, mapping)
    own, others = chosen[: len(sources)], chosen[len(sources) :]
    read_in = [_parts(source, module, options, mapping) for source, module in own]
    theirs = {k: v for k, v in options.items() if k not in ("scorers", "refusals")}
    for source, module in others:
        read_in.append([_as_labels(part) for part in _parts(source, module, theirs, mapping)])
    codes = codes_of(options.get("missing_codes"))
    read_in = [[_blanked(part, codes) for part in parts] for parts in read_in]
    found = _distinct(read_in)
    require_mapped(mapping, {column for part in found for column in part.columns})
    keys = names_of(options.get("keys"))
    only = None if "scorers" not in options else names_of(options["scorers"])
    whole = merge(found, keys, only)
    if not whole.scores.shape[1] and not whole.labels.shape[1]:
        raise no_values(whole.rows, whole.source)
    if whole.pairs and options.get("ordered"):
        whole = mirrored(whole, keys)
    return table_of(settled(with_warnings(whole, asked=codes.declared)), options)


def recognise(source: Any) -> tuple[str, str]:
    """Name the format of a source, and say why.

    Raises
    ------
    MetaevalError
        If no format recognises it.
    """
    head = head_of(source)
    path = Path(source) if isinstance(source, str | Path) else Path("frame")
    sure = [(module.sniff(path, head), module.NAME) for module in FORMATS]
    best, name = max(sure, key=lambda pair: pair[0])
    if best <= 0:
        raise MetaevalError(
            f"{source_name(source)} is of no known format ({listed(m.NAME for m in FORMATS)}); a "
            "tidy table needs a column 'item' and a column per scorer. Say format= (--format), or "
            "map its columns (--map item=<column>)."
        )
    others = [f"{n} {s:.2g}" for s, n in sorted(sure, reverse=True) if s > 0 and n != name]
    rivals = f"; others: {', '.join(others)}" if others else ""
    return name, f"sure to {best:.2g}{rivals}"


def _format_of(source: Any, wanted: str | None) -> ModuleType:
    names = {module.NAME: module for module in FORMATS}
    if wanted is not None:
        check_one_of("format", wanted, tuple(names))
        return names[wanted]
    if not isinstance(source, str | Path):
        return tidy
    path = Path(source)
    if path.is_dir() and not mtme.sniff(path, ""):
        raise MetaevalError(
            f"{str(source)!r} is a folder; expected a file, or an mt-metrics-eval folder with "
            "human-scores and metric-scores in it."
        )
    return names[recognise(source)[0]]


def _check_options(
    chosen: Sequence[tuple[Any, ModuleType]], options: Mapping[str, Any], mapping: Mapping[str, str]
) -> None:
    """Refuse options that no format of the sources knows, and those that contradict."""
    modules = {module.NAME: module for _, module in chosen}
    known = sorted({o for m in modules.values() for o in m.OPTIONS} | set(_TABLE_OPTIONS))
    for name in options:
        if name not in known:
            raise MetaevalError(
                f"Files of format {listed(modules)} have no option {name!r}; they have "
                f"{listed(known, 30)}.{near_miss(name, [*known, *ROLES])}"
            )
    both = set(names_of(options.get("labels"))) & set(names_of(options.get("scorers")))
    if both:
        raise MetaevalError(
            f"{listed(sorted(both))} is named as a label and as a scorer; choose one."
        )
    check_one_of("missing", options.get("missing", "common"), MISSING)
    if mapping and tidy not in [module for _, module in chosen]:
        raise MetaevalError(
            f"Files of format {listed(modules)} have columns of their own; leave out the mapping "
            f"of {listed(mapping)}, or say format='tidy'."
        )


def _parts(
    source: Any, module: ModuleType, options: Mapping[str, Any], mapping: Mapping[str, str]
) -> list[Part]:
    """Parts of one source, read with the options that its format knows."""
    given = {k: v for k, v in options.items() if k in module.OPTIONS}
    if "mapping" in module.OPTIONS and mapping:
        given["mapping"] = mapping
    wanted = inspect.signature(module.parts).parameters
    given = {k: v for k, v in given.items() if k in wanted}
    return list(module.parts(source if module is tidy else Path(source), **given))


def _blanked(part: Part, codes: MissingCodes) -> Part:
    """A part of scores without the numbers that were declared to mean missing."""
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
    """All that a part holds, as labels."""
    labels = pd.concat([part.labels, part.scores], axis=1)
    return replace(part, scores=part.scores.iloc[:, :0], labels=labels)


def _distinct(by_source: list[list[Part]]) -> list[Part]:
    """Parts of all sources; sources that have the same name are numbered."""
    names = [parts[0].source for parts in by_source]
    found = []
    for place, parts in enumerate(by_source):
        name = parts[0].source
        if names.count(name) > 1:
            parts = [replace(part, source=f"{name} ({place + 1})") for part in parts]
        found += parts
    return found
