"""Statistics from text, as on the command line.

Text names statistics of this package and never runs other code: `module:name` is an error unless
imports are allowed, and then a function is called only if it is marked by `statistic_maker`.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from metaeval.core import MetaevalError, did_you_mean, join_names
from metaeval.statistics.base import Statistic
from metaeval.statistics.calibration.forecast_spec import Forecast
from metaeval.statistics.names import BY_NAME

_MARK = "__makes_a_metaeval_statistic__"
_Maker = TypeVar("_Maker", bound=Callable[..., Statistic])
# Excludes infinity, NaN and integers that do not fit a double.
_MAX_NUMBER = 1e300


def statistic_maker(function: _Maker) -> _Maker:
    """Mark a function that returns a Statistic, so that the command line may call it.

    Parameters
    ----------
    function : callable
        A function that returns a `Statistic`; its arguments are numbers, strings, True, False or
        None.

    Returns
    -------
    callable
        The same function. `--allow-import --statistic "module:function(argument=1)"` calls it.

    Examples
    --------
    >>> from metaeval import statistics
    >>> @statistic_maker
    ... def rank_correlation(variant="b"):
    ...     return statistics.kendall(variant=variant)
    """
    setattr(function, _MARK, True)
    return function


def parse_statistics(
    statistics: str | None,
    grouping: str | None = None,
    average: str | None = None,
    ties: str | None = None,
    allow_import: bool = False,
) -> list[Statistic] | None:
    """Parse text such as `kendall(variant="b"),pearson` into statistics.

    Grouping, average and ties are passed to every statistic; returns None without a statistic. With
    `allow_import` the text may contain `module:name`, a Statistic or a function marked by
    `statistic_maker`; importing a module runs its code.

    Raises
    ------
    MetaevalError
        If a name or an argument is unknown.

    Examples
    --------
    >>> [s.name for s in parse_statistics("pearson,tie_calibrated_accuracy(n_folds=10)")]
    ['pearson', 'tie_calibrated_accuracy(n_folds=10)']
    """
    options = {"grouping": grouping, "average": average, "ties": ties}
    shared = {k: v for k, v in options.items() if v is not None}
    if statistics is None:
        if shared:
            raise MetaevalError(
                f"--{' and --'.join(shared)} cannot be used without a statistic; add --statistic "
                f"NAME, where NAME is one of {join_names(BY_NAME, 20)}."
            )
        return None
    return [_parse_statistic(text, shared, allow_import) for text in _split(statistics)]


def _split(text: str) -> list[str]:
    """Split text at commas outside parentheses."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def _parse_statistic(text: str, shared: dict[str, str], allow_import: bool) -> Statistic:
    name, _, rest = text.partition("(")
    arguments = _arguments(f"f({rest}" if rest else "f()", text)
    make = _maker(name.strip(), allow_import)
    if isinstance(make, Statistic):
        if arguments or shared:
            raise MetaevalError(f"{name!r} is a Statistic object and takes no arguments.")
        return make
    parameters = _parameters(make, name)
    if "forecast" in parameters:
        arguments, shared, parameters = _with_forecast(arguments, shared, parameters)
    for key in (*arguments, *shared):
        if key not in parameters:
            raise MetaevalError(
                f"{name} has no argument {key!r}; expected one of "
                f"{join_names(parameters) or 'none'}."
                f"{did_you_mean(key, parameters)}"
            )
    duplicates = sorted(set(arguments) & set(shared))
    if duplicates:
        raise MetaevalError(
            f"{duplicates[0]} is given twice, as --{duplicates[0]} and in {text!r}; remove one."
        )
    try:
        statistic = make(**arguments, **shared)
    except MetaevalError:
        raise
    except (TypeError, ValueError, ArithmeticError) as error:
        raise MetaevalError(f"Cannot create the statistic {text!r}: {error}.") from None
    if not isinstance(statistic, Statistic):
        raise MetaevalError(f"{name!r} returns a {type(statistic).__name__}, not a Statistic.")
    return statistic


_FORECAST = tuple(f.name for f in dataclasses.fields(Forecast))


def _with_forecast(
    arguments: dict[str, Any], shared: dict[str, str], parameters: list[str]
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Collect the fields of a forecast in one argument; also return the names allowed."""
    fields = {k: v for k, v in {**shared, **arguments}.items() if k in _FORECAST}
    rest = [name for name in parameters if name != "forecast"]
    if not fields:
        return arguments, shared, [*parameters, *_FORECAST]
    if "forecast" in arguments:
        raise MetaevalError(
            f"forecast= cannot be combined with {join_names(fields)}; write scale= instead of "
            "forecast=."
        )
    arguments = {k: v for k, v in arguments.items() if k not in fields}
    shared = {k: v for k, v in shared.items() if k not in fields}
    return arguments | {"forecast": Forecast(**fields)}, shared, ["forecast", *rest]


def _parameters(make: Callable[..., Statistic], name: str) -> list[str]:
    try:
        return list(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        raise MetaevalError(f"{name!r} is not a function that returns a Statistic.") from None


def _maker(name: str, allow_import: bool) -> Callable[..., Statistic] | Statistic:
    makers: dict[str, Any] = dict(BY_NAME)
    if name in makers:
        return makers[name]
    if ":" not in name:
        raise MetaevalError(
            f"There is no statistic {name!r}; expected one of {join_names(BY_NAME, 20)}, or "
            f"module:name with --allow-import.{did_you_mean(name, BY_NAME)}"
        )
    if not allow_import:
        raise MetaevalError(
            f"{name!r} is not a statistic of metaeval, and other code is not imported by default; "
            "add --allow-import on the command line, or in Python import it and pass the Statistic."
        )
    return _imported(name)


def _imported(name: str) -> Callable[..., Statistic] | Statistic:
    """Import a Statistic, or a function marked by `statistic_maker`."""
    module, _, attribute = name.partition(":")
    try:
        maker: Any = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # importing a module can raise anything
        raise MetaevalError(
            f"Cannot import the statistic {name!r}: {type(error).__name__}: {error}."
        ) from None
    if isinstance(maker, Statistic) or (callable(maker) and getattr(maker, _MARK, None) is True):
        return maker
    raise MetaevalError(
        f"{name!r} is neither a Statistic nor a function marked as returning one; if it is a "
        "function that returns a Statistic, decorate it with @metaeval.statistic_maker."
    )


def _arguments(call: str, text: str) -> dict[str, Any]:
    """Keyword arguments of a call; bare words are strings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # syntax warnings about code that is never run
            node = ast.parse(call, mode="eval").body
        if not isinstance(node, ast.Call) or node.args:
            raise SyntaxError
        arguments = {str(k.arg): _value(k.value) for k in node.keywords}
        if len(arguments) < len(node.keywords) or not all(map(_is_plain, arguments.values())):
            raise SyntaxError
        return arguments
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise MetaevalError(
            f"Cannot parse the statistic {text!r}; write name(argument=value), such as "
            "tie_calibrated_accuracy(n_folds=10), giving each argument once, as a number, a "
            "string, True, False or None."
        ) from None


def _value(node: ast.expr) -> Any:
    words = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    text = ast.unparse(node).replace(" ", "")
    return text if words and text == "-".join(words) else ast.literal_eval(node)


def _is_plain(value: Any) -> bool:
    """Return whether a value is a number, string, boolean, None or a list of these."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, int | float):
        return abs(value) <= _MAX_NUMBER
    return value is None or isinstance(value, str)
