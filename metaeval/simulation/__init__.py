"""Simulation: a model of scores and labels with known true values.

- `model`: The data-generating model: scorers, raters and responses of known quality.
- `truth`: True accuracies, thresholds and calibration curves of a design.
- `datasets`: Simulated tables: `simulate` and `load_example`.
"""

from __future__ import annotations

from metaeval.simulation.datasets import load_example, simulate
from metaeval.simulation.truth import Truth

__all__ = [
    "Truth",
    "load_example",
    "simulate",
]
