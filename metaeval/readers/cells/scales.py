"""Scales of preferences: what the numbers of a judge say of the first and second response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from metaeval.core import Floats, MetaevalError, check_one_of, join_names

SCALES = ("margin", "probability", "percent", "one-two", "index")
"""What a number says: above 0 for the first and below 0 for the second ("margin"); how probable it
is that the first is better ("probability", 0 to 1, or "percent", 0 to 100); 1 for the first, 2 for
the second, between them how sure ("one-two", with 0 and 1.5 for a tie); 0 for the first, 1 for the
second, -1 for no answer ("index")."""

Scale = str | Mapping[str, str] | None

_ENOUGH = 8  # fewer values say little about a scale
_RARE = 3  # a sign this many times rarer than each of the two others is a code


def check_scale(scale: Any) -> None:
    """Raise unless a scale, or each of a mapping of columns or judges to scales, is known."""
    for one in scale.values() if isinstance(scale, Mapping) else (scale,):
        check_one_of("preference_scale", one, (None, *SCALES))


def scale_of(name: str, scale: Scale) -> str | None:
    """The scale that was declared for one column or judge."""
    return scale.get(name) if isinstance(scale, Mapping) else scale


_BOUNDS = {"probability": (0, 1), "percent": (0, 100), "one-two": (1, 2), "index": (0, 1)}


_MARGIN = {
    "margin": (1, 0),
    "probability": (2, -1),
    "percent": (0.02, -1),
    "one-two": (-2, 3),
    "index": (-2, 1),
}
"""What a number is multiplied by, and what is added, to be a margin."""


def as_margins(values: Floats, scale: str, name: str, source: str) -> Floats:
    """Numbers on a scale as margins of the first over the second: (record,).

    >>> as_margins(np.array([1.0, 2.0, 1.5]), "one-two", "judge", "x.csv").tolist()
    [1.0, -1.0, 0.0]
    """
    low, high = _BOUNDS.get(scale, (-np.inf, np.inf))
    values = np.where((values == -1) & (scale == "index"), np.nan, values)
    tied = (values == 0) & (scale == "one-two")
    outside = ((values < low) | (values > high)) & ~tied
    if outside.any():
        raise MetaevalError(
            f"{name!r} of {source}: {values[outside][0]:g} does not lie between {low} and {high}, "
            f"as preference_scale={scale!r} says; declare another of {join_names(SCALES)}, or a "
            "vocabulary (--value-map CODE=1,CODE=-1,CODE=none)."
        )
    times, plus = _MARGIN[scale]
    margin = times * values + plus
    return np.asarray(np.where(tied, 0.0, margin) + 0.0)


def inferred_scale(
    values: Floats, name: str, source: str, *, verdicts: bool
) -> tuple[str, list[str]]:
    """The scale of numbers that nobody declared, and what to warn of.

    Parameters
    ----------
    values : array (record,)
        Numbers as they stand in the file, first less second where they are margins.
    name, source : str
        Whose they are, and what to call the file.
    verdicts : bool
        Whether they are verdicts, of at most 1, and not margins of any size.

    Raises
    ------
    MetaevalError
        If the numbers may be of several scales that disagree about who is better.
    """
    present = values[~np.isnan(values)]
    distinct = set(np.unique(present).tolist())
    if not distinct or min(distinct) < -1 or max(distinct) > 2:
        return "margin", []
    if min(distinct) >= 1 and max(distinct) > 1:
        sure = verdicts or (2.0 in distinct and distinct <= {1.0, 1.5, 2.0})
        return ("one-two" if sure else "margin"), []
    if min(distinct) >= 0:
        _require_unambiguous(distinct, len(present), name, source)
        return "margin", []
    return "margin", _codes(present, distinct, name, source)


def _require_unambiguous(distinct: set[float], n: int, name: str, source: str) -> None:
    """Raise for numbers from 0 to 1 or 2 of which nobody knows whom they favour."""
    if distinct == {0.0, 1.0}:
        meanings = (
            "'probability' (1 first, 0 second), 'index' (0 first, 1 second) or 'margin' (1 first, "
            "0 tie)"
        )
    elif distinct >= {0.0, 2.0} and distinct <= {0.0, 1.0, 1.5, 2.0}:
        meanings = "'one-two' (1 first, 2 second, 0 tie), or a vocabulary of all three codes"
    elif max(distinct) <= 1 and n >= _ENOUGH and min(distinct) < 0.5 < max(distinct):
        meanings = (
            "'probability' (that the first is better) or 'margin' (never below 0: the first is "
            "never worse)"
        )
    else:
        return
    shown = join_names([f"{v:g}" for v in sorted(distinct)], 4)
    raise MetaevalError(
        f"{name!r} of {source} holds {shown}, none below 0; it is not known which response "
        f"they favour. Say so: preference_scale={meanings} (--preference-scale, or --value-map)."
    )


def one_sided(present: Floats, name: str, source: str) -> list[str]:
    """A warning of a judge that favours one side everywhere."""
    if len(present) < _ENOUGH:
        return []
    steps = _steps(present)
    if steps:
        return [f"{source}: {name} holds {_range(present)} and none below 0; {steps}"]
    side = {1: "first", -1: "second"}
    for sign, which in side.items():
        if (np.sign(present) == sign).all():
            return [
                f"{source}: {name} favours the {which} on all {len(present)} pairs; if its numbers "
                "are not margins of the first over the second, say what they are "
                "(--preference-scale or --value-map)"
            ]
    if (present == 0).all():
        return [f"{source}: {name} calls all {len(present)} pairs tied"]
    if (present >= 0).all():
        return [
            f"{source}: {name} is never below 0 on {len(present)} pairs; if it is not a margin of "
            "the first over the second, declare preference_scale (--preference-scale)"
        ]
    return []


def require_preferences(values: Floats, name: str, source: str) -> None:
    """Raise if a label of pairs holds numbers beyond -1 and 1."""
    present = values[~np.isnan(values)]
    if not (np.abs(present) > 1).any():
        return
    cure = _steps(present) or (
        "preferences lie between -1 (second better) and 1 (first better): say what the numbers "
        f"are (--preference-scale {name}=percent, --value-map), or rescale them"
    )
    raise MetaevalError(f"{name!r} of {source} holds {_range(present)}; {cure}.")


def _range(present: Floats) -> str:
    return f"{present.min():g} to {present.max():g}"


def _steps(present: Floats) -> str:
    """What to type for a scale such as 1 to 5, from one side to the other; "" if it is none."""
    distinct = np.unique(present)
    if not 3 <= distinct[-1] <= 9 or distinct[0] < 1 or (distinct != np.round(distinct)).any():
        return ""
    high = int(distinct[-1])
    margins = 1 - 2 * np.arange(high) / (high - 1)
    words = [",".join(f"{k}={m:g}" for k, m in enumerate(way, 1)) for way in (margins, 0 - margins)]
    return (
        f"if 1 says that the first is better and {high} that the second is, --value-map "
        f"{words[0]}; if {high} says that the first is, --value-map {words[1]}"
    )


def _codes(present: Floats, distinct: set[float], name: str, source: str) -> list[str]:
    """A warning of -1, 0, 1 that look like indices with a code for no answer."""
    if not distinct <= {-1.0, 0.0, 1.0} or len(present) < _ENOUGH:
        return []
    low, none, high = (int((present == v).sum()) for v in (-1, 0, 1))
    if none and low * _RARE < min(none, high or none):
        return [
            f"{source}: {name} is 0 on {none}, 1 on {high} and -1 on {low} pairs; if these are "
            "indices (0 first, 1 second, -1 no answer), read them with --preference-scale index; "
            "taken here as 1 first, 0 tie, -1 second (--preference-scale margin says so)"
        ]
    return []
