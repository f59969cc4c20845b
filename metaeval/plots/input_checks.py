"""What plots hand on to the functions that compute what they draw."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from metaeval.core import MetaevalError, check_names, require_known
from metaeval.tables import Pairs, Responses, Table


def require_table(table: Any, function: str) -> Table:
    """The table in canonical order; what is not a table of scores and labels is refused."""
    if isinstance(table, Responses | Pairs):
        return table.canonical
    raise MetaevalError(
        f"{function} draws a table of scores and labels, found a {type(table).__name__}; read one "
        "with metaeval.read_scores."
    )


def require_tree(tree: Any, model: str, function: str) -> xr.DataTree:
    """Refuse what is no posterior of one model."""
    from metaeval.bayes.datatree import require_posterior

    if isinstance(tree, Responses | Pairs):
        raise MetaevalError(
            f"{function} draws a posterior, found a table; fit one with "
            f"bayes.fit({model!r}, table)."
        )
    posterior = require_posterior(tree)
    if posterior.attrs["model"] != model:
        raise MetaevalError(
            f"{function} draws a posterior of the {model} model, found one of the "
            f"{posterior.attrs['model']} model; fit one with bayes.fit({model!r}, table)."
        )
    return posterior


def require_defaults(function: Callable[..., Any], table_options: Mapping[str, Any]) -> None:
    """Refuse arguments that are for tables, and were given with a posterior."""
    parameters = inspect.signature(function).parameters
    for name, value in table_options.items():
        if value != parameters[name].default:
            raise MetaevalError(
                f"{name}={value!r} is for tables, and {function.__name__} draws a posterior here; "
                "leave it out."
            )


def as_name_list(scorers: Sequence[str] | str | None) -> list[str] | None:
    """Names of scorers as a list; one name stands for itself."""
    return None if scorers is None else check_names("scorers", scorers)


def select_scorers(
    frame: pd.DataFrame, scorers: list[str] | None, what: str = "scorer"
) -> pd.DataFrame:
    """Rows of some scorers, each of which must be there; of all where none are named."""
    for name in scorers or ():
        require_known(what, name, list(frame["scorer"].unique()))
    return frame if scorers is None else frame[frame["scorer"].isin(scorers)]
