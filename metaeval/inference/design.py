"""From a table to what is compared: one label, the rows that count, strata and units."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metaeval.core import (
    Bools,
    Codes,
    Floats,
    MetaevalError,
    check_names,
    check_one_of,
    decide_with_threshold,
    join_names,
    require_known,
)
from metaeval.tables import (
    MISSING,
    TEXT,
    Pairs,
    Responses,
    Table,
    complete_rows,
    dropped_rows_warning,
    group_codes,
    no_complete_rows_message,
)

RANDOM = ("item", "cluster", "task")


@dataclass(frozen=True)
class Stratum:
    """Rows that are reported together, and the units that are resampled in them."""

    name: str | None
    table: Table
    units: pd.MultiIndex
    part: int  # which stream of random weights

    def unit_of_items(self, table: Table) -> Codes:
        """Unit of each item of a table made from this stratum's: (item,)."""
        codes, index = units_of(table)
        return np.asarray(self.units.get_indexer(index))[codes]


@dataclass(frozen=True)
class Design:
    """What a verb works on."""

    table: Table
    label: str
    strata: tuple[Stratum, ...]
    by: str | None
    resample: str
    systems: bool  # systems are drawn too
    missing: str
    dropped: pd.Series  # rows with a label and some score that the missing policy leaves out
    holes: tuple[str, ...]  # scorers that lack a score on one of those rows
    warnings: tuple[str, ...] = ()

    @property
    def scorers(self) -> list[str]:
        """Names of the scorers that are compared."""
        return self.table.scorers

    def dropped_in(self, stratum: Stratum) -> int:
        """Rows left out of a stratum."""
        return int(
            self.dropped.sum() if stratum.name is None else self.dropped.get(stratum.name, 0)
        )


def units_of(table: Table) -> tuple[Codes, pd.MultiIndex]:
    """Unit of resampling of each item, and the ids of the units: clusters, else items.

    One cluster id is one cluster, in whatever task; item ids are local to their task unless items
    are shared.
    """
    if "cluster" not in table.rows:
        return np.arange(table.n_items), table.item_index
    first = np.unique(table.item_codes, return_index=True)[1]
    index = pd.MultiIndex.from_frame(table.rows[["cluster"]].iloc[first].astype(object))
    unique = index.unique().sort_values()
    return np.asarray(unique.get_indexer(index)), unique


def prepare(
    table: Table,
    *,
    label: str | None = None,
    scorers: list[str] | None = None,
    by: str | None = None,
    resample: Any = None,
    missing: str | None = None,
) -> Design:
    """Choose the label, the scorers and the rows; split by stratum; name the unit of resampling."""
    table = table.canonical
    unit, systems = _random(table, resample)
    policy = table.missing if missing is None else missing
    check_one_of("missing", policy, MISSING)
    scored = table.scores.notna().any(axis=1).to_numpy()
    chosen = _choose_scorers(table, scorers)
    whole, name = one_label(chosen, label)
    whole = _with_unit(whole, unit)
    labelled = _labelled(whole, name)
    if not labelled.all():
        whole, scored = whole.keep_rows(labelled), scored[labelled]
    whole, silent = _without_silent(whole, policy)
    kept = scored if policy == "count_as_wrong" else complete_rows(whole, policy)
    warnings = (
        _tasks_apart(table, unit)
        + silent
        + (() if policy in ("count_as_wrong", "pairwise") else dropped_rows_warning(whole, kept))
    )
    if not kept.any():
        raise MetaevalError(no_complete_rows_message(whole, warnings))
    _check_by(whole, by)
    if by is not None and by == unit:
        raise MetaevalError(
            f"resample={unit!r} with by={by!r} leaves one resampling unit in each stratum, too few "
            "for an interval; leave by out, or use resample='item'."
        )
    dropped = _count(whole, whole.scores.notna().any(axis=1).to_numpy() & ~kept, by)
    used = (whole if kept.all() else whole.keep_rows(kept)).canonical
    return Design(
        used,
        name,
        _strata(used, by),
        by,
        f"{unit},system" if systems else unit,
        systems,
        policy,
        dropped,
        _with_holes(whole, kept),
        warnings,
    )


def _without_silent(table: Table, policy: str) -> tuple[Table, tuple[str, ...]]:
    """The table without scorers of no score, or of one unit only, beside others; and warnings."""
    n_units = _units_scored(table)
    few = {name: n for name, n in n_units.items() if n < 2}
    if not few or max(n_units.values()) < 2 or policy not in ("common", "pairwise"):
        return table, ()
    unit = "cluster" if "cluster" in table.rows else "item"
    reasons = {0: "no score on any row with a label", 1: f"scores of one {unit} only"}
    warnings = []
    for n, why in reasons.items():
        names = [name for name in few if few[name] == n]
        if names:
            has = "has" if len(names) == 1 else "have"
            text = f"{join_names(names, 5)} {has} {why}: left out, the others are as without it"
            warnings.append(text)
    return table.drop_scorers(*few), tuple(warnings)


