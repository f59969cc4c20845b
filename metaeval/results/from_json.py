"""Reading and validating results from JSON, so that later operations cannot fail."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from metaeval.core import MetaevalError, join_names
from metaeval.results.columns import COUNTS, NUMBERS, TEXTS
from metaeval.results.metadata import SECTIONS, Metadata
from metaeval.results.prose import INTERVALS, OWN_TESTS
from metaeval.results.tables import CORRECTIONS

SCHEMA = "metaeval.result/1"
_PROBABILITIES = ("p_value", "p_adjusted", "p_equivalent", "prob_better", "prob_rope", "tie_rate")
_LARGEST = 2.0**53  # of counts: beyond it not all integers are doubles
_INFINITE = ("inf", "-inf")
_SIDES = (None, "two-sided", "greater", "less")

Test = Callable[[Any], bool]


def read_result(text: str) -> tuple[pd.DataFrame, Metadata]:
    """Rows and metadata of a result written by `to_json`; anything else is refused."""
    data = _document(text)
    for name, test in _DOCUMENT.items():
        _require(test(data.get(name)), name, data.get(name))
    rows = [_with_adjusted(row) for row in data["rows"]]
    for i, row in enumerate(rows):
        _check_row(row, i)
    meta = {"kind": data["kind"], **{name: data[name] for name in SECTIONS}}
    _check_keys(meta["policy"], _POLICY, "policy")
    _check_keys(meta["provenance"], _PROVENANCE, "provenance")
    _check_optional_keys(meta["policy"], {"scorers": _is_texts_or_none}, "policy")
    _check_optional_keys(meta["alignment"], _ALIGNMENT, "alignment")
    for i, about in enumerate(meta["statistics"]):
        _check_keys(about, _STATISTIC, f"statistics[{i}]")
    _check_tables(rows)
    _check_words(rows, meta)
    return pd.DataFrame(rows), Metadata.of_plain(meta)


def _document(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # no lone surrogates
    except (ValueError, TypeError, RecursionError) as error:
        raise MetaevalError(f"Not a result written by to_json: {error}.") from None
    if not isinstance(data, dict):
        raise MetaevalError(
            f"Not a result written by to_json: expected a JSON object, got {type(data).__name__}."
        )
    if data.get("schema") != SCHEMA:
        raise MetaevalError(f"Expected schema {SCHEMA!r}, got {data.get('schema')!r}.")
    return data


def _require(valid: bool, location: str, value: Any) -> None:
    if not valid:
        raise MetaevalError(
            f"Invalid result file ({location}: {value!r}); regenerate it with to_json()."
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_number(value: Any) -> bool:
    """A number in the range of a double, an infinity as text, or null."""
    if value is None or (isinstance(value, str) and value in _INFINITE):
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) < 1e300


def _is_finite(value: Any) -> bool:
    return value is not None and not isinstance(value, str) and _is_number(value)


def _is_finite_or_none(value: Any) -> bool:
    return value is None or (_is_finite(value) and math.isfinite(value))


def _is_count(value: Any) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value is None or (is_integer and 0 <= value <= _LARGEST)


def _is_probability(value: Any) -> bool:
    return value is None or (_is_finite(value) and (value != value or 0 <= value <= 1))


def _is_fraction(value: Any) -> bool:
    return _is_finite(value) and 0 < value < 1


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) or _is_finite_or_none(value) or isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_texts_or_none(value: Any) -> bool:
    return value is None or _is_texts(value)


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _is_dicts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_dict, value))


def _one_of(*values: Any) -> Test:
    return lambda value: any(value is v or (_is_text(value) and value == v) for v in values)


_DOCUMENT: Mapping[str, Test] = {
    "kind": _is_text,
    "rows": lambda value: _is_dicts(value) and len(value) > 0,
    "warnings": _is_texts,
    "notes": _is_texts,
    "policy": _is_dict,
    "statistics": _is_dicts,
    "alignment": _is_dict,
    "details": _is_dicts,
    "provenance": _is_dict,
}
_POLICY: Mapping[str, Test] = {
    "confidence": _is_fraction,
    "alternative": _one_of(*_SIDES),
    "equivalence_margin": _is_finite_or_none,
    "stop_after_exceedances": _is_count,
    **dict.fromkeys(("correction", "test", "weights", "label", "by", "baseline"), _is_text_or_none),
    **dict.fromkeys(("resample", "missing"), _is_text),
}
_PROVENANCE: Mapping[str, Test] = {
    **dict.fromkeys(("version", "signature"), _is_text),
    **dict.fromkeys(("seed", "n_resamples", "n_flips"), _is_count),
}
_STATISTIC: Mapping[str, Test] = {
    "name": _is_text,
    "accuracy": lambda value: isinstance(value, bool),
    "better": _one_of("higher", "lower", "neither"),
}


_ALIGNMENT: Mapping[str, Test] = {
    "columns": _is_dicts,
    "flipped": _is_texts,
    "dropped": _is_count,
}


def _check_keys(section: Mapping[str, Any], tests: Mapping[str, Test], name: str) -> None:
    for key, test in tests.items():
        _require(key in section and test(section[key]), f"{name}.{key}", section.get(key))
    if name.startswith("statistics"):
        for key, value in section.items():
            _require(_is_plain(value), f"{name}.{key}", value)


def _check_optional_keys(section: Mapping[str, Any], tests: Mapping[str, Test], name: str) -> None:
    for key in tests.keys() & section.keys():
        _require(tests[key](section[key]), f"{name}.{key}", section[key])


def _with_adjusted(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with adjusted bounds, which were not written before they existed."""
    ends = {"adjusted_lower": row.get("lower"), "adjusted_upper": row.get("upper")}
    if row.get("baseline") is None:
        ends = dict.fromkeys(ends)
    return {**row, **{name: end for name, end in ends.items() if name not in row}}


