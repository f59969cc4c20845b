"""Checks of the tables, posteriors and scorers to draw."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from metaeval.core import MetaevalError, check_names, require_known
from metaeval.tables import Pairs, Responses, Table


def require_table(table: Any, function: str) -> Table:
    """Return a table in canonical order; refuse anything else."""
    if isinstance(table, Responses | Pairs):
        return table.canonical
    raise MetaevalError(
        f"{function} expected a Responses or Pairs table, got {type(table).__name__}; read one "
        "with metaeval.read_scores."
    )


def require_tree(tree: Any, model: str, function: str) -> xr.DataTree:
    """Return a posterior of a given model; refuse anything else."""
    from metaeval.bayes.datatree import require_posterior

    if isinstance(tree, Responses | Pairs):
        raise MetaevalError(
            f"{function} expected a posterior, got a table; fit one with "
            f"bayes.fit({model!r}, table)."
        )
    posterior = require_posterior(tree)
    if posterior.attrs["model"] != model:
        raise MetaevalError(
            f"{function} expected a posterior of the {model} model, got one of the "
            f"{posterior.attrs['model']} model; fit one with bayes.fit({model!r}, table)."
        )
    return posterior


def require_defaults(function: Callable[..., Any], table_options: Mapping[str, Any]) -> None:
    """Refuse arguments for tables that are given with a posterior."""
    parameters = inspect.signature(function).parameters
    for name, value in table_options.items():
        if value != parameters[name].default:
            raise MetaevalError(
                f"{name}={value!r} applies only to tables, but {function.__name__} got a "
                f"posterior; omit {name}=."
            )


def as_name_list(scorers: Sequence[str] | str | None) -> list[str] | None:
    """Return names of scorers as a list, also if there is only one name."""
    return None if scorers is None else check_names("scorers", scorers)


def select_scorers(
    frame: pd.DataFrame, scorers: list[str] | None, what: str = "scorer"
) -> pd.DataFrame:
    """Return the rows of given scorers, all of which must be present; by default all rows."""
    for name in scorers or ():
        require_known(what, name, list(frame["scorer"].unique()))
    return frame if scorers is None else frame[frame["scorer"].isin(scorers)]
