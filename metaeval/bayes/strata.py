"""The design that all models share: tasks pooled, items or clusters as units."""

from __future__ import annotations

from typing import Any

from metaeval.errors import MetaevalError
from metaeval.prepare import Design, Stratum, prepare
from metaeval.tables import Pairs, Responses, Table


def designed(table: Table, by: str | None, **options: Any) -> tuple[Design, str | None]:
    """The label, the scorers, the rows and the units, by task where the table has one."""
    if not isinstance(table, Responses | Pairs):
        raise MetaevalError(
            f"A {type(table).__name__} is no table; read it first: read_scores(...) or "
            "Responses(...)."
        )
    column = by or ("task" if "task" in table.rows else None)
    design = prepare(table, by=column, **options)
    if design.systems:
        raise MetaevalError("Models have items or clusters as units; use random='item'.")
    if design.missing == "pairwise":
        raise MetaevalError("A model looks at all scorers on the same rows; use missing='common'.")
    _require_own_items(design)
    return design, column


def _require_own_items(design: Design) -> None:
    """Refuse tasks that share their items: the model takes tasks for independent."""
    parts = {stratum.part for stratum in design.strata}
    if len(design.strata) > 1 and len(parts) == 1:
        raise MetaevalError(
            "Tasks share items (shared_items, or clusters across tasks), and the model takes them "
            "for independent; fit one task at a time, table.select(task=...), or use "
            "bayes.bayesian_bootstrap."
        )


def unit_names(stratum: Stratum) -> list[str]:
    """Names of the units of a stratum, with its own before them."""
    where = "" if stratum.name is None else f"{stratum.name}/"
    return [where + "/".join(str(v) for v in key) for key in stratum.units]