def _check_row(row: Mapping[str, Any], i: int) -> None:
    missing = [c for c in (*TEXTS, *COUNTS, *NUMBERS) if c not in row]
    _require(not missing, f"missing field in rows[{i}]", ", ".join(missing))
    for key, value in row.items():
        if key in ("statistic", "scorer"):
            valid = _is_text(value)
        elif key in TEXTS:
            valid = _is_text_or_none(value)
        elif key in COUNTS:
            valid = value is not None and _is_count(value)
        elif key in _PROBABILITIES:
            valid = _is_probability(value)
        else:
            valid = _is_number(value)
        _require(valid, f"rows[{i}].{key}", value)


def _check_tables(rows: list[dict[str, Any]]) -> None:
    """Rows are distinct, compared scorers have a value, statistics have an overall value."""
    scorers: dict[tuple[str, Any], set[str]] = {}
    seen = set()
    for row in rows:
        key = tuple(row[c] for c in ("statistic", "task", "scorer", "baseline"))
        _require(key not in seen, "duplicate row", key)
        seen.add(key)
        if row["baseline"] is None:
            scorers.setdefault((row["statistic"], row["task"]), set()).add(row["scorer"])
    for row in rows:
        overall = scorers.get((row["statistic"], None))
        _require(overall is not None, "statistic without an overall value", row["statistic"])
        names = {row["scorer"]} | ({row["baseline"]} - {None})
        present = scorers.get((row["statistic"], row["task"]), set())
        _require(
            names <= present, "compared scorer without a value", join_names(sorted(names - present))
        )
        _require(row["scorer"] != row["baseline"], "scorer compared with itself", row["scorer"])


def _check_words(rows: list[dict[str, Any]], meta: Mapping[str, Any]) -> None:
    """Keywords used in texts are known, and settings required by rows are present."""
    if meta["kind"].startswith("posterior"):
        rope = meta["policy"].get("rope")
        needed = any(row["prob_rope"] is not None for row in rows)
        _require(_is_finite(rope) or (rope is None and not needed), "policy.rope", rope)
        return
    _check_values(rows, "interval", (None, *INTERVALS))
    _check_values([row for row in rows if row["baseline"] is None], "test", (None, *OWN_TESTS))
    differences = [row for row in rows if row["baseline"] is not None]
    policy = meta["policy"]
    correction, margin = policy["correction"], policy["equivalence_margin"]
    _require(not differences or correction in CORRECTIONS, "policy.correction", correction)
    needed = any(row["p_equivalent"] is not None for row in differences)
    _require(not needed or margin is not None, "policy.equivalence_margin", margin)


def _check_values(rows: Iterable[Mapping[str, Any]], name: str, values: Iterable[Any]) -> None:
    allowed = set(values)
    for row in rows:
        _require(row[name] in allowed, name, row[name])
