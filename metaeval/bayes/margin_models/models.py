"""`TieModel` and `CalibrationModel`: what labels say at a margin of two scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from metaeval.bayes.design import DesignOptions
from metaeval.bayes.margin_models.beta_data import beta_data
from metaeval.bayes.margin_models.data import calibration_data, tie_data
from metaeval.bayes.margin_models.densities import (
    EXTRA_GRIDS,
    TIE_GRID,
    calibration_density,
    tie_density,
)
from metaeval.bayes.model_base import Model
from metaeval.bayes.model_data import ModelData
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule, sample
from metaeval.core import MetaevalError, check_one_of
from metaeval.tables import Table

_SCALES = ("score", "log_odds")


@dataclass(frozen=True, kw_only=True)
class TieModel(Model):
    r"""Win, tie or loss by the labels at each margin: slope, tie threshold, lapse, order bias.

    Parameters
    ----------
    form : {"rao_kupper", "davidson"}
        How ties come about: below a threshold of the latent gap, or with a propensity to tie.
    covariates : str or list of str, default ()
        Differences of the two responses of a pair, such as `length_delta`, that labels may follow
        beyond the margin.
    scale : {"score", "log_odds"}
        Whether margins are log odds: slopes are then given per unit of score, and 1 is calibrated;
        otherwise per root mean square of the scorer's margins.

    Notes
    -----
    The posterior holds (scorer, task) `log_slope`, `log_threshold` or `log_nu`, `logit_lapse`, and
    what follows from them: `slope`, `threshold`, `lapse`, `epsilon`; also `bias` (scorer,), where
    the table says which response was shown first, above 0 where the scorer favors the first more
    than the labels do; `coefficient` (scorer, covariate).

    With :math:`u = \beta d - \alpha + \gamma' x`, d the margin over its root mean square, Rao and
    Kupper's :math:`P(\text{win}) = \sigma(u - t)`, :math:`P(\text{loss}) = \sigma(-u - t)`, which
    is a cumulative logit with cutpoints :math:`\pm t`; Davidson's outcomes go as
    :math:`e^{u/2} : \nu : e^{-u/2}`. A share of labels, the lapses, is one of the three at random.
    Slopes, thresholds and lapses of a scorer in tasks are drawn from a population of tasks. Pairs
    of one item (cluster) depend on one another: the likelihood is tempered by the design effect of
    the scores of the model, estimated by task. Scorers are fitted apart, as they share their
    labels: the chance in these counts once for each of them, and differences of scorers, in which
    it cancels, are too uncertain, much so for scorers that are alike.

    References
    ----------
    Rao, Kupper (1967), Ties in paired-comparison experiments. Davidson (1970), On extending the
    Bradley-Terry model to accommodate ties. Wichmann, Hill (2001), The psychometric function.
    Pauli, Racugno, Ventura (2011), Bayesian composite marginal likelihoods.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> model = bayes.TieModel(form="davidson")
    >>> tree = bayes.fit(model, load_example(), scorers=["judge"], check=False, n_draws=200)
    >>> sorted(tree["posterior"]["epsilon"].sizes)
    ['chain', 'draw', 'scorer', 'task']
    """

    name: ClassVar[str] = "ties"

    form: Literal["rao_kupper", "davidson"] = "rao_kupper"
    covariates: Sequence[str] | str = ()
    scale: Literal["score", "log_odds"] = "score"

    def __post_init__(self) -> None:
        check_one_of("form", self.form, tuple(TIE_GRID))
        check_one_of("scale", self.scale, _SCALES)
        self._as_names("covariates")

    def prepare(self, table: Table, design: DesignOptions) -> ModelData:
        """Return counts of wins, ties and losses at margins."""
        return tie_data(table, design, form=self.form, covariates=self.covariates, scale=self.scale)

    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws by NUTS."""
        return sample(tie_density, data.arrays, data.options, settings, enough, name=self.name)


@dataclass(frozen=True, kw_only=True)
class CalibrationModel(Model):
    r"""Probability that labels side with a margin: slope, lapses, order bias; or a rising curve.

    Parameters
    ----------
    form : {"lapse", "temperature", "spline", "beta"}
        A logistic curve mixed with a coin, without, any smooth rising curve, or beta calibration
        of probabilities of single responses.
    covariates : str or list of str, default ()
        Differences of the two responses of a pair, such as `length_delta`, that labels may follow
        beyond the margin; not with `form="beta"`.
    scale : {"score", "log_odds"}
        Whether margins are log odds: slopes are then given per unit of score, and 1 is calibrated;
        otherwise per root mean square of the scorer's margins. Scores of `form="beta"` are always
        probabilities.
    positive_from : float, optional
        Of `form="beta"`: labels of at least this are 1; by default labels must be 0 or 1.

    Notes
    -----
    The posterior holds (scorer, task) `log_slope`, `logit_lapse`, `intercept`, and what follows
    from them: `slope`, `lapse`; also `bias` (scorer,), where the table says which response was
    shown first, above 0 where the scorer favors the first more than the labels do; `coefficient`
    (scorer, covariate), `shape` (scorer, knot), `asymmetry` (scorer,).

    :math:`P = \lambda/2 + (1 - \lambda)\,\sigma(\beta d - \alpha + \gamma' x)`, d the margin over
    its root mean square, pairs with tied labels left out. The spline is
    :math:`u = \beta_{mt} \sum_j e^{w_{mj}} B_j(|d|)`, its shape w a random walk over knots that
    tasks share. Beta calibration is :math:`u = a \log p - b \log(1 - p) + c` with
    :math:`a = \beta e^{\delta}`, :math:`b = \beta e^{-\delta}`. Dependent pairs are treated as in
    `TieModel`, with the same consequence for differences of scorers.

    References
    ----------
    Kocmi et al. (2024), Navigating the metrics maze. Wichmann, Hill (2001), The psychometric
    function. Kull, Silva Filho, Flach (2017), Beta calibration. Ramsay (1988), Monotone regression
    splines in action.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> model = bayes.CalibrationModel(form="temperature")
    >>> tree = bayes.fit(model, load_example(), scorers=["judge"], check=False, n_draws=200)
    >>> bool((tree["posterior"]["slope"] > 0).all())
    True
    """

    name: ClassVar[str] = "calibration"

    form: Literal["lapse", "temperature", "spline", "beta"] = "lapse"
    covariates: Sequence[str] | str = ()
    scale: Literal["score", "log_odds"] = "score"
    positive_from: float | None = None

    def __post_init__(self) -> None:
        check_one_of("form", self.form, tuple(EXTRA_GRIDS))
        check_one_of("scale", self.scale, _SCALES)
        self._as_names("covariates")
        if self.form == "beta" and self.covariates:
            raise MetaevalError("form='beta' takes no covariates, which are differences of pairs.")
        if self.form != "beta" and self.positive_from is not None:
            raise MetaevalError(
                "positive_from= says which labels of single responses count; use form='beta'."
            )

    def prepare(self, table: Table, design: DesignOptions) -> ModelData:
        """Return counts of labels for and against margins, or of events at probabilities."""
        if self.form == "beta":
            return beta_data(table, design, positive_from=self.positive_from)
        return calibration_data(
            table, design, form=self.form, covariates=self.covariates, scale=self.scale
        )

    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws by NUTS."""
        return sample(
            calibration_density, data.arrays, data.options, settings, enough, name=self.name
        )
