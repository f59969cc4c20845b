"""Unweighted mean over strata, of estimates and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metaeval.core import ROUNDOFF, Codes, Floats
from metaeval.inference.estimates import Estimates
from metaeval.statistics import StandardErrors


def macro_average(parts: list[Estimates], n_shared: int) -> Estimates:
    """Return the unweighted mean over strata, of estimates and draws.

    `n_shared` is the number of distinct items, which strata may share.
    """
    if len(parts) == 1 and parts[0].name is None:
        return parts[0]
    n = len(parts)
    shared = all(p.stream == parts[0].stream for p in parts) and n > 1
    stack = _sum if shared else np.concatenate
    contributions = [p.contributions for p in parts if p.contributions is not None]
    systems = [p.n_systems for p in parts if p.n_systems is not None]
    n_units = len(parts[0].units) if shared else sum(p.n_units for p in parts)
    return Estimates(
        scorers=parts[0].scorers,
        name=None,
        estimate=np.mean([p.estimate for p in parts], axis=0),
        contributions=stack(contributions) / n if len(contributions) == n else None,
        influence=stack([p.influence for p in parts]) / n,
        draws=np.mean([p.draws for p in parts], axis=0),
        widened=None if shared else np.mean([_widened(p, n_units) for p in parts], axis=0),
        standard_errors=None if shared or systems else _mean_errors(parts),
        levels=_mean_levels(parts),
        unseen_variance=np.sum([_unseen_variance(p) for p in parts], axis=0) / n**2,
        n_items=min(n_shared, sum(p.n_items for p in parts)),
        n_units=n_units,
        n_rows=sum(p.n_rows for p in parts),
        n_dropped=sum(p.n_dropped for p in parts),
        n_systems=min(systems) if systems else None,
        share=stack([p.share for p in parts]) / n,
        units=parts[0].units,
        n_strata=1 if shared else n,
        stream=n,
        tables=tuple(table for p in parts for table in p.tables),
    )


def _widened(part: Estimates, n_units: int) -> Floats:
    """Draws of a stratum whose variance has the correction of its own number of units.

    That of all units together is applied to standard errors later.
    """
    if part.n_units < 2 or part.n_systems is not None:
        return part.draws
    factor = np.sqrt(part.n_units / (part.n_units - 1) * (n_units - 1) / n_units)
    return np.asarray(part.estimate + factor * (part.draws - part.estimate))


def _sum(parts: list[Floats]) -> Floats:
    return np.sum(parts, axis=0)


def _unseen_variance(part: Estimates) -> Floats:
    """Variance of proportions at 0 or 1 in all replicates, with two successes and failures added.

    References
    ----------
    Agresti and Coull (1998), Approximate is better than "exact" for interval estimation of
    binomial proportions.
    """
    at_bound = np.minimum(np.abs(part.estimate), np.abs(1 - part.estimate)) <= ROUNDOFF
    constant = at_bound & (np.abs(part.draws - part.estimate) <= ROUNDOFF).all(axis=0)
    n = part.n_units + 4
    return np.where(constant, 2 * (n - 2) / n**3, 0.0)


def _mean_errors(parts: list[Estimates]) -> StandardErrors | None:
    """Standard error of a mean over strata that are resampled independently."""
    of_strata = [p.standard_errors for p in parts if p.standard_errors is not None]
    if len(of_strata) < len(parts):
        return None

    def of_estimate(first: Codes, second: Codes | None) -> Floats:
        return _pooled([errors.of_estimate(first, second) for errors in of_strata])

    def of_replicates(first: Codes, second: Codes | None) -> Floats:
        return _pooled([errors.of_replicates(first, second) for errors in of_strata])

    return StandardErrors(of_estimate, of_replicates)


def _pooled(parts: Sequence[Floats]) -> Floats:
    """Standard error of the mean of independent values."""
    return np.asarray(np.sqrt(np.sum(np.square(parts), axis=0)) / len(parts))


def _mean_levels(parts: list[Estimates]) -> Mapping[str, Floats]:
    """Levels averaged over strata; numbers of undefined groups and of trials are summed."""
    names = parts[0].levels
    return {
        name: (np.sum if name in ("lost", "trials") else np.mean)(
            [p.levels[name] for p in parts], axis=0
        )
        for name in names
        if name != "epsilon"
    }
