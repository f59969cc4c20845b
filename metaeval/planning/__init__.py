"""Planning of studies: sample size, power, error rates, coverage, and gates in CI.

- `power_analysis`: Sample size and power from a pilot.
- `error_rates`: Type I error rate of a test in a given design, by simulation.
- `coverage`: Coverage of confidence intervals in a given design, by simulation.
- `ci_gate`: Superiority and non-inferiority gates for continuous integration.
"""

from __future__ import annotations

from metaeval.planning.ci_gate import Gate, gate
from metaeval.planning.coverage import coverage_by_simulation
from metaeval.planning.error_rates import type_i_error_rate
from metaeval.planning.power_analysis import power_by_simulation, sample_size

__all__ = [
    "Gate",
    "coverage_by_simulation",
    "gate",
    "power_by_simulation",
    "sample_size",
    "type_i_error_rate",
]
