"""Statistics by name, as the command line takes them.

A text names statistics of this package. It never runs other code: `module:name` is refused unless
it is allowed, and then a function is called only if `statistic_maker` marked it.
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
_LARGEST = 1e300  # numbers beyond it are not arguments of any statistic


def statistic_maker(function: _Maker) -> _Maker:
    """Mark a function as one that returns a Statistic, so that a text may call it.

    Parameters
    ----------
    function : callable
        Returns a `Statistic`; its arguments are numbers, texts, True, False or None.

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
    """Statistics from text such as `kendall(variant="b"),pearson`.

    Grouping, average and ties are passed to every statistic named; None if none is named. With
    `allow_import` the text may name `module:name`, a Statistic or a function that
    `statistic_maker` marked; importing a module runs its code.

    Raises
    ------
    MetaevalError
        If a name or an argument is not known.

    Examples
    --------
    >>> [s.name for s in parse_statistics("pearson,tie_calibrated_accuracy(n_folds=10)")]
    ['pearson', 'tie_calibrated_accuracy(n_folds=10)']
    """
    given = {"grouping": grouping, "average": average, "ties": ties}
    shared = {k: v for k, v in given.items() if v is not None}
    if statistics is None:
        if shared:
            raise MetaevalError(
                f"--{' and --'.join(shared)} goes with a statistic: add --statistic NAME, one of "
                f"{join_names(BY_NAME, 20)}."
            )
        return None
    return [_one(text, shared, allow_import) for text in _split(statistics)]


def _split(text: str) -> list[str]:
    """Parts between commas that are not inside brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def _one(text: str, shared: dict[str, str], allow_import: bool) -> Statistic:
    name, _, rest = text.partition("(")
    arguments = _arguments(f"f({rest}" if rest else "f()", text)
    make = _maker(name.strip(), allow_import)
    if isinstance(make, Statistic):
        if arguments or shared:
            raise MetaevalError(f"{name} is a ready statistic and takes no arguments.")
        return make
    known = _parameters(make, name)
    if "forecast" in known:
        arguments, shared, known = _with_forecast(arguments, shared, known)
    for key in (*arguments, *shared):
        if key not in known:
            raise MetaevalError(
                f"{name} has no argument {key!r}; it has {join_names(known) or 'none'}."
                f"{did_you_mean(key, known)}"
            )
    both = sorted(set(arguments) & set(shared))
    if both:
        raise MetaevalError(
            f"{both[0]} is given twice, as --{both[0]} and in {text!r}; give it once."
        )
    try:
        made = make(**arguments, **shared)
    except MetaevalError:
        raise
    except (TypeError, ValueError, ArithmeticError) as error:
        raise MetaevalError(f"Cannot make the statistic {text!r}: {error}.") from None
    if not isinstance(made, Statistic):
        raise MetaevalError(f"{name!r} returns a {type(made).__name__}, not a Statistic.")
    return made


_FORECAST = tuple(f.name for f in dataclasses.fields(Forecast))


def _with_forecast(
    arguments: dict[str, Any], shared: dict[str, str], known: list[str]
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Arguments with the fields of a forecast in one, and names of what may be given."""
    given = {k: v for k, v in {**shared, **arguments}.items() if k in _FORECAST}
    own = [name for name in known if name != "forecast"]
    if not given:
        return arguments, shared, [*known, *_FORECAST]
    if "forecast" in arguments:
        raise MetaevalError(
            f"forecast= is a word for a scale; leave it out beside {join_names(given)}, or write "
            "scale=."
        )
    arguments = {k: v for k, v in arguments.items() if k not in given}
    shared = {k: v for k, v in shared.items() if k not in given}
    return arguments | {"forecast": Forecast(**given)}, shared, ["forecast", *own]


def _parameters(make: Callable[..., Statistic], name: str) -> list[str]:
    try:
        return list(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        raise MetaevalError(f"{name!r} is no function that returns a Statistic.") from None


def _maker(name: str, allow_import: bool) -> Callable[..., Statistic] | Statistic:
    known: dict[str, Any] = dict(BY_NAME)
    if name in known:
        return known[name]
    if ":" not in name:
        raise MetaevalError(
            f"There is no statistic {name!r}; there are {join_names(BY_NAME, 20)}, or module:name "
            f"with --allow-import.{did_you_mean(name, BY_NAME)}"
        )
    if not allow_import:
        raise MetaevalError(
            f"{name!r} is not a statistic of metaeval, and a text does not import other code; add "
            "--allow-import on the command line, or in Python import it and pass the Statistic."
        )
    return _imported(name)


def _imported(name: str) -> Callable[..., Statistic] | Statistic:
    """A Statistic of another module, or a function there that is marked as a maker of them."""
    module, _, attribute = name.partition(":")
    try:
        made: Any = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # a module may do anything while it is imported
        raise MetaevalError(
            f"Cannot load the statistic {name!r}: {type(error).__name__}: {error}."
        ) from None
    if isinstance(made, Statistic) or (callable(made) and getattr(made, _MARK, None) is True):
        return made
    raise MetaevalError(
        f"{name!r} is neither a Statistic nor marked as a function that returns one; put "
        "@metaeval.statistic_maker before the function, if it does."
    )


def _arguments(call: str, text: str) -> dict[str, Any]:
    """Keyword arguments of a call; bare words are text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parser, about code that is never run
            node = ast.parse(call, mode="eval").body
        if not isinstance(node, ast.Call) or node.args:
            raise SyntaxError
        given = {str(k.arg): _value(k.value) for k in node.keywords}
        if len(given) < len(node.keywords) or not all(map(_is_plain, given.values())):
            raise SyntaxError
        return given
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise MetaevalError(
            f"Cannot read the statistic {text!r}; write name(argument=value), such as "
            "tie_calibrated_accuracy(n_folds=10), each argument once, with a number, a text, True, "
            "False or None."
        ) from None


def _value(node: ast.expr) -> Any:
    words = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    text = ast.unparse(node).replace(" ", "")
    return text if words and text == "-".join(words) else ast.literal_eval(node)


def _is_plain(value: Any) -> bool:
    """Whether a value is one that arguments of statistics can have, or a list of them."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, int | float):
        return abs(value) <= _LARGEST
    return value is None or isinstance(value, str)
