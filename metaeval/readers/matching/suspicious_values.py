"""Suspicious values in a table: codes for missing values, similar names, huge numbers.

The thresholds are rules of thumb. They decide about warnings only, never about values.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from metaeval.core import Codes, Floats, join_names
from metaeval.readers.columns.aliases import column_hint
from metaeval.readers.matching.file_part import Part
from metaeval.readers.matching.row_matching import without_zeros

_CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0)
_FAR = 10.0  # ranges of the rest between it and a code
_HUGE = 1e6  # times the largest of the rest: an outlier that dominates means and correlations
_MIN_OTHERS = 5  # with fewer other values, their range is uninformative
_EXACT = 2.0**53  # from here on, double precision skips whole numbers
_FEW_SHOWN = 5
_MIN_ROWS = 10  # rows of every other name, beside which a name on a single row is suspicious
_MIN_DEFAULTS = 5  # rows with one value among scores that hardly repeat
_MIN_REPEATS = 3  # occurrences of a code among scores that hardly repeat
_NO_ANSWER = 9  # "no answer" on short survey scales
_CONTINUOUS = 10  # distinct scores from which a scorer counts as continuous
_MIN_GAP_RATIO = 1.5  # ratio of the lowest percentage to the highest proportion

_TOTALS = frozenset(("mean", "average", "avg", "total", "totals", "sum", "overall", "std", "sd"))


def with_warnings(part: Part, *, declared: bool) -> Part:
    """Add warnings about suspicious values to a part.

    If codes for missing values were declared (`declared`), other values are not reported as codes.
    """
    columns = [*part.scores.items(), *part.labels.items()]
    warnings = [
        w for name, values in columns for w in _inexact_warning(str(name), values.to_numpy())
    ]
    if not declared:
        warnings += [
            w
            for name, values in columns
            for w in outlying_code_warning(str(name), values.to_numpy(), pairs=part.pairs)
        ]
    for name, values in part.scores.items():
        warnings += _default_value_warning(str(name), values.to_numpy())
        warnings += _mixed_scales_warning(str(name), values.to_numpy())
    warnings += lookalike_warning("scorers or labels", [str(name) for name, _ in columns])
    for name in ("item", "system", "response", "task", "first", "second"):
        if name in part.rows:
            warnings += odd_name_warnings(name, part.rows[name])
    return replace(part, warnings=tuple(dict.fromkeys([*part.warnings, *warnings])))


def _distinct(column: pd.Series) -> list[str]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(map(str, column.cat.categories))
    return list(map(str, pd.unique(column.dropna())))


def outlying_code_warning(name: str, values: Floats, *, pairs: bool = False) -> list[str]:
    """Return a warning about a value far from the others, as codes for missing values are.

    For `pairs`, where -1 means that the second is better, only repeated values are reported.
    """
    values = values[np.isfinite(values)]
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < 3 and not (len(distinct) > 1 and distinct[0] in _CODES):
        return []
    warnings = repeated_code_warning(name, values, pairs=pairs)
    if warnings:
        return warnings
    for code, n, rest in (
        (distinct[0], counts[0], distinct[1:]),
        (distinct[-1], counts[-1], distinct[:-1]),
    ):
        usual = pairs and abs(code) <= 1
        others = counts[1:] if code == distinct[0] else counts[:-1]
        if not usual and _stands_apart(float(code), int(n), rest, others):
            return [_code_warning(name, float(code), int(n), rest)]
    return []


def _code_warning(name: str, code: float, n: int, rest: Floats) -> str:
    return (
        f"{name} is {code:g} in {n} rows, but {rest[0]:.4g} to {rest[-1]:.4g} in the others; if "
        f"it is a code for missing values, use missing_codes={code:g} (--missing-codes {code:g}), "
        "otherwise missing_codes=[] (--missing-codes none)"
    )


def repeated_code_warning(name: str, values: Floats, *, pairs: bool = False) -> list[str]:
    """Return a warning about a usual code, or an extreme integer, that alone is repeated.

    Not for -1 and 1: scores that are clipped to [-1, 1] repeat both.
    """
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    ends = [v for v in (distinct[0], distinct[-1]) if v == round(v) and abs(v) != 1]
    for code in dict.fromkeys([*_CODES, *ends]):
        rest = distinct != code
        n = int(counts[~rest].sum())
        if n < _MIN_REPEATS or not _hardly_repeat(counts[rest]) or n <= counts[rest].max() + 1:
            continue
        if pairs or not _is_cut_off(code, distinct[rest], code in _CODES):
            return [_code_warning(name, code, n, distinct[rest])]
    return []


def _is_cut_off(code: float, rest: Floats, usual: bool) -> bool:
    """Return whether an extreme value is so close to the others that scores may be clipped to it.

    For a usual code, the gap must be as small as those between the others.
    """
    gap, reach = max(rest[0] - code, code - rest[-1]), rest[-1] - rest[0]
    return bool(0 <= gap < (3 * reach / len(rest) if usual and abs(code) != 1 else 0.2 * reach))


def _hardly_repeat(counts: Codes) -> bool:
    """Return whether values look continuous: many, and nearly all distinct."""
    # 0.8 leaves room for codes, defaults and the bounds of a scale.
    return len(counts) >= _CONTINUOUS and len(counts) >= 0.8 * counts.sum()


def _default_value_warning(name: str, values: Floats) -> list[str]:
    """Return a warning about one value on many rows of a scorer whose other scores hardly repeat.

    The extremes are exempt: many scorers have a bound that they often reach.
    """
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(counts) < 2:
        return []
    mode = int(counts.argmax())
    others = np.delete(counts, mode)
    usual = others[1:-1].max(initial=1)  # scores may be clipped to the extremes
    if counts[mode] < max(_MIN_DEFAULTS, 0.05 * counts.sum(), 3 * usual):
        return []
    if mode in (0, len(counts) - 1) or distinct[mode] == 0 or not _hardly_repeat(others):
        return []
    return [
        f"{name} is {distinct[mode]:g} in {counts[mode]} of {counts.sum()} rows, while the other "
        "values rarely repeat; is it a default for responses that could not be scored?"
    ]


def _mixed_scales_warning(name: str, values: Floats) -> list[str]:
    """Return a warning about proportions beside percentages: two groups of scores with a gap."""
    present = np.sort(values[np.isfinite(values)])
    low = present[present <= 1]
    n, high = len(low), present[len(low) :]
    if not _CONTINUOUS <= n <= len(present) - _CONTINUOUS or low[0] < 0 or high[-1] > 100:
        return []
    fractions = np.unique(low[low != np.round(low)])
    if (
        min(len(fractions), len(np.unique(high))) < _CONTINUOUS
        or high[-1] < 10
        or high[0] < _MIN_GAP_RATIO * low[-1]
    ):
        return []
    return [
        f"{name} is between {low[0]:.4g} and {low[-1]:.4g} in {n} rows, and between {high[0]:.4g} "
        f"and {high[-1]:.4g} in the other {len(high)}; if these are proportions and percentages, "
        "convert them to a common scale"
    ]


def _stands_apart(code: float, n: int, rest: Floats, others: Codes) -> bool:
    """Return whether a value may be a code: a usual one, or an integer far from the others.

    `n` is its count, `others` are the counts of the `rest`.
    """
    gap = max(rest[0] - code, code - rest[-1])
    if others.sum() < _MIN_OTHERS or code != round(code):
        return False
    reach = float(rest[-1] - rest[0])
    if code == -1.0:
        return _is_no_step(n, rest, others)
    if code in _CODES and gap > reach:
        return True
    if _is_scale(rest) and gap >= (2 if code == _NO_ANSWER else 3):
        return n >= _MIN_REPEATS and n >= 0.3 * others.min()
    if abs(code) > _HUGE * max(1.0, float(np.abs(rest).max())):
        return True
    return n > 1 and reach > 0 and gap > _FAR * reach and len(rest) >= _MIN_OTHERS


def _is_scale(values: Floats) -> bool:
    """Return whether values are the steps of a rating scale: consecutive integers."""
    has_few = 3 <= len(values) <= _CONTINUOUS + 1 and values[0] == round(values[0])
    return bool(has_few and (np.diff(values) == 1).all())


def _is_no_step(n: int, rest: Floats, others: Codes) -> bool:
    """Return whether -1 is unlikely to be the next step below others that are not negative."""
    if rest[0] < 0:
        return False
    if rest[0] > 0 or (rest != np.round(rest)).any():
        return rest[0] > 0 or len(rest) >= _CONTINUOUS
    return len(rest) >= _MIN_OTHERS or (len(rest) > 1 and 3 * n < 2 * others.min())


def _inexact_warning(name: str, values: Floats) -> list[str]:
    if np.nanmax(np.abs(values), initial=0.0) < _EXACT:
        return []
    return [
        f"{name} has numbers beyond 2^53 ({np.nanmax(np.abs(values)):.4g}), which are not "
        "represented exactly: different scores may coincide"
    ]


def odd_name_warnings(role: str, column: pd.Series) -> list[str]:
    """Return warnings about ids that look alike, have surrounding spaces, or are not ids."""
    names = _distinct(column)
    warnings = lookalike_warning(f"{role}s", names)
    if not warnings:
        warnings = _spaces_warning(role, names) or _prefix_case_warning(role, names)
    if role in ("item", "system"):
        warnings += _totals_warning(role, names)
    if role in ("item", "task"):
        warnings += _decimal_ids_warning(role, names)
    return warnings + (
        _single_row_warning(role, column) if role in ("system", "first", "second") else []
    )


def _spaces_warning(role: str, names: list[str]) -> list[str]:
    odd = [n for n in names if n != n.strip() or (not n.isascii() and _invisible(n))]
    if not odd or len(odd) == len(names):
        return []
    return [
        f"{len(odd)} {role}s have surrounding spaces or invisible characters, such as "
        f"{odd[0]!a:.60}, and do not match ids without them; remove these characters"
    ]


def _prefix_case_warning(role: str, names: list[str]) -> list[str]:
    """Return a warning about ids whose common prefix differs in case, such as q1 and Q2."""
    starts = Counter(re.split(r"\d", name, maxsplit=1)[0] for name in names)
    if len(starts) < 2 or len({s.lower() for s in starts}) > 1 or len(names) < _MIN_OTHERS:
        return []
    listing = join_names([f"{start}... {n}" for start, n in sorted(starts.items())], 4)
    return [
        f"{role}s have prefixes that differ in case ({listing}); if these are the same, use one "
        "spelling"
    ]


def _invisible(name: str) -> bool:
    return any(unicodedata.category(c) in ("Cf", "Cc") for c in name)


def _totals_warning(role: str, names: list[str]) -> list[str]:
    """Return a warning about a row of means or sums among the rows."""
    totals = [n for n in names if n.rsplit("/", 1)[-1].strip().lower() in _TOTALS]
    if not totals or len(names) < _MIN_OTHERS:
        return []
    return [
        f"the {role} {totals[0]!r} looks like a row of totals, but is read as a {role}; remove it"
    ]


def _decimal_ids_warning(role: str, names: list[str]) -> list[str]:
    """Return a warning about items or tasks that are decimal numbers, as scores are."""
    decimals = [n for n in names if re.fullmatch(r"-?\d+\.\d*[1-9]\d*", n)]
    if len(decimals) < _MIN_OTHERS or 2 * len(decimals) < len(names):
        return []
    return [
        f"{role}s are numbers such as {decimals[0]}, which look like scores; declare the column "
        f"of {role}s: {column_hint(**{role: '<column>'})}"
    ]


def _single_row_warning(role: str, column: pd.Series) -> list[str]:
    """Return a warning about a name in a single row, if each of the others is in many."""
    codes, names = pd.factorize(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    has_name = np.array([name != "" for name in names], dtype=bool)
    once, repeat_counts = np.flatnonzero(has_name & (counts == 1)), counts[has_name & (counts > 1)]
    if not 1 <= len(once) <= 2 or not len(repeat_counts) or repeat_counts.min() < _MIN_ROWS:
        return []
    return [
        f"the {role} {names[once[0]]!r:.40} occurs in only one row, but each of the others in "
        f"{repeat_counts.min()} or more; is that row shifted by one column?"
    ]


def lookalike_warning(what: str, names: Iterable[str]) -> list[str]:
    r"""Return a warning about names that differ only in case, spaces, zeros or hidden characters.

    >>> print(*lookalike_warning("items", ["7", "007", "8"]))
    2 items differ only in case, spaces, leading zeros or invisible characters: '007', '7'
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        groups[_skeleton(name)].add(name)
    same = [
        ascii(n) if not n.isascii() else repr(n)
        for g in groups.values()
        if len(g) > 1
        for n in sorted(g)
    ]
    if not same:
        return []
    return [
        f"{len(same)} {what} differ only in case, spaces, leading zeros or invisible characters: "
        f"{join_names(same, _FEW_SHOWN)}"
    ]


def _skeleton(name: str) -> str:
    if name.isascii() and name.isprintable():
        return without_zeros(name.lower()).replace(" ", "")
    plain = without_zeros(unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in plain if not (c.isspace() or unicodedata.category(c) in ("Cf", "Cc")))
