"""`diagnose`: convergence diagnostics of a posterior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from metaeval.bayes.datatree import read_attr, require_posterior
from metaeval.bayes.sampling.convergence import bfmi, convergence
from metaeval.core import Floats, MetaevalError

# R-hat and effective sizes: Vehtari et al. (2021); E-BFMI: Stan's warning threshold.
LIMITS = {"r_hat": 1.01, "ess_bulk": 400.0, "ess_tail": 400.0, "divergences": 0.0, "e_bfmi": 0.3}

_CURES = {
    "r_hat": "the chains disagree: run longer chains (increase n_warmup= and n_draws=)",
    "ess_bulk": "the effective sample size is too small: increase n_draws=",
    "ess_tail": "the effective sample size in the tails is too small: increase n_draws=",
    "divergences": "there are divergent transitions: increase target_accept=, for example to 0.95",
    "e_bfmi": "the energy mixes slowly: increase n_warmup=, or fit a simpler model",
}


def diagnose(tree: xr.DataTree) -> pd.DataFrame:
    """Return convergence diagnostics: R-hat, effective sample sizes, divergences, energy.

    Parameters
    ----------
    tree : DataTree
        A posterior returned by `fit`.

    Returns
    -------
    DataFrame
        Rows `r_hat` (rank-normalized split R-hat, passed below 1.01), `ess_bulk` and `ess_tail`
        (above 400), `divergences` (none) and `e_bfmi` (above 0.3; NUTS only); columns `worst`,
        `limit`, `where` (the quantity with the worst value), `passed` and `cure` (what to change).

    Raises
    ------
    MetaevalError
        If `tree` is not a posterior returned by `fit`.

    References
    ----------
    Vehtari et al. (2021), Rank-normalization, folding, and localization. Betancourt (2016),
    Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> tree = bayes.fit(bayes.AccuracyModel(), load_example(), seed=1)
    >>> bool(bayes.diagnose(tree)["passed"].all())
    True
    """
    tree = require_posterior(tree)
    posterior = tree["posterior"].to_dataset()
    names, columns = [], []
    for name in read_attr(tree, "checked"):
        values = posterior[name].to_numpy()
        indices = list(np.ndindex(values.shape[2:]))
        names += [_quantity_name(posterior[name], index) for index in indices]
        columns.append(values.reshape(*values.shape[:2], -1))
    diagnostics = convergence(np.concatenate(columns, axis=-1))
    worst: dict[str, tuple[float, str]] = {}
    for gate, values, pick in (
        ("r_hat", diagnostics.rhat, np.argmax),
        ("ess_bulk", diagnostics.bulk, np.argmin),
        ("ess_tail", diagnostics.tail, np.argmin),
    ):
        undefined = ~np.isfinite(values)
        k = int(np.argmax(undefined) if undefined.any() else pick(values))
        worst[gate] = float(values[k]), names[k]
    stats: Any = tree["sample_stats"] if "sample_stats" in tree.children else {}
    if "diverging" in stats:
        worst["divergences"] = float(stats["diverging"].sum()), ""
        worst["e_bfmi"] = float(bfmi(stats["energy"].to_numpy()).min()), ""
    rows = [_row(gate, *entry) for gate, entry in worst.items()]
    return pd.DataFrame(rows).set_index("gate")


def converged(draws: Sequence[Floats]) -> bool:
    """Return whether draws (chain, draw, ...) pass the checks that longer chains improve."""
    flat = [values.reshape(*values.shape[:2], -1) for values in draws]
    diagnostics = convergence(np.concatenate(flat, axis=-1))
    smallest_ess = np.minimum(diagnostics.bulk, diagnostics.tail).min()
    return bool(diagnostics.rhat.max() < LIMITS["r_hat"] and smallest_ess > LIMITS["ess_bulk"])


def _quantity_name(variable: xr.DataArray, index: tuple[int, ...]) -> str:
    dims = variable.dims[2:]
    coordinates = [
        str(variable[d].to_numpy()[i]) if d in variable.coords else str(i)
        for d, i in zip(dims, index, strict=True)
    ]
    return f"{variable.name}[{', '.join(coordinates)}]" if coordinates else str(variable.name)


def _row(gate: str, worst: float, where: str) -> dict[str, Any]:
    limit = LIMITS[gate]
    passed = worst > limit if gate.startswith("e") else worst < limit or worst == limit == 0
    return {
        "gate": gate,
        "worst": worst,
        "limit": limit,
        "where": where,
        "passed": bool(passed),
        "cure": "" if passed else _CURES[gate],
    }


def failures(tree: xr.DataTree) -> list[str]:
    """Return one line for each diagnostic that a posterior fails."""
    rows = diagnose(tree).reset_index().to_dict("records")
    return [
        f"{row['gate']} {row['worst']:.4g} "
        + (f"of {row['where']} " if row["where"] else "")
        + f"(limit {row['limit']:g}): {row['cure']}"
        for row in rows
        if not row["passed"]
    ]


def require_passed(lines: list[str]) -> None:
    """Raise an error if any diagnostic failed."""
    if lines:
        raise MetaevalError(
            f"The posterior failed convergence diagnostics: {'; '.join(lines)}. Pass check=False "
            "to return it anyway; results derived from it are then flagged."
        )
