"""Numerical tolerances and the reason for each, so that equality is defined once."""

from __future__ import annotations

ROUNDOFF = 1e-12
"""Proportions, probabilities and relative sizes that differ by at most this are equal.

The relative error of a sum of n doubles is at most n * 2**-53, that is 1e-12 for n = 9,000; the
smallest meaningful difference, one pair in the largest tables (1e9 pairs), is a thousand times
larger.
"""

ROUNDOFF_OF_SUMS = 1e-9
"""Relative tolerance for sums with cancellation, and for their ratios and squares.

Cancellation loses digits: differences of sums, t statistics and means keep about nine of sixteen.
"""

SMALLEST_DIVISOR = 1e-300
"""Stands for 0 in denominators and logarithms: near the smallest normal double, 2e-308."""

NEAREST_TO_CERTAIN = 1e-9
"""Probabilities are clipped this far from 0 and 1 before logarithms: log odds within 20.7."""
