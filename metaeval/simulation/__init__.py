"""Scorers of known quality: a model of scores and labels, and the true values.

- `model`: The model that tables are simulated from: scorers, raters and responses of known
  quality.
- `truth`: The truth of a simulated design: accuracies, thresholds and calibration curves.
- `datasets`: Tables made by chance from a model whose truth is known: `simulate` and
  `load_example`.
"""

from __future__ import annotations

from metaeval.simulation.datasets import load_example, simulate
from metaeval.simulation.truth import Truth

__all__ = [
    "Truth",
    "load_example",
    "simulate",
]
