"""Accuracy by tie threshold, compared with that at the best threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaeval.calibration.cases import prepare_design
from metaeval.core import Floats, MetaevalError, check_integer, decide_with_threshold, same_sizes
from metaeval.inference import DesignOptions, compare
from metaeval.results import Result
from metaeval.statistics import check_average, credit_at, only_label, pairwise_accuracy
from metaeval.tables import Pairs, Table


def threshold_curve(
    table: Table,
    *,
    average: str | None = None,
    points: int = 40,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    resample: str | None = None,
    missing: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Pairwise accuracy (acc-eq) as a function of the tie threshold.

    Parameters
    ----------
    table : Responses or Pairs
    average : {"items", "pairs"}, optional
        As in `metaeval.statistics.pairwise_accuracy`.
    points : int, default 40
        Maximum number of thresholds besides the best: 0 and absolute margins, evenly spaced by the
        number of pairs that they tie.
    label, scorers, resample, missing
        As in `metaeval.evaluate`.
    confidence : float, default 0.95
        Confidence level, pointwise for the intervals and simultaneous for the plateau.
    n_resamples : int, default 2 000
        Bootstrap replicates, and sign flips of the test.
    seed : int, default 0
        Seed of the random numbers.

    Returns
    -------
    DataFrame
        One row for each threshold of each scorer, in ascending order: scorer, epsilon, accuracy,
        lower, upper; tie_rate (proportion of pairs that are ties); behind (accuracy at the best
        threshold minus that at this one), p_adjusted (of the difference from the best); `best`,
        whether this is the threshold of `tie_calibrated_accuracy(n_folds=None)`, and `plateau`,
        whether it is not significantly worse. `frame.attrs` has the signature of the comparison of
        the first scorer, and its notes.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid.

    Notes
    -----
    Thresholds of one scorer are compared like scorers, by sign flips of items (clusters) and max-T
    over all pairs of thresholds, which remains valid although the best threshold is selected from
    the data. Thresholds on the plateau are not significantly different, which does not mean equal:
    with few items the plateau is wide. The accuracy at the best threshold is optimistic; see
    `tie_calibrated_accuracy`.

    References
    ----------
    Deutsch, Foster, Freitag (2023), Ties Matter. Hsu (1996), Multiple comparisons.

    Examples
    --------
    >>> from metaeval import calibration, load_example
    >>> curve = calibration.threshold_curve(
    ...     load_example(), scorers=["judge"], points=6, n_resamples=200)
    >>> bool(curve.loc[curve["best"], "accuracy"].item() == curve["accuracy"].max())
    True
    """
    check_integer("points", points, 2)
    kind = check_average("item", average)
    options = DesignOptions(label=label, scorers=scorers, resample=resample, missing=missing)
    design = prepare_design(table, options)
    pairs = design.table.pairs()
    frames = []
    for name in pairs.scorers:
        epsilon, best = _grid(pairs.keep_scorers([name]), kind, points)
        result = compare(
            _decisions(pairs, name, epsilon),
            pairwise_accuracy("acc-eq", average=kind),  # type: ignore[arg-type]
            resample=design.resample,
            confidence=confidence,
            n_resamples=n_resamples,
            seed=seed,
        )
        frames.append(_rows(result, name, epsilon, best))
    curves = pd.concat(frames, ignore_index=True)
    curves.attrs |= frames[0].attrs
    warnings = [*table.alignment.warnings, *design.warnings]
    curves.attrs["notes"] = [*warnings, *curves.attrs["notes"]]
    return curves


def _grid(pairs: Pairs, average: str, points: int) -> tuple[Floats, float]:
    """Ascending thresholds of one scorer, including 0 and the best, and the best."""
    size, total = credit_at(pairs, average)
    if len(size) < 2:
        raise MetaevalError(
            f"All margins of {pairs.scorers[0]!r} are 0 or missing, so 0 is the only possible "
            "tie threshold; exclude it (scorers=)."
        )
    best = int(np.argmax(total))
    sizes = same_sizes(np.sort(np.abs(pairs.scores.to_numpy()[:, 0])))
    n_tied = np.searchsorted(sizes, size, side="right")
    targets = np.linspace(n_tied[0], n_tied[-1], points)
    at = np.unique(np.r_[0, best, np.searchsorted(n_tied, targets).clip(max=len(size) - 1)])
    return size[at], float(size[best])


def _decisions(pairs: Pairs, name: str, epsilon: Floats) -> Pairs:
    """Pairs whose scorers are the decisions of one scorer at each threshold."""
    margin = pairs.scores[name].to_numpy()[:, None]
    decisions = np.hstack([decide_with_threshold(margin, e) for e in epsilon])
    columns = [f"{i:04d}" for i in range(len(epsilon))]
    label = pd.DataFrame({"label": only_label(pairs)}, index=pairs.rows.index)
    scores = pd.DataFrame(decisions, index=pairs.rows.index, columns=columns)
    return pairs.replace(scores=scores, labels=label, missing="common")


def _rows(result: Result, name: str, epsilon: Floats, best: float) -> pd.DataFrame:
    """Values of the thresholds, and comparisons with the best."""
    frame = result.rows(None, None)
    values = frame[frame["baseline"].isna()].sort_values("scorer")
    is_best = epsilon == best
    code = f"{int(np.flatnonzero(is_best)[0]):04d}"
    p = {
        row.scorer if row.baseline == code else row.baseline: row.p_adjusted
        for row in frame[frame["baseline"].notna()].itertuples()
        if code in (row.scorer, row.baseline)
    }
    adjusted = values["scorer"].map(p | {code: 1.0}).to_numpy()
    accuracy = values["estimate"].to_numpy()
    curve = pd.DataFrame(
        {
            "scorer": name,
            "epsilon": epsilon,
            "accuracy": accuracy,
            "lower": values["lower"].to_numpy(),
            "upper": values["upper"].to_numpy(),
            "tie_rate": values["tie_rate"].to_numpy(),
            "behind": accuracy[is_best][0] - accuracy,
            "p_adjusted": adjusted,
            "best": is_best,
            "plateau": ~result.is_significant(adjusted),
        }
    )
    curve.attrs |= {"signature": result.signature, "notes": list(result.meta.notes)}
    return curve
