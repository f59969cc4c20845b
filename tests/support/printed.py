"""Comparisons of what was printed with what a page shows."""

import re

import pytest

NUMBER = r"-?\d+(?:\.\d+)?"


def assert_close(printed, shown):
    """Words alike, and numbers up to what chains differ by between machines."""
    texts = [" ".join(re.sub(NUMBER, "#", text).split()) for text in (printed, shown)]
    assert texts[0] == texts[1]
    for one, other in zip(*(re.findall(NUMBER, text) for text in (printed, shown)), strict=True):
        last = 10.0 ** -len(other.partition(".")[2])
        assert float(one) == pytest.approx(float(other), rel=0.06, abs=3 * last)
