"""Readers: from files and frames to tables."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from metaeval.checks import check_one_of, listed, near_miss, require_known
from metaeval.errors import MetaevalError
from metaeval.readers import mtme, rewardbench, rewardbench2, tidy, votes
from metaeval.readers.columns import ROLES, check_mapping, names_of, require_mapped
from metaeval.readers.files import head_of, load_frame, source_name
from metaeval.readers.merge import merge, settled
from metaeval.readers.parts import Part
from metaeval.tables import MISSING, Pairs, Responses

FORMATS: tuple[ModuleType, ...] = (mtme, rewardbench, rewardbench2, votes, tidy)

_TABLE_OPTIONS = (
    *("lower_is_better", "label_kind", "label_epsilon", "exchangeable", "shared_items", "missing"),
    *("scorers", "labels", "keys", "mapping", *ROLES),
)


def read(*sources: Any, format: str | None = None, **options: Any) -> Responses | Pairs:
    """Read files of any format, alone or side by side, into one table.

    Parameters
    ----------
    *sources : path or frame
        Score files, label files, folders; each is recognised by its content.
    format : {"mtme", "rewardbench", "rewardbench2", "votes", "tidy"}, optional
        The format of all files, where they are not recognised.
    **options
        labels, scorers : names of columns or of raters; keys : further columns that identify a
        row; mapping : role = column (or item=, system=, task=, cluster= ... by themselves);
        lower_is_better : scorers and labels to turn round; label_kind : "rating", "correct" or
        "preference"; label_epsilon : labels this close are tied; exchangeable : raters may be
        averaged; shared_items : tasks share their items; missing : policy of the verbs;
        for pairs ordered, orders, refusals, vocabulary; and what each format knows besides.

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
    if not sources:
        raise MetaevalError("There is nothing to read; give at least one file or frame.")
    options = {name: value for name, value in options.items() if value is not None}
    mapping = dict(options.pop("mapping", {}))
    mapping |= {role: options.pop(role) for role in ROLES if role in options}
    check_mapping(mapping)
    chosen = [(source, _format_of(source, format)) for source in sources]
    _check_options(chosen, options, mapping)
    found = [p for source, module in chosen for p in _parts(source, module, options, mapping)]
    whole = settled(merge(_renamed(found, mapping), names_of(options.get("keys"))))
    return _table(whole, options)


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
    known = sorted({o for m in modules.values() for o in m.OPTIONS} | set(_TABLE_OPTIONS[:9]))
    for name in options:
        if name not in known:
            raise MetaevalError(
                f"Files of format {listed(modules)} have no option {name!r}; they have "
                f"{listed(known, 30)}.{near_miss(name, known)}"
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


def _renamed(parts: list[Part], mapping: Mapping[str, str]) -> list[Part]:
    """Parts as they are; raises if a mapped column was in none of them."""
    used = {role for part in parts for role in part.rows}
    lost = {
        r: c
        for r, c in mapping.items()
        if r in ("item", "system", "response", "task", "cluster") and r not in used
    }
    if lost:
        require_mapped(
            lost, {c for part in parts for c in (*part.rows, *part.scores, *part.labels)}
        )
    return parts


def _table(whole: Part, options: Mapping[str, Any]) -> Responses | Pairs:
    """Build the table: labels and scorers as asked, orientation, policies."""
    scores, labels = _divided(whole, names_of(options.get("labels")))
    scores = _only(scores, options.get("scorers"))
    flipped = _flip(scores, labels, names_of(options.get("lower_is_better")))
    fields = {
        "keys": tuple(names_of(options.get("keys"))),
        "label_kind": options.get("label_kind", None if whole.pairs else whole.label_kind),
        "label_epsilon": float(options.get("label_epsilon", 0.0)),
        "exchangeable": bool(options.get("exchangeable", False)),
        "missing": options.get("missing", "common"),
        "flipped": tuple(flipped),
        "notes": (*whole.notes, *([f"turned round: {listed(flipped)}"] if flipped else [])),
    }
    if whole.pairs:
        fields["ordered"] = bool(options.get("ordered", False))
        fields["label_kind"] = "preference"
    shared = bool(options.get("shared_items", False))
    kind = Pairs if whole.pairs else Responses
    for key in fields["keys"]:
        require_known("key column", key, list(whole.rows))
    table = kind(whole.rows, scores, labels, shared_items=shared, **fields)
    _refuse_holes(table)
    return table


def _divided(whole: Part, wanted: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and labels; names said to be labels are labels, wherever they were found."""
    scores, labels = whole.scores.copy(), whole.labels.copy()
    moved = [name for name in wanted if name in scores]
    labels = pd.concat([labels, scores[moved]], axis=1)
    plain = [n for n in wanted if not set(n) & set("*?[")]
    for name in plain:
        require_known("label", name, [*labels.columns, *scores.columns])
    return scores.drop(columns=moved), labels


def _only(scores: pd.DataFrame, scorers: Any) -> pd.DataFrame:
    names = names_of(scorers) if scorers is not None else list(scores)
    for name in names:
        require_known("scorer", name, list(scores))
    return scores[list(dict.fromkeys(names))]


def _flip(scores: pd.DataFrame, labels: pd.DataFrame, names: list[str]) -> list[str]:
    """Turn columns round in place; the names that were."""
    for name in names:
        require_known("scorer or label", name, [*scores, *labels])
        frame = scores if name in scores else labels
        frame[name] = 0.0 - frame[name]
    return sorted(names)


def _refuse_holes(table: Responses | Pairs) -> None:
    if table.missing != "error" or not table.scores.isna().any(axis=None):
        return
    where = table.scores.isna().to_numpy()
    some = [
        f"{table.scorers[m]} on item {table.rows['item'].iloc[r]}"
        for r, m in zip(*where.nonzero(), strict=True)
    ]
    raise MetaevalError(
        f"missing='error' and {int(where.sum())} scores are missing: {listed(some, 10)}. Fill them "
        "in, or use missing='common'."
    )


def _read_kind(kind: type, what: str, sources: tuple[Any, ...], **options: Any) -> Any:
    table = read(*sources, **options)
    if not isinstance(table, kind):
        found = "pairs" if isinstance(table, Pairs) else "scores of responses"
        raise MetaevalError(f"{what} was expected, and the file holds {found}; use read().")
    return table


def read_scores(source: Any, labels_from: Any = None, **options: Any) -> Responses:
    """Read tidy scores of responses, long or wide, and labels from the same or another file.

    Parameters
    ----------
    source : path or frame
        CSV, TSV, JSON, JSON Lines (gzipped or not), Parquet; a pandas, Arrow or Polars frame.
    labels_from : path or frame, optional
        Labels in a file of their own, joined by key.
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
    sources = (source,) if labels_from is None else (source, labels_from)
    table: Responses = _read_kind(Responses, "A file of scores", sources, **options)
    return table


def read_preferences(source: Any, labels_from: Any = None, **options: Any) -> Pairs:
    """Read verdicts on pairs, long, or margins of pairs, wide.

    Parameters
    ----------
    source : path or frame
        Columns item, first, second, scorer or rater, preference; or a column per scorer.
    labels_from : path or frame, optional
        Labels in a file of their own, joined by key.
    **options
        As in `read`; ordered=True if the first shown is `first` and that matters, orders="net"
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
    sources = (source,) if labels_from is None else (source, labels_from)
    table: Pairs = _read_kind(Pairs, "A file of pairs", sources, **options)
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


def read_candidates(*paths: Any, **options: Any) -> Responses:
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
    return table


__all__ = [
    "FORMATS",
    "load_frame",
    "read",
    "read_candidates",
    "read_mtme",
    "read_preferences",
    "read_scores",
    "recognise",
]