def _units_scored(table: Table) -> dict[str, int]:
    """Number of units of resampling of which each scorer has a score."""
    unit = units_of(table)[0][table.item_codes]
    scored = table.scores.notna()
    return {str(name): len(np.unique(unit[scored[name].to_numpy()])) for name in table.scores}


def _with_holes(table: Table, kept: Bools) -> tuple[str, ...]:
    some = table.scores[table.scores.notna().any(axis=1) & ~kept]
    return tuple(str(name) for name in some if some[name].isna().any())


def _random(table: Table, resample: Any) -> tuple[str, bool]:
    """Unit of resampling, and whether systems are drawn too."""
    if resample is None:
        return ("cluster" if "cluster" in table.rows else "item"), False
    names = tuple(resample.split(",")) if isinstance(resample, str) else resample
    systems = isinstance(names, tuple | list) and len(names) == 2 and "system" in names
    units = [name for name in names if name != "system"] if systems else names
    if not isinstance(units, tuple | list) or len(units) != 1 or units[0] not in RANDOM:
        raise MetaevalError(
            f"resample={resample!r} is not one of 'item', 'cluster', 'task', ('item', 'system')."
        )
    unit = str(units[0])
    if unit != "item" and unit not in table.rows:
        raise MetaevalError(
            f"resample={unit!r} needs a column {unit!r}; say which it is when reading, "
            f"columns={{{unit!r}: '<column>'}} (--map {unit}=<column>)."
        )
    if systems and (not isinstance(table, Responses) or "system" not in table.rows):
        raise MetaevalError(
            "resample=('item', 'system') needs responses with a column 'system'; say which "
            "it is when reading, columns={'system': '<column>'} (--map system=<column>), or "
            "use resample='item'."
        )
    return unit, systems


def _with_unit(table: Table, unit: str) -> Table:
    """The table with the units of resampling as its clusters, if they are not its items."""
    rows = table.rows
    if unit == "task":
        return _with_tasks(table)
    if unit == "item" and "cluster" in rows:
        return table.replace(rows=rows.drop(columns="cluster"))
    return table


def _with_tasks(table: Table) -> Table:
    """The table with its tasks as clusters, which cannot share items: not if that was assumed."""
    rows = table.rows.assign(cluster=table.rows["task"])
    if not table.shared_items or table.rows["task"].nunique() < 2:
        return table.replace(rows=rows)
    if not table.sharing_assumed:
        raise MetaevalError(
            "resample='task' draws tasks as independent units, and shared_items=True "
            "(--shared-items) says that they share their items; use resample='item', or read with "
            "shared_items=False (--independent-items)."
        )
    return table.replace(rows=rows, shared_items=False)


def _tasks_apart(table: Table, unit: str) -> tuple[str, ...]:
    """A warning where tasks that seem to share their items are drawn as independent units."""
    if unit != "task" or not (table.shared_items and table.sharing_assumed):
        return ()
    return (
        "tasks have the same ids of items, and resample='task' takes them to be independent: if "
        "they are aspects of the same responses, use resample='item' with shared_items=True",
    )


def _choose_scorers(table: Table, scorers: list[str] | None) -> Table:
    if scorers is not None:
        table = table.keep_scorers(check_names("scorers", scorers))
    if not table.scorers:
        raise MetaevalError("There are labels but no scorers; give a score file too.")
    return table


def one_label(table: Table, label: str | None) -> tuple[Table, str]:
    """Return the table with the one label that a verb takes, and its name."""
    names = list(table.labels.columns)
    if label is not None:
        require_known("label", label, names)
        names = [label]
    if not names:
        raise MetaevalError(
            "There are scores but no labels; name the label columns when reading (labels=), "
            "or give a label file too."
        )
    if len(names) > 1 and not table.average_raters:
        raise MetaevalError(
            f"There are several labels: {join_names(names)}. Choose one with label= (--label), or "
            "say average_raters=True when reading if they are raters on one scale."
        )
    combined = _combine(table, table.labels[names])
    name = names[0] if len(names) == 1 else f"{_how(table, names)} of {len(names)} raters"
    frame = pd.DataFrame({name: combined}, index=table.rows.index)
    kind = table.label_kind or table.keep_labels(names).kind
    return table.replace(labels=frame, average_raters=False, label_kind=kind), name


def _how(table: Table, names: list[str]) -> str:
    """What stands for several raters: see `_combine`."""
    if isinstance(table, Responses):
        return "mean"
    return "plurality" if _recorded(table.labels[names].to_numpy()) else "sign of the mean"


