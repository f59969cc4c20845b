"""Words of rating scales in ascending order, for hints that spell out a mapping."""

from __future__ import annotations

from collections.abc import Sequence

_SCALES: tuple[tuple[str | tuple[str, ...], ...], ...] = (
    (
        *(("strongly disagree", "completely disagree"), "disagree", "somewhat disagree"),
        *(("neutral", "undecided", "neither agree nor disagree"), "somewhat agree", "agree"),
        ("strongly agree", "completely agree"),
    ),
    (
        *(("terrible", "awful", "unacceptable"), ("very poor", "very bad"), ("poor", "bad")),
        *(("mediocre", "below average"), ("fair", "average", "ok", "okay", "acceptable")),
        *(("above average", "satisfactory"), "good", ("very good", "great"), "excellent"),
        "perfect",
    ),
    (
        *(("none", "no"), "very low", "low", ("medium", "moderate", "mid"), "high", "very high"),
        "extremely high",
    ),
    (
        *("very unlikely", "unlikely", ("neutral", "possible"), "likely", "very likely"),
        "certain",
    ),
    ("never", "rarely", "sometimes", "often", "always"),
    (
        ("no", "incorrect", "wrong", "not at all", "irrelevant", "not relevant", "fail", "n"),
        ("slightly", "mostly incorrect", "somewhat"),
        ("partially", "partly", "partial", "maybe", "partially correct", "partially relevant"),
        ("mostly", "mostly correct", "relevant"),
        ("yes", "correct", "right", "completely", "fully", "highly relevant", "pass", "y"),
    ),
    (
        *("f", "e-", "e", "e+", "d-", "d", "d+", "c-", "c", "c+", "b-", "b", "b+", "a-", "a"),
        "a+",
    ),
)
_COUNTED = (
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"),
)
"""Number words: the index of a word is its value."""


def order_words(words: Sequence[str]) -> list[list[str]]:
    """Return the words of one scale by rank, lowest first; [] if no scale has them all.

    >>> order_words(["good", "poor", "ok"])
    [['poor'], ['ok'], ['good']]
    """
    for scale in (*_SCALES, *_COUNTED):
        rank = {
            word: level
            for level, step in enumerate(scale)
            for word in ((step,) if isinstance(step, str) else step)
        }
        if set(words) <= set(rank) and len({rank[w] for w in words}) > 1:
            steps = sorted({rank[w] for w in words})
            return [sorted(w for w in words if rank[w] == step) for step in steps]
    return []


def number_words(words: Sequence[str]) -> dict[str, int]:
    """Return a number for each word of one scale, lowest first; {} if no scale has them all.

    >>> number_words(["good", "poor"]), number_words(["five", "two"])
    ({'poor': 1, 'good': 2}, {'two': 2, 'five': 5})
    """
    for counted in _COUNTED:
        if set(words) <= set(counted):
            return {word: n for n, word in enumerate(counted) if word in words}
    return {word: n for n, step in enumerate(order_words(words), 1) for word in step}


_WORDS = {
    word
    for scale in (*_SCALES, *_COUNTED)
    for step in scale
    for word in ((step,) if isinstance(step, str) else step)
    if len(word) > 1
}


def count_scale_words(words: Sequence[str]) -> int:
    """Return the number of words that belong to some scale."""
    return sum(word in _WORDS for word in words)
