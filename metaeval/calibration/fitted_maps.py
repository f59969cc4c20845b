"""Maps fitted to tables: margins or scores in, probabilities out, cross-fitted beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metaeval.calibration.cases import designed
from metaeval.core import Codes, Floats, MetaevalError, require_known
from metaeval.curves import Calibrator, calibrators
from metaeval.statistics import Average, ForecastRows, Reading, Scored, cases_of, scored_of
from metaeval.tables import TEXT, Table


@dataclass(frozen=True, eq=False, repr=False)
class Map:
    """Maps of all scorers of a table to probabilities.

    Parameters
    ----------
    kind : str
        The kind of map.
    curves : mapping
        Scorer -> its curve, fitted on all items: for new scores.
    forecasts : DataFrame (case, scorer)
        Probabilities of the cases it was fitted on, each by a curve that was fitted on the items
        (clusters) of the other folds; indexed by the ids of the pairs or responses. A column of
        responses is a scorer as it is: `table.with_scorer(name, forecasts[scorer])`. Of pairs it is
        the probability p that the first is better, and a table of pairs has margins:
        `pairs.with_scorer(name, 2 * forecasts[scorer] - 1)`.
    notes : tuple of str
        What to know of it.
    """

    kind: str
    curves: Mapping[str, Calibrator]
    forecasts: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __call__(self, scores: Floats, scorer: str | None = None) -> Floats:
        """Probability at each margin (or score) of a scorer; any shape.

        Raises
        ------
        MetaevalError
            If there are several scorers and none is named.
        """
        return self._curve(scorer)(scores)

    def interval(self, scores: Floats, scorer: str | None = None) -> tuple[Floats, Floats]:
        """Lower and upper probability at each score of a scorer, by `venn_abers`.

        Parameters
        ----------
        scores : array (score,)
            Scores, in units of the scorer.
        scorer : str, optional
            Whose map; needed where there are several.

        Raises
        ------
        MetaevalError
            If the map has no interval, or there are several scorers and none is named.
        """
        return self._curve(scorer).interval(scores)

    def _curve(self, scorer: str | None) -> Calibrator:
        names = list(self.curves)
        if scorer is None and len(names) > 1:
            raise MetaevalError(f"There are maps of {len(names)} scorers; name one: scorer=...")
        name = names[0] if scorer is None else scorer
        require_known("scorer", name, names)
        return self.curves[name]

    @property
    def parameters(self) -> pd.DataFrame:
        """What was estimated on all items, by scorer, in units of the scores."""
        return pd.DataFrame({s: dict(c.parameters) for s, c in self.curves.items()}).T

    def __repr__(self) -> str:
        """The kind of map, and of how many scorers."""
        return f"<Map: {self.kind} of {len(self.curves)} scorers>"


@dataclass(frozen=True)
class MapKind:
    """A kind of map from scores to probabilities; `fit` makes a `Map` of a table.

    Parameters
    ----------
    name : str
        `margin_link`, `lapse_link`, `isotonic`, `monotone_spline`, `platt`, `beta`, `venn_abers`,
        `rao_kupper` or `davidson`.
    about : str
        What it is.
    """

    name: str
    about: str

    def fit(
        self,
        table: Table,
        *,
        label: str | None = None,
        scorers: list[str] | None = None,
        rows: ForecastRows | None = None,
        positive_from: float | None = None,
        n_folds: int = 5,
        average: Average | None = None,
        resample: str | None = None,
        missing: str | None = None,
    ) -> Map:
        """Fit one curve for each scorer on all items, and one for each fold without it.

        Parameters
        ----------
        table : Responses or Pairs
        label, scorers, resample, missing
            As in `metaeval.evaluate`.
        rows : {"pairs", "responses"}, optional
            Margins of pairs, or scores of responses.
        positive_from : float, optional
            Responses: the event is a label of at least this.
        n_folds : int, default 5
            Folds of items (clusters).
        average : {"items", "pairs", "responses"}, optional
            Whether items or cases weigh alike.

        Returns
        -------
        Map

        Raises
        ------
        MetaevalError
            If a scorer is constant, all labels are alike, or there are fewer items than folds.

        Examples
        --------
        >>> from metaeval import calibration, load_example
        >>> fitted = calibration.margin_link.fit(load_example(), scorers=["judge"])
        >>> bool(fitted(0.0) == 0.5 and fitted(2.0) > 0.5)
        True
        """
        design = designed(table, label=label, scorers=scorers, resample=resample, missing=missing)
        ties = calibrators.BY_NAME[self.name].takes == "outcomes"
        wanted = Reading(
            rows=rows,
            positive_from=positive_from,
            calibrator=self.name,
            n_folds=n_folds,
            ties_as_outcome=ties,
            average=average,
        )
        reading = wanted.settled(design.table)
        whole = design.table.pairs() if reading.rows == "pairs" else design.table
        forecast = cases_of(whole, reading).forecast
        scored, family = scored_of(whole, reading), calibrators.BY_NAME[self.name]
        some = _chosen(whole, scored, self.name, reading)
        curves = {
            name: family.curve(x[some], scored.label[some], scored.weight[some], pairs)
            for name, x in zip(whole.scorers, scored.scores.T, strict=True)
            for pairs in [reading.mirrored or reading.ties_as_outcome]
        }
        index = _ids(whole).take(scored.rows)
        frame = pd.DataFrame(forecast[: len(index)], index=index, columns=whole.scorers)
        frame = _as_given(frame, table.pairs() if reading.rows == "pairs" else table)
        return Map(self.name, curves, frame, _notes(self.name, reading))


def _ids(rows: Table) -> pd.Index:
    """Ids that distinguish rows; bare numbers where there are none, which no table takes back."""
    names = rows._identity(rows.rows)
    if not names:
        return pd.RangeIndex(len(rows))
    return pd.MultiIndex.from_frame(rows.rows[names].astype(TEXT))


def _as_given(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows in the order that they have in the table, where ids tell which is which."""
    names = [name for name in frame.index.names if name is not None]
    if not names:
        return frame
    places = _ids(table).get_indexer(frame.index)
    return frame.iloc[np.argsort(places, kind="stable")]


def _chosen(rows: Table, scored: Scored, kind: str, reading: Reading) -> Codes:
    """Cases to fit on: all; for Venn-Abers one pair of each item, chosen by chance."""
    if kind != "venn_abers" or reading.rows != "pairs":
        return np.arange(len(scored.rows))
    order = np.random.default_rng(0).permutation(len(scored.rows))
    items = rows.item_codes[scored.rows][order]
    return np.sort(order[np.unique(items, return_index=True)[1]])


def _notes(kind: str, reading: Reading) -> tuple[str, ...]:
    if kind != "venn_abers":
        return ()
    if reading.rows == "pairs":
        return ("curves use one pair of each item, so that cases are exchangeable",)
    return ("its guarantee is for exchangeable cases: it is lost if responses share items",)
