"""Before and after a study: sample sizes, power, error rates, and the gate of CI.

- `power_analysis`: Planning from a pilot: how many items a comparison needs, and what a test does
  to this design.
- `error_rates`: What a test does to this design: its size where two scorers are equally good.
- `ci_gate`: Whether a new scorer passes: the interval of its gain over a baseline against a
  margin.
"""

from __future__ import annotations

from metaeval.planning.ci_gate import Gate, gate
from metaeval.planning.error_rates import type_i_error_rate
from metaeval.planning.power_analysis import power_by_simulation, sample_size

__all__ = [
    "Gate",
    "gate",
    "power_by_simulation",
    "sample_size",
    "type_i_error_rate",
]
