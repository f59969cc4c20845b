"""Checks of arguments and columns, with messages that say what to type next."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

from metaeval.core.errors import MetaevalError

_NEAREST = 1e-12  # closer to 0 or 1, 1 - value is too coarse in doubles


def join_names(values: Iterable[object], limit: int = 10) -> str:
    """The first `limit` values joined with commas, and the number of the others.

    >>> join_names(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    texts = [str(value) for value in values]
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[:limit])} and {len(texts) - limit} more"


def natural(text: object) -> list[tuple[int, str]]:
    """Sort key for natural order: numbers by value, 2 before 10.

    >>> sorted(["s10", "s2", "b"], key=natural)
    ['b', 's2', 's10']
    """
    parts = re.split(r"([0-9]+)", str(text))
    return [(int(part) if part.isdecimal() else -1, part) for part in parts if part]


def did_you_mean(name: object, options: Iterable[object]) -> str:
    """A hint with the closest option, or an empty string.

    >>> did_you_mean("sytem", ["item", "system"])
    " Did you mean 'system'?"
    """
    near = difflib.get_close_matches(str(name), [str(k) for k in options], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def require_column(columns: Iterable[object], column: str, *, purpose: str) -> None:
    """Raise unless `column` exists; the message lists the columns and how to map one."""
    names = [str(name) for name in columns]
    if column not in names:
        raise MetaevalError(
            f"{purpose} needs a column {column!r}; found {join_names(names, 20) or 'no columns'}."
            f"{did_you_mean(column, names)} Rename the corresponding column, or map it: "
            f"{column}=<your column>."
        )


def no_such(what: str, name: object, options: Sequence[object]) -> str:
    """Message that `name` does not exist, with the available names and the closest one."""
    verb = "there is only" if len(options) == 1 else "there are"
    return (
        f"There is no {what} {name!r}; {verb} {join_names(options, 20) or 'none'}."
        f"{did_you_mean(name, options)}"
    )


def require_known(what: str, name: object, options: Sequence[object]) -> None:
    """Raise unless `name` is one of the options."""
    if name not in options:
        raise MetaevalError(no_such(what, name, options))


def check_one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise unless an argument is one of the allowed values."""
    if value not in allowed:
        options = ", ".join(repr(option) for option in allowed)
        raise MetaevalError(
            f"{name}={value!r} is not one of {options}.{did_you_mean(value, allowed)}"
        )


def check_integer(name: str, value: Any, minimum: int) -> int:
    """An argument as an integer of at least `minimum`."""
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer or value < minimum:
        raise MetaevalError(f"{name}={value!r} must be an integer of at least {minimum}.")
    return int(value)


def check_fraction(name: str, value: Any) -> float:
    """An argument as a number strictly between 0 and 1."""
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    if not is_real or not _NEAREST <= value <= 1 - _NEAREST:
        raise MetaevalError(f"{name}={value!r} must be a number between 0 and 1, such as 0.95.")
    return float(value)


def check_names(name: str, value: Any) -> list[str]:
    """An argument as a list of distinct names; a string is one name."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable):
        raise MetaevalError(f"{name}={value!r} must be a name or a list of names.")
    return list(dict.fromkeys(value))


def check_not_negative(name: str, value: Any) -> float:
    """An argument as a finite, non-negative number."""
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_real or not 0 <= value < float("inf"):
        raise MetaevalError(f"{name}={value!r} must be a nonnegative number.")
    return float(value)