def _recorded(values: Floats) -> bool:
    """Whether preferences are verdicts: for the first, a tie, for the second."""
    return bool(np.isin(values[~np.isnan(values)], (-1.0, 0.0, 1.0)).all())


def _combine(table: Table, labels: pd.DataFrame) -> Floats:
    """One label per row: the mean of ratings, the verdict of preferences."""
    values = labels.to_numpy()
    counts = (~np.isnan(values)).sum(axis=1)
    mean = np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)
    if isinstance(table, Responses):
        return mean
    verdict = (
        _plurality(values)
        if _recorded(values)
        else decide_with_threshold(mean, table.label_epsilon)
    )
    return np.where(np.isnan(mean), np.nan, verdict)


def _plurality(values: Floats) -> Floats:
    """The verdict that most raters gave; a tie where no verdict has most: (row,)."""
    votes = np.stack([(values == verdict).sum(axis=1) for verdict in (-1, 0, 1)], axis=1)
    most = votes == votes.max(axis=1, keepdims=True)
    return np.where(most.sum(axis=1) == 1, votes.argmax(axis=1) - 1.0, 0.0)


def _labelled(table: Table, label: str) -> Bools:
    """Rows that have the label: (row,)."""
    there = np.asarray(table.labels[label].notna())
    if not there.any():
        raise MetaevalError(f"All values of the label {label!r} are missing; choose another label.")
    return there


def _check_by(table: Table, by: str | None) -> None:
    if by is None:
        return
    require_known("column to report by", by, list(table.rows.columns))
    if table.rows[by].isna().any():
        raise MetaevalError(f"by={by!r} has empty cells; fill them in, or drop those rows.")
    if by == "task":
        return
    per_item = table.rows.assign(_item=table.item_codes).groupby("_item")[by].nunique(dropna=False)
    if (per_item > 1).any():
        raise MetaevalError(
            f"by={by!r} must be constant within an item, and it varies within "
            f"{int((per_item > 1).sum())} items; report by a column of the items, such as 'task'."
        )


def _count(table: Table, rows: Bools, by: str | None) -> pd.Series:
    if by is None:
        return pd.Series([int(rows.sum())])
    return table.rows.loc[rows, by].astype(TEXT).value_counts()


def _strata(table: Table, by: str | None) -> tuple[Stratum, ...]:
    """Split by a column; strata that share units share their weights."""
    units = units_of(table)[1]
    if by is None:
        return (Stratum(None, table, units, 0),)
    values = table.rows[by].astype(TEXT)
    names = sorted(values.unique())
    parts = [table.keep_rows((values == name).to_numpy()) for name in names]
    own = [units_of(part)[1] for part in parts]
    shared = sum(len(index) for index in own) > len(units)
    return tuple(
        Stratum(name, part, units if shared else index, 0 if shared else k)
        for k, (name, part, index) in enumerate(zip(names, parts, own, strict=True))
    )


def system_level(design: Design) -> tuple[Design | None, str]:
    """Return the design on systems that answered every common item, or None and the reason."""
    if isinstance(design.table, Pairs):
        return None, "No system level: the table holds pairs."
    if "system" not in design.table.rows:
        return None, "No system level: the table has no column 'system'."
    strata = []
    for stratum in design.strata:
        complete, why = _complete_systems(stratum.table)
        if complete is None:
            where = f" in {design.by} {stratum.name!r}" if stratum.name is not None else ""
            return None, f"No system level{where}: {why}."
        strata.append(dataclasses.replace(stratum, table=complete))
    return dataclasses.replace(design, strata=tuple(strata)), ""


def _complete_systems(table: Table) -> tuple[Table | None, str]:
    """Rows of the systems that answered every item (of their task), if there are three."""
    rows = table.rows
    task = group_codes(rows, ["task"]) if "task" in rows else np.zeros(len(rows), dtype=int)
    named = [c for c in ("task", "item", "system", *table.keys) if c in rows]
    if rows.duplicated(named).any():
        return None, "a system repeats within an item"
    systems = group_codes(rows, [c for c in ("task", "system") if c in rows])
    size = pd.Series(table.item_codes).groupby(task).nunique().to_numpy()
    answered = pd.Series(table.item_codes).groupby(systems).nunique().to_numpy()
    complete = answered[systems] == size[task]
    n = pd.Series(systems[complete]).groupby(task[complete]).nunique()
    fewest = int(n.reindex(range(len(size)), fill_value=0).min())
    if fewest < 3:
        return None, f"{fewest} systems answered every common item, 3 are needed"
    return (table if complete.all() else table.keep_rows(complete)), ""
