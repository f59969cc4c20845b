"""Accuracy at every tie threshold, and which thresholds the data do not tell from the best one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from metaeval.calibration.cases import designed
from metaeval.core import Floats, MetaevalError, check_integer, decide_with_threshold, same_sizes
from metaeval.inference import compare
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
    r"""Pairwise accuracy (ties met by ties) by the threshold below which a margin is called a tie.

    Parameters
    ----------
    table : Responses or Pairs
    average : {"items", "pairs"}, optional
        As in `metaeval.statistics.pairwise_accuracy`.
    points : int, default 40
        At how many thresholds at most, besides the best: 0 and sizes of margins, evenly spaced by
        the number of pairs that they tie.
    label, scorers, resample, missing
        As in `metaeval.evaluate`.
    confidence : float, default 0.95
        Of the intervals, each by itself, and of the plateau, all thresholds at once.
    n_resamples : int, default 2 000
        Bootstrap replicates, and flips of the test.
    seed : int, default 0

    Returns
    -------
    DataFrame
        One row for each threshold of each scorer, rising: scorer, epsilon, accuracy, lower, upper;
        tie_rate (share of pairs called ties); behind (accuracy at the best threshold less that
        here), p_adjusted (of no difference to the best); `best`, the threshold that
        `tie_calibrated_accuracy(n_folds=None)` chooses, and `plateau`, those that are not told from
        it. `frame.attrs` has the signature of the comparison of the first scorer, and its notes.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable.

    Notes
    -----
    Thresholds of one scorer are compared as scorers are, by sign flips of items (clusters) and
    max-T over all pairs of thresholds, so that the best of them, though the data chose it, may
    be one side of a comparison. A plateau is a set that was not told apart, not one of equals: few
    items make it wide. The accuracy at the best threshold is optimistic; see
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
    design = designed(table, label=label, scorers=scorers, resample=resample, missing=missing)
    pairs = design.table.pairs()
    frames = []
    for name in pairs.scorers:
        epsilon, best = _grid(pairs.keep_scorers([name]), kind, points)
        result = compare(
            _called(pairs, name, epsilon),
            pairwise_accuracy("acc-eq", average=kind),  # type: ignore[arg-type]
            resample=design.resample,
            confidence=confidence,
            n_resamples=n_resamples,
            seed=seed,
        )
        frames.append(_rows(result, name, epsilon, best))
    whole = pd.concat(frames, ignore_index=True)
    whole.attrs |= frames[0].attrs
    said = [*table.alignment.warnings, *design.warnings]
    whole.attrs["notes"] = [*said, *whole.attrs["notes"]]
    return whole


def _grid(pairs: Pairs, average: str, points: int) -> tuple[Floats, float]:
    """Thresholds of one scorer, 0 and the best among them, rising; and the best."""
    size, total = credit_at(pairs, average)
    if len(size) < 2:
        raise MetaevalError(
            f"All margins of {pairs.scorers[0]!r} are 0 or missing, so that there is one threshold "
            "only; leave it out (scorers=)."
        )
    best = int(np.argmax(total))
    sizes = same_sizes(np.sort(np.abs(pairs.scores.to_numpy()[:, 0])))
    share = np.searchsorted(sizes, size, side="right")
    wanted = np.linspace(share[0], share[-1], points)
    at = np.unique(np.r_[0, best, np.searchsorted(share, wanted).clip(max=len(size) - 1)])
    return size[at], float(size[best])


def _called(pairs: Pairs, name: str, epsilon: Floats) -> Pairs:
    """Pairs whose scorers are the calls of one scorer at each threshold."""
    margin = pairs.scores[name].to_numpy()[:, None]
    calls = np.hstack([decide_with_threshold(margin, e) for e in epsilon])
    columns = [f"{i:04d}" for i in range(len(epsilon))]
    label = pd.DataFrame({"label": only_label(pairs)}, index=pairs.rows.index)
    scores = pd.DataFrame(calls, index=pairs.rows.index, columns=columns)
    return pairs.replace(scores=scores, labels=label, missing="common")


def _rows(result: Result, name: str, epsilon: Floats, best: float) -> pd.DataFrame:
    """Own values of the thresholds, and what sets each apart from the best."""
    frame = result.rows(None, None)
    own = frame[frame["baseline"].isna()].sort_values("scorer")
    is_best = epsilon == best
    code = f"{int(np.flatnonzero(is_best)[0]):04d}"
    p = {
        row.scorer if row.baseline == code else row.baseline: row.p_adjusted
        for row in frame[frame["baseline"].notna()].itertuples()
        if code in (row.scorer, row.baseline)
    }
    adjusted = own["scorer"].map(p | {code: 1.0}).to_numpy()
    accuracy = own["estimate"].to_numpy()
    found = pd.DataFrame(
        {
            "scorer": name,
            "epsilon": epsilon,
            "accuracy": accuracy,
            "lower": own["lower"].to_numpy(),
            "upper": own["upper"].to_numpy(),
            "tie_rate": own["tie_rate"].to_numpy(),
            "behind": accuracy[is_best][0] - accuracy,
            "p_adjusted": adjusted,
            "best": is_best,
            "plateau": ~result.is_significant(adjusted),
        }
    )
    found.attrs |= {"signature": result.signature, "notes": list(result.meta["notes"])}
    return found
