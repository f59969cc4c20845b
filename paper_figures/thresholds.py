"""Tie thresholds: posterior, cross-fitted and in-sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from metaeval import bayes, evaluate
from metaeval.plots import tie_curve
from metaeval.tables import Responses
from paper_figures import real, worlds
from paper_figures.making import keep

SCORERS = ("metric learned", "reward small", "reward large", "judge 10 points")
_OTHERS = ("cross-fitted", "in-sample", "truth")
REAL = ("BLEURT-20_ref_A", "COMET-QE-MQM_2021")


def draw(folder: Path, quick: bool = False) -> None:
    """Draw accuracy by threshold, with three thresholds; the frame includes the true optimum."""
    scorers = SCORERS[1:3] if quick else SCORERS
    table, truth = worlds.world(60 if quick else 150, worlds.TASKS[:1], scorers)
    best = truth.epsilon["pooled"].rename_axis("scorer").reset_index(name="epsilon")
    _keep(folder, "thresholds", table, quick, best.assign(part="truth"))
    if data := real.data():
        wmt = real.wmt(data).keep_scorers(list(REAL)).keep_labels(["mqm"])
        _keep(folder, "thresholds_real", wmt, quick)


def _keep(folder: Path, name: str, table: Responses, quick: bool, *true_rows: pd.DataFrame) -> None:
    n = 200 if quick else 500
    options = {"tree": bayes.fit(bayes.TieModel(), table, seed=1), "n_resamples": n}
    frame = tie_curve(table, return_data=True, **options)
    posterior = frame["part"] == "posterior"
    frame.loc[posterior, "accuracy"] = [
        _accuracy(table, scorer, epsilon)
        for scorer, epsilon in frame.loc[posterior, ["scorer", "epsilon"]].to_numpy()
    ]
    frame = pd.concat([frame, *true_rows], ignore_index=True)
    keep(folder, name, tie_curve(table, **options), frame, _lines(frame))


def _accuracy(table: Responses, scorer: str, epsilon: float) -> float:
    """Accuracy if margins up to a threshold are ties."""
    statistic = f"pairwise_accuracy(ties='acc-eq', epsilon={epsilon:.9f})"
    return float(
        evaluate(table, statistic, scorers=[scorer], n_resamples=100).row(scorer)["estimate"]
    )


def _lines(frame: pd.DataFrame) -> Iterator[str]:
    for scorer, rows in frame.groupby("scorer", sort=False):
        part = rows[rows["part"] != "curve"].set_index("part")
        post = part.loc["posterior"]
        yield (
            f"{scorer}: posterior threshold {post['epsilon']:.3g} "
            f"[{post['lower']:.3g}, {post['upper']:.3g}]"
            + "".join(f", {k} {part.loc[k, 'epsilon']:.3g}" for k in _OTHERS if k in part.index)
        )
        kinds = ("posterior", "cross-fitted", "in-sample")
        yield f"{scorer}: accuracy " + ", ".join(
            f"{kind} {100 * part.loc[kind, 'accuracy']:.1f}" for kind in kinds
        )
