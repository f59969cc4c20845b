"""Checks of arguments and columns whose messages say what to type next."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

from metaeval.core.errors import MetaevalError

_NEAREST = 1e-12  # nearer to 0 or 1 a fraction has no quantile that floats can hold


def listed(values: Iterable[object], limit: int = 10) -> str:
    """The first `limit` values as text, with how many more there are.

    >>> listed(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    texts = [str(value) for value in values]
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[:limit])} and {len(texts) - limit} more"


def natural(text: object) -> list[tuple[int, str]]:
    """A key that sorts ids as people do: numbers by their size, 2 before 10.

    >>> sorted(["s10", "s2", "b"], key=natural)
    ['b', 's2', 's10']
    """
    parts = re.split(r"([0-9]+)", str(text))
    return [(int(part) if part.isdecimal() else -1, part) for part in parts if part]


def near_miss(name: object, known: Iterable[object]) -> str:
    """A hint that names the closest known name, or nothing.

    >>> near_miss("sytem", ["item", "system"])
    " Did you mean 'system'?"
    """
    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def require_column(columns: Iterable[object], column: str, *, purpose: str) -> None:
    """Raise unless `column` is there; the message lists what is and how to map it."""
    names = [str(name) for name in columns]
    if column not in names:
        raise MetaevalError(
            f"{purpose} needs a column {column!r}; found {listed(names, 20) or 'no columns'}."
            f"{near_miss(column, names)} Rename it, or map it: {column}=<your column>."
        )


def no_such(what: str, name: object, known: Sequence[object]) -> str:
    """Say that there is no `what` of a name, which there are, and which may be meant."""
    there = "there is only" if len(known) == 1 else "there are"
    return (
        f"There is no {what} {name!r}; {there} {listed(known, 20) or 'none'}."
        f"{near_miss(name, known)}"
    )


def require_known(what: str, name: object, known: Sequence[object]) -> None:
    """Raise unless `name` is among the known names."""
    if name not in known:
        raise MetaevalError(no_such(what, name, known))


def check_one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise unless an argument has one of its allowed values."""
    if value not in allowed:
        options = ", ".join(repr(option) for option in allowed)
        raise MetaevalError(f"{name}={value!r} is not one of {options}.{near_miss(value, allowed)}")


def check_whole(name: str, value: Any, least: int) -> int:
    """An argument as a whole number of at least `least`."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise MetaevalError(f"{name}={value!r} must be a whole number of at least {least}.")
    return int(value)


def check_fraction(name: str, value: Any) -> float:
    """An argument as a number strictly between 0 and 1."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not _NEAREST <= value <= 1 - _NEAREST:
        raise MetaevalError(f"{name}={value!r} must be a number between 0 and 1, such as 0.95.")
    return float(value)


def check_names(name: str, value: Any) -> list[str]:
    """An argument as a list of names, each once; one name stands for itself."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable):
        raise MetaevalError(f"{name}={value!r} must be a name, or a list of names.")
    return list(dict.fromkeys(value))


def check_not_negative(name: str, value: Any) -> float:
    """An argument as a finite number of at least 0."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not 0 <= value < float("inf"):
        raise MetaevalError(f"{name}={value!r} must be a number of at least 0.")
    return float(value)
