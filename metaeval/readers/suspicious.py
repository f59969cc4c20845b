"""What looks wrong in a table as read: codes for missing, names that look alike, huge numbers."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from metaeval.arrays import Floats
from metaeval.checks import listed
from metaeval.readers.parts import Part

_CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0)
_FAR = 10.0  # times the range of the rest
_FEW = 5  # fewer other values have no range to speak of
_EXACT = 2.0**53
_FEW_SHOWN = 5


def with_warnings(part: Part, *, asked: bool) -> Part:
    """Return a part with warnings of what looks wrong in it.

    `asked` says whether codes for missing were declared, so that nothing is to be said of others.
    """
    columns = [*part.scores.items(), *part.labels.items()]
    warnings = [w for name, values in columns for w in _too_large(str(name), values.to_numpy())]
    if not asked and not part.pairs:
        warnings += [
            w for name, values in columns for w in codes_apart(str(name), values.to_numpy())
        ]
    warnings += lookalikes("scorers or labels", [str(name) for name, _ in columns])
    for name in ("item", "system", "response", "task", "first", "second"):
        if name in part.rows:
            warnings += lookalikes(f"{name}s", _distinct(part.rows[name]))
    return replace(part, warnings=tuple(dict.fromkeys([*part.warnings, *warnings])))


def _distinct(column: pd.Series) -> list[str]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(map(str, column.cat.categories))
    return list(map(str, pd.unique(column.dropna())))


def codes_apart(name: str, values: Floats) -> list[str]:
    """A warning of a value that stands apart from the others, as codes for missing do."""
    values = values[np.isfinite(values)]
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < 3 and not (len(distinct) > 1 and distinct[0] in _CODES):
        return []
    for code, n, rest in (
        (distinct[0], counts[0], distinct[1:]),
        (distinct[-1], counts[-1], distinct[:-1]),
    ):
        if _stands_apart(float(code), rest, len(values) - int(n)):
            return [
                f"{name} is {code:g} on {n} rows, apart from {rest[0]:.4g} to {rest[-1]:.4g} on "
                f"the others; if it is a code for missing, say so: --missing-codes {code:g} (if "
                "not, --missing-codes none)"
            ]
    return []


def _stands_apart(code: float, rest: Floats, n: int) -> bool:
    """Whether a value may be a code: a usual one outside the others, or one far from them."""
    gap = max(rest[0] - code, code - rest[-1])
    if n < _FEW:
        return False
    reach = float(rest[-1] - rest[0])
    if code == -1.0:
        return bool(rest[0] >= 0)
    if code in _CODES and gap > reach:
        return True
    return reach > 0 and gap > _FAR * reach and len(rest) >= _FEW


def _too_large(name: str, values: Floats) -> list[str]:
    if np.nanmax(np.abs(values), initial=0.0) < _EXACT:
        return []
    return [
        f"{name} holds numbers beyond 2^53 ({np.nanmax(np.abs(values)):.4g}), which are not exact: "
        "scores that differ may be the same here"
    ]


def lookalikes(what: str, names: Iterable[str]) -> list[str]:
    r"""A warning of names that differ and look the same: in form, case or invisible characters.

    >>> lookalikes("scorers", ["judge", "Judge", "chrf"])
    ["2 scorers differ in case, blanks or invisible characters only: 'Judge', 'judge'"]
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[_looks(name)].add(name)
    same = [
        ascii(n) if not n.isascii() else repr(n)
        for g in groups.values()
        if len(g) > 1
        for n in sorted(g)
    ]
    if not same:
        return []
    return [
        f"{len(same)} {what} differ in case, blanks or invisible characters only: "
        f"{listed(same, _FEW_SHOWN)}"
    ]


def _looks(name: str) -> str:
    if name.isascii() and name.isprintable():
        return name.lower().replace(" ", "")
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if not (c.isspace() or unicodedata.category(c) in ("Cf", "Cc")))
