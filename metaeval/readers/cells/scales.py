"""Preference scales: what the numbers of a judge mean for the first and second response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from metaeval.core import Floats, MetaevalError, check_one_of, join_names

SCALES = ("margin", "probability", "percent", "one-two", "index")
"""What a number means. "margin": positive for the first response, negative for the second.
"probability" (0 to 1) or "percent" (0 to 100): the probability that the first is better. "one-two":
1 for the first, 2 for the second, in between for graded preferences, 0 or 1.5 for a tie. "index":
0 for the first, 1 for the second, -1 for no answer."""

Scale = str | Mapping[str, str] | None

# Rules of thumb, with no source: they decide about warnings and refusals, never about values.
_ENOUGH = 8  # fewer values may favor one side by chance; 8 random ones do so with p = 2/2^8 < .01
_RARE = 3  # a sign that is this many times rarer than each of the two others looks like a code


def check_scale(scale: Any) -> None:
    """Raise unless a scale, or each scale of a mapping of columns or judges, is known."""
    for name in scale.values() if isinstance(scale, Mapping) else (scale,):
        check_one_of("preference_scale", name, (None, *SCALES))


def scale_of(name: str, scale: Scale) -> str | None:
    """Return the scale that was declared for one column or judge."""
    return scale.get(name) if isinstance(scale, Mapping) else scale


_BOUNDS = {"probability": (0, 1), "percent": (0, 100), "one-two": (1, 2), "index": (0, 1)}


_MARGIN = {
    "margin": (1, 0),
    "probability": (2, -1),
    "percent": (0.02, -1),
    "one-two": (-2, 3),
    "index": (-2, 1),
}
"""Slope and intercept that turn a number into a margin."""


def as_margins(values: Floats, scale: str, name: str, source: str) -> Floats:
    """Convert numbers on a scale to margins, first minus second: (record,).

    >>> as_margins(np.array([1.0, 2.0, 1.5]), "one-two", "judge", "x.csv").tolist()
    [1.0, -1.0, 0.0]
    """
    low, high = _BOUNDS.get(scale, (-np.inf, np.inf))
    values = np.where((values == -1) & (scale == "index"), np.nan, values)
    tied = (values == 0) & (scale == "one-two")
    outside = ((values < low) | (values > high)) & ~tied
    if outside.any():
        raise MetaevalError(
            f"{name!r} in {source} contains {values[outside][0]:g}, but "
            f"preference_scale={scale!r} ranges from {low} to {high}; choose another scale "
            f"({join_names(SCALES)}), or map each code: value_map={{...}} (--value-map "
            "CODE=1,CODE=-1,CODE=none)."
        )
    times, plus = _MARGIN[scale]
    margin = times * values + plus
    return np.asarray(np.where(tied, 0.0, margin) + 0.0)


def inferred_scale(
    values: Floats, name: str, source: str, *, verdicts: bool
) -> tuple[str, list[str]]:
    """Infer the scale of numbers for which none was declared; return it with warnings.

    Parameters
    ----------
    values : array (record,)
        Numbers as in the file; margins are first minus second.
    name, source : str
        Name of the judge or column, and of the file in messages.
    verdicts : bool
        Whether they are verdicts, at most 1 in size, rather than margins of any size.

    Raises
    ------
    MetaevalError
        If the numbers fit several scales that disagree about which response is better.
    """
    present = values[~np.isnan(values)]
    distinct = set(np.unique(present).tolist())
    if not distinct or min(distinct) < -1 or max(distinct) > 2:
        return "margin", []
    if min(distinct) >= 1 and max(distinct) > 1:
        is_one_two = verdicts or (2.0 in distinct and distinct <= {1.0, 1.5, 2.0})
        return ("one-two" if is_one_two else "margin"), []
    if min(distinct) >= 0:
        _require_unambiguous(distinct, len(present), name, source)
        return "margin", []
    return "margin", _index_warning(present, distinct, name, source)


def _require_unambiguous(distinct: set[float], n: int, name: str, source: str) -> None:
    """Raise for numbers from 0 to 1 or 2 that fit scales of opposite direction."""
    if distinct == {0.0, 1.0}:
        meanings = (
            "'probability' (1 = first, 0 = second), 'index' (0 = first, 1 = second) or 'margin' "
            "(1 = first, 0 = tie)"
        )
    elif distinct >= {0.0, 2.0} and distinct <= {0.0, 1.0, 1.5, 2.0}:
        meanings = "'one-two' (1 = first, 2 = second, 0 = tie), or a value_map of all three codes"
    elif max(distinct) <= 1 and n >= _ENOUGH and min(distinct) < 0.5 < max(distinct):
        meanings = (
            "'probability' (that the first is better) or 'margin' (no value is negative, so the "
            "first is never worse)"
        )
    else:
        return
    listing = join_names([f"{v:g}" for v in sorted(distinct)], 4)
    raise MetaevalError(
        f"{name!r} in {source} contains {listing} and no negative numbers, so it is unclear which "
        f"response each value favors. Declare preference_scale={meanings} (--preference-scale, or "
        "--value-map)."
    )


def one_sided_warning(present: Floats, name: str, source: str) -> list[str]:
    """Return a warning about a judge that favors the same side on all pairs."""
    if len(present) < _ENOUGH:
        return []
    steps = _steps(present)
    if steps:
        return [f"{source}: {name} ranges from {_range(present)} and is never negative; {steps}"]
    side = {1: "first", -1: "second"}
    for sign, which in side.items():
        if (np.sign(present) == sign).all():
            return [
                f"{source}: {name} favors the {which} response in all {len(present)} pairs; if "
                "its numbers are not margins (first minus second), declare preference_scale= or "
                "value_map= (--preference-scale or --value-map)"
            ]
    if (present == 0).all():
        return [f"{source}: {name} rates all {len(present)} pairs as ties"]
    if (present >= 0).all():
        return [
            f"{source}: {name} is never negative in {len(present)} pairs; if it is not a "
            "margin (first minus second), declare preference_scale= (--preference-scale)"
        ]
    return []


def require_preferences(values: Floats, name: str, source: str) -> None:
    """Raise if a label of pairs has values outside [-1, 1]."""
    present = values[~np.isnan(values)]
    if not (np.abs(present) > 1).any():
        return
    advice = _steps(present) or (
        "expected preferences from -1 (second better) to 1 (first better). Declare the scale, such "
        f"as preference_scale={{{name!r}: 'percent'}} (--preference-scale {name}=percent), map the "
        "codes with value_map= (--value-map), or rescale them"
    )
    raise MetaevalError(f"{name!r} in {source} ranges from {_range(present)}; {advice}.")


def _range(present: Floats) -> str:
    return f"{present.min():g} to {present.max():g}"


def _steps(present: Floats) -> str:
    """Return the two mappings of a scale such as 1 to 5; "" if the numbers are not steps."""
    distinct = np.unique(present)
    if not 3 <= distinct[-1] <= 9 or distinct[0] < 1 or (distinct != np.round(distinct)).any():
        return ""
    high = int(distinct[-1])
    margins = 1 - 2 * np.arange(high) / (high - 1)
    words = [",".join(f"{k}={m:g}" for k, m in enumerate(way, 1)) for way in (margins, 0 - margins)]
    return (
        f"if 1 favors the first and {high} the second, declare value_map= (--value-map "
        f"{words[0]}); if {high} favors the first, declare the reverse (--value-map {words[1]})"
    )


def _index_warning(present: Floats, distinct: set[float], name: str, source: str) -> list[str]:
    """Return a warning about -1, 0, 1 that look like indices with -1 for no answer."""
    if not distinct <= {-1.0, 0.0, 1.0} or len(present) < _ENOUGH:
        return []
    low, none, high = (int((present == v).sum()) for v in (-1, 0, 1))
    if none and low * _RARE < min(none, high or none):
        return [
            f"{source}: {name} is 0 for {none}, 1 for {high} and -1 for {low} pairs; if these are "
            "indices (0 = first, 1 = second, -1 = no answer), use preference_scale='index' "
            "(--preference-scale index); they were read as 1 = first, 0 = tie, -1 = second "
            "(declare 'margin' to confirm)"
        ]
    return []
