"""Statistics by name, as the command line takes them."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from metaeval.checks import listed, near_miss
from metaeval.errors import MetaevalError
from metaeval.statistics import BY_NAME
from metaeval.statistics.base import Statistic


def parse_statistics(
    statistics: str | None,
    grouping: str | None = None,
    average: str | None = None,
    ties: str | None = None,
) -> list[Statistic] | None:
    """Statistics from text such as `kendall(variant="b"),pearson` or `module:name`.

    Grouping, average and ties are passed to every statistic named; None if none is named.

    Raises
    ------
    MetaevalError
        If a name or an argument is not known.

    Examples
    --------
    >>> [s.name for s in parse_statistics("pearson,tie_calibrated_accuracy(folds=10)")]
    ['pearson', 'tie_calibrated_accuracy(folds=10)']
    """
    given = {"grouping": grouping, "average": average, "ties": ties}
    shared = {k: v for k, v in given.items() if v is not None}
    if statistics is None:
        if shared:
            raise MetaevalError(
                f"--{' and --'.join(shared)} goes with a statistic: add --statistic NAME, one of "
                f"{listed(BY_NAME, 20)}."
            )
        return None
    return [_one(text, shared) for text in _split(statistics)]


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


def _one(text: str, shared: dict[str, str]) -> Statistic:
    name, _, rest = text.partition("(")
    arguments = _arguments(f"f({rest}" if rest else "f()", text)
    make = _maker(name.strip())
    if isinstance(make, Statistic):
        if arguments or shared:
            raise MetaevalError(f"{name} is a ready statistic and takes no arguments.")
        return make
    known = _parameters(make, name)
    for key in (*arguments, *shared):
        if key not in known:
            raise MetaevalError(
                f"{name} has no argument {key!r}; it has {listed(known) or 'none'}."
                f"{near_miss(key, known)}"
            )
    both = sorted(set(arguments) & set(shared))
    if both:
        raise MetaevalError(
            f"{both[0]} is given twice, as --{both[0]} and in {text!r}; give it once."
        )
    try:
        made = make(**arguments, **shared)
    except TypeError as error:
        raise MetaevalError(f"Cannot make the statistic {text!r}: {error}.") from None
    if not isinstance(made, Statistic):
        raise MetaevalError(f"{name!r} returns a {type(made).__name__}, not a Statistic.")
    return made


def _parameters(make: Callable[..., Statistic], name: str) -> list[str]:
    try:
        return list(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        raise MetaevalError(f"{name!r} is no function that returns a Statistic.") from None


def _maker(name: str) -> Callable[..., Statistic] | Statistic:
    known: dict[str, Any] = dict(BY_NAME)
    if name in known:
        return known[name]
    if ":" not in name:
        raise MetaevalError(
            f"There is no statistic {name!r}; there are {listed(BY_NAME, 20)}, or module:name."
            f"{near_miss(name, BY_NAME)}"
        )
    module, _, attribute = name.partition(":")
    try:
        made: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise MetaevalError(f"Cannot load the statistic {name!r}: {error}.") from None
    if not isinstance(made, Statistic) and not callable(made):
        raise MetaevalError(f"{name!r} is neither a Statistic nor a function that returns one.")
    return made


def _arguments(call: str, text: str) -> dict[str, Any]:
    """Keyword arguments of a call; bare words are text."""
    try:
        node = ast.parse(call, mode="eval").body
        if not isinstance(node, ast.Call) or node.args:
            raise SyntaxError
        return {str(k.arg): _value(k.value) for k in node.keywords}
    except (SyntaxError, ValueError):
        raise MetaevalError(
            f"Cannot read the statistic {text!r}; write name(argument=value), such as "
            "tie_calibrated_accuracy(folds=10)."
        ) from None


def _value(node: ast.expr) -> Any:
    words = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    text = ast.unparse(node).replace(" ", "")
    return text if words and text == "-".join(words) else ast.literal_eval(node)
