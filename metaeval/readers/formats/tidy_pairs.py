"""Tidy tables of pairs: verdicts in long form, margins in wide form."""

from __future__ import annotations

from typing import Any

import pandas as pd

from metaeval.core import MetaevalError
from metaeval.readers.cells.numbers_and_ids import numbers
from metaeval.readers.cells.scales import require_preferences
from metaeval.readers.cells.verdict_words import are_verdicts
from metaeval.readers.columns.aliases import MARGIN, column_hint
from metaeval.readers.columns.column_inference import Said, is_covariate
from metaeval.readers.columns.roles import Resolved
from metaeval.readers.formats import margins, preferences
from metaeval.readers.formats.orientation import twins
from metaeval.readers.matching.file_part import Part
from metaeval.tables import TEXT


def parts_of_pairs(resolved: Resolved, name: str, said: Said, how: dict[str, Any]) -> list[Part]:
    """Return the parts of a table of pairs; `how` are the options of preferences."""
    frame = resolved.frame
    roles = {*resolved.found, *resolved.spare, *said.keys, "order", "tie_kind"}
    loose = [str(c) for c in frame if c not in roles]
    long = bool({"scorer", "rater"} & set(frame))
    wide = [c for c in loose if not long and are_verdicts(frame, c)]
    if wide:
        rest = frame.drop(columns=[*wide, *({"preference"} & set(frame))])
        rest.attrs = frame.attrs
        loose = [c for c in loose if c not in wide]
        numeric = any(said.holds_values(frame[c], long=False) for c in loose)
        margins_too = _wide(rest, loose, name, said, how) if numeric else []
        frame = frame.drop(columns=[c for c in loose if said.holds_values(frame[c], long=False)])
        frame.attrs = resolved.frame.attrs
        return [*_wide_words(frame, resolved, wide, name, said, how), *margins_too]
    if "preference" in resolved.found:
        if not long and any(map(said.is_label, loose)):  # labels have separate columns
            frame = frame.assign(scorer=str(resolved.found["preference"]))
        return _long(frame, loose, name, said, how)
    if MARGIN in resolved.found:
        return margins.long_margin_parts(
            frame, source=name, labels=said.labels, keys=said.keys, ordered=how["ordered"]
        )
    return _wide(frame, loose, name, said, how)


def _long(
    frame: pd.DataFrame, loose: list[str], name: str, said: Said, how: dict[str, Any]
) -> list[Part]:
    """Return parts of verdicts, and of separate columns of labels."""
    gold = [c for c in loose if said.is_label(c)]
    tables = [frame.drop(columns=gold)] + [_gold(frame, c, said.keys) for c in gold]
    how = how | {"labels": [*said.labels, *gold], "keys": said.keys}
    return [p for table in tables for p in preferences.pair_parts(table, source=name, **how)]


def _wide_words(
    frame: pd.DataFrame,
    resolved: Resolved,
    columns: list[str],
    name: str,
    said: Said,
    how: dict[str, Any],
) -> list[Part]:
    """Return parts of a table with a column of verdicts per judge and rater."""
    called = {c: c for c in columns}
    if "preference" in resolved.found:
        called |= {"preference": str(resolved.found["preference"])}
    rest = frame.drop(columns=list(called))
    long = pd.concat(
        [rest.assign(scorer=judge, preference=frame[c]) for c, judge in called.items()],
        ignore_index=True,
    )
    long.attrs = frame.attrs
    labels = [*said.labels, *(judge for judge in called.values() if said.is_label(judge))]
    kept = long["scorer"].isin({*(said.scorers or []), *labels})
    if said.scorers is not None and kept.any():  # unknown scorers are refused with the table
        long = long[kept].reset_index(drop=True)
        long.attrs = frame.attrs
    options = how | {"labels": labels, "keys": said.keys}
    return preferences.pair_parts(long, source=name, **options)


def _gold(frame: pd.DataFrame, column: str, keys: list[str]) -> pd.DataFrame:
    """Return one record per pair with the verdict of a separate column of labels."""
    ids = [c for c in ("task", "item", "first", "second", *keys) if c in frame]
    gold = frame[[*ids, column]]
    gold = gold[~gold.astype(TEXT).duplicated().to_numpy()]  # cells may be lists
    gold = gold.rename(columns={column: "preference"}).assign(rater=column)
    gold.attrs = frame.attrs
    return gold


def _wide(
    frame: pd.DataFrame, loose: list[str], name: str, said: Said, how: dict[str, Any]
) -> list[Part]:
    """Return parts of margins; columns of the two sides, such as `chars_a`, are covariates."""
    sided = set(twins([str(c) for c in frame])) - set(said.named)
    columns = [c for c in loose if c not in sided and said.holds_values(frame[c], long=False)]
    if not columns and said.scorers is None and not any(map(is_covariate, loose)):
        raise MetaevalError(
            f"{name} has pairs but no column of preferences or margins; declare it: "
            f"{column_hint(preference='<column>')}."
        )
    judged = [c for c in columns if said.is_label(c)]
    for label in judged if how["scale"] is None else ():
        require_preferences(numbers(frame[label], label, name), label, name)
    return margins.margin_parts(
        frame,
        columns,
        source=name,
        labels=judged,
        keys=said.keys,
        ordered=how["ordered"],
        scale=how["scale"],
    )
