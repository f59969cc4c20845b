"""Excess bias: the effect of a covariate on decisions given the label, by least squares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaeval.bayes.design import covariate_differences
from metaeval.core import Floats, MetaevalError, join_names
from metaeval.curves import scale_of
from metaeval.statistics import Estimand, Statistic, SumStatistic, only_label, sum_by
from metaeval.tables import Pairs, Table

TARGET = (
    "the increase in the rate at which the first response is preferred (ties count half) per root "
    "mean square of the covariate, given the label and the other covariates"
)


def excess_biases(table: Table, names: Sequence[str]) -> list[Statistic]:
    """Return one statistic for each covariate, all from the same regression.

    Raises `MetaevalError` if a covariate is missing, infinite, or collinear with the label or the
    other covariates in a stratum.
    """
    scale = np.array([scale_of(x) for x in covariate_differences(table.pairs(), names)])
    return [_excess_bias(names, scale, at) for at in range(len(names))]


def _excess_bias(names: Sequence[str], scale: Floats, index: int) -> Statistic:
    r"""Return half the slope of decisions v (1, 0, -1) on x, in least squares of v on h and x.

    h is the sign of the label. Swapping the responses of a pair flips the signs of v, h and x.
    """

    def terms(table: Pairs) -> Floats:
        x = covariate_differences(table, names) / scale[:, None]
        regressors = np.column_stack([np.sign(only_label(table)), x.T])
        _require_independent(regressors, names, table)
        decisions = np.sign(table.scores.to_numpy())
        square = np.einsum("ri,rj->rij", regressors, regressors).reshape(len(regressors), -1)
        square = np.broadcast_to(square[:, None], (*decisions.shape, square.shape[1]))
        rows = np.concatenate([square, decisions[..., None] * regressors[:, None]], axis=-1)
        return sum_by(rows, table.item_codes, table.n_items)

    def finish(sums: Floats) -> Floats:
        n = len(names) + 1
        square = sums[..., : n * n].reshape(*sums.shape[:-1], n, n)
        inverse = np.linalg.pinv(square, hermitian=True)
        return np.asarray(
            np.einsum("...j,...j->...", inverse[..., index + 1, :], sums[..., n * n :]) / 2
        )

    estimand = Estimand(
        name=f"bias(covariate={names[index]})",
        rows="pairs",
        grouping="none",
        average="pairs",
        ties="none",
        target=TARGET,
        better="neither",
    )
    return SumStatistic(estimand=estimand, terms=terms, finish=finish, smooth=True)


def _require_independent(regressors: Floats, names: Sequence[str], table: Pairs) -> None:
    """Raise an error if covariates are collinear with the label or with each other."""
    if np.linalg.matrix_rank(regressors) < regressors.shape[1]:
        tasks = table.rows["task"].unique() if "task" in table.rows else []
        stratum = f" in {tasks[0]}" if len(tasks) == 1 else ""
        zero = [name for name, x in zip(names, regressors[:, 1:].T, strict=True) if not x.any()]
        reason = f"All values of {join_names(zero)} are 0{stratum}"
        raise MetaevalError(
            f"{reason}; exclude such columns from covariates=."
            if zero
            else (
                f"{join_names(names)} are collinear with the label or with each "
                f"other{stratum}; exclude one from covariates=."
            )
        )
