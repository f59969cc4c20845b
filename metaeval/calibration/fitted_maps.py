"""Calibrators fitted to tables, with cross-fitted probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from metaeval.calibration.cases import prepare_design
from metaeval.core import Codes, Floats, MetaevalError, join_names, require_known
from metaeval.curves import Calibrator, calibrators
from metaeval.inference import DesignOptions
from metaeval.statistics import Average, ForecastRows, Reading, Scored, cases_of, scored_of
from metaeval.tables import TEXT, Table


@dataclass(frozen=True, eq=False, repr=False)
class Map:
    """Fitted calibrators of all scorers of a table.

    Parameters
    ----------
    kind : str
        Kind of calibrator.
    curves : mapping
        Curve of each scorer, fitted on all items; for new scores.
    forecasts : DataFrame (case, scorer)
        Cross-fitted probabilities of the training cases, each from a curve fitted on the items
        (clusters) of the other folds; indexed by the ids of the pairs or responses. A column for
        responses can be used as a scorer: `table.with_scorer(name, forecasts[scorer])`. For pairs
        it is the probability p that the first response is better; a table of pairs needs margins:
        `pairs.with_scorer(name, 2 * forecasts[scorer] - 1)`.
    notes : tuple of str
        Caveats.
    """

    kind: str
    curves: Mapping[str, Calibrator]
    forecasts: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __call__(self, scores: Floats, scorer: str | None = None) -> Floats:
        """Return the probability at each margin (or score) of a scorer, of any shape.

        Raises
        ------
        MetaevalError
            If there are several scorers and none is named.
        """
        return self._curve(scorer)(scores)

    def interval(self, scores: Floats, scorer: str | None = None) -> tuple[Floats, Floats]:
        """Return the lower and upper probability at each score, for `venn_abers`.

        Parameters
        ----------
        scores : array (score,)
            Scores, in units of the scorer.
        scorer : str, optional
            Name of the scorer; needed if there are several.

        Raises
        ------
        MetaevalError
            If the calibrator has no interval, or there are several scorers and none is named.
        """
        return self._curve(scorer).interval(scores)

    def _curve(self, scorer: str | None) -> Calibrator:
        names = list(self.curves)
        if scorer is None and len(names) > 1:
            raise MetaevalError(
                f"Set scorer=, since {len(names)} scorers were fitted: {join_names(names, 5)}."
            )
        name = names[0] if scorer is None else scorer
        require_known("scorer", name, names)
        return self.curves[name]

    @property
    def parameters(self) -> pd.DataFrame:
        """Parameters estimated on all items, by scorer, in units of the scores."""
        return pd.DataFrame({s: dict(c.parameters) for s, c in self.curves.items()}).T

    def __repr__(self) -> str:
        """Return the kind of calibrator and the number of scorers."""
        return f"<Map: {self.kind} of {len(self.curves)} scorers>"


@dataclass(frozen=True)
class MapKind:
    """A kind of calibrator, from scores to probabilities; `fit` makes a `Map` from a table.

    Parameters
    ----------
    name : str
        `margin_link`, `lapse_link`, `isotonic`, `monotone_spline`, `platt`, `beta`, `venn_abers`,
        `rao_kupper` or `davidson`.
    about : str
        Short description.
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
        """Fit one curve for each scorer on all items, and one without each fold.

        Parameters
        ----------
        table : Responses or Pairs
        label, scorers, resample, missing
            As in `metaeval.evaluate`.
        rows : {"pairs", "responses"}, optional
            Whether to calibrate margins of pairs or scores of responses.
        positive_from : float, optional
            For responses: the event is a label of at least this value.
        n_folds : int, default 5
            Number of folds of items (clusters).
        average : {"items", "pairs", "responses"}, optional
            Whether items or cases have equal weight.

        Returns
        -------
        Map

        Raises
        ------
        MetaevalError
            If a scorer or the label is constant, or there are fewer items than folds.

        Examples
        --------
        >>> from metaeval import calibration, load_example
        >>> fitted = calibration.margin_link.fit(load_example(), scorers=["judge"])
        >>> bool(fitted(0.0) == 0.5 and fitted(2.0) > 0.5)
        True
        """
        options = DesignOptions(label=label, scorers=scorers, resample=resample, missing=missing)
        design = prepare_design(table, options)
        ties = calibrators.BY_NAME[self.name].takes == "outcomes"
        requested = Reading(
            rows=rows,
            positive_from=positive_from,
            calibrator=self.name,
            n_folds=n_folds,
            ties_as_outcome=ties,
            average=average,
        )
        reading = requested.settled(design.table)
        rows_table = design.table.pairs() if reading.rows == "pairs" else design.table
        forecast = cases_of(rows_table, reading).forecast
        scored, family = scored_of(rows_table, reading), calibrators.BY_NAME[self.name]
        included = _fitting_cases(rows_table, scored, self.name, reading)
        curves = {
            name: family.curve(x[included], scored.label[included], scored.weight[included], pairs)
            for name, x in zip(rows_table.scorers, scored.scores.T, strict=True)
            for pairs in [reading.mirrored or reading.ties_as_outcome]
        }
        index = _ids(rows_table).take(scored.rows)
        frame = pd.DataFrame(forecast[: len(index)], index=index, columns=rows_table.scorers)
        frame = _in_table_order(frame, table.pairs() if reading.rows == "pairs" else table)
        return Map(self.name, curves, frame, _notes(self.name, reading))


def _ids(rows: Table) -> pd.Index:
    """Ids that identify rows, or row numbers if there are none."""
    names = rows._identity(rows.rows)
    if not names:
        return pd.RangeIndex(len(rows))
    return pd.MultiIndex.from_frame(rows.rows[names].astype(TEXT))


def _in_table_order(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Put rows in the order of the table, if they have ids."""
    names = [name for name in frame.index.names if name is not None]
    if not names:
        return frame
    places = _ids(table).get_indexer(frame.index)
    return frame.iloc[np.argsort(places, kind="stable")]


def _fitting_cases(rows: Table, scored: Scored, kind: str, reading: Reading) -> Codes:
    """Cases to fit on: all, or one random pair of each item for Venn-Abers."""
    if kind != "venn_abers" or reading.rows != "pairs":
        return np.arange(len(scored.rows))
    order = np.random.default_rng(0).permutation(len(scored.rows))
    items = rows.item_codes[scored.rows][order]
    return np.sort(order[np.unique(items, return_index=True)[1]])


def _notes(kind: str, reading: Reading) -> tuple[str, ...]:
    if kind != "venn_abers":
        return ()
    if reading.rows == "pairs":
        return ("curves are fitted to one random pair per item, so that cases are exchangeable",)
    return (
        "the validity guarantee requires exchangeable cases, but responses to the same item are "
        "not exchangeable",
    )
