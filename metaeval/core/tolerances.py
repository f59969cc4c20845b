"""Tolerances, each with its reason: one place, so that equal means the same everywhere."""

from __future__ import annotations

ROUNDOFF = 1e-12
"""Proportions, probabilities and shares of a size that differ by no more are equal.

A sum of n doubles is off by n * 2**-53 of its size at most, 1e-12 for 9,000 of them; the smallest
difference that means something, one pair in the largest tables (1e9 pairs), is a thousand times
larger.
"""

ROUNDOFF_OF_SUMS = 1e-9
"""Sums in which terms cancel, and ratios and squares of them, are equal within this share.

Cancellation costs digits: differences of sums, t statistics and means keep about nine of sixteen.
"""

SMALLEST_DIVISOR = 1e-300
"""What stands for 0 in denominators and logarithms: near the smallest normal double, 2e-308."""

NEAREST_TO_CERTAIN = 1e-9
"""Probabilities are kept this far from 0 and 1 before logarithms: log odds within 20.7."""
