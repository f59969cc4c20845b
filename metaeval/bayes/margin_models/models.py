"""`TieModel` and `CalibrationModel`: labels as a function of the margin of two scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from metaeval.bayes.margin_models.beta_data import beta_data
from metaeval.bayes.margin_models.data import calibration_data, tie_data
from metaeval.bayes.margin_models.densities import (
    EXTRA_GRIDS,
    TIE_GRID,
    calibration_density,
    tie_density,
)
from metaeval.bayes.model_interface import Model, ModelData
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule, sample
from metaeval.core import MetaevalError, check_one_of
from metaeval.inference import DesignOptions
from metaeval.tables import Table

_SCALES = ("score", "log_odds")


@dataclass(frozen=True, kw_only=True)
class TieModel(Model):
    r"""Probabilities of win, tie and loss by margin: slope, tie threshold, lapse, order bias.

    Parameters
    ----------
    form : {"rao_kupper", "davidson"}
        Model of ties: a threshold on the latent difference, or a propensity to tie.
    covariates : str or list of str, default ()
        Differences between the two responses of a pair, such as `length_delta`, that may affect
        labels beyond the margin.
    scale : {"score", "log_odds"}
        If margins are log odds, slopes are per unit of score, and a slope of 1 is calibrated;
        otherwise they are per root mean square of the scorer's margins.

    Notes
    -----
    The posterior holds, by scorer and task, `log_slope`, `log_threshold` or `log_nu`,
    `logit_lapse`, and the derived `slope`, `threshold`, `lapse` and `epsilon`; also `bias`
    (scorer,) if the table records which response was shown first (positive if the scorer favors
    the first response more than the labels do), and `coefficient` (scorer, covariate).

    Let :math:`u = \beta d - \alpha + \gamma' x` with d the margin divided by its root mean square.
    For Rao and Kupper :math:`P(\text{win}) = \sigma(u - t)` and
    :math:`P(\text{loss}) = \sigma(-u - t)`, a cumulative logit model with cutpoints
    :math:`\pm t`; for Davidson the outcomes have probabilities in proportion to
    :math:`e^{u/2} : \nu : e^{-u/2}`. A proportion of labels, the lapse rate, is uniform on the
    three outcomes. Slopes, thresholds and lapse rates of a scorer are partially pooled over tasks.
    Pairs of one item (cluster) are dependent: the log likelihood is divided by a design effect,
    estimated by task from the score function (a composite likelihood adjustment). Scorers are
    fitted separately because they share their labels. Their posteriors are thus treated as
    independent, so differences of scorers, in which the sampling error of the labels cancels, have
    intervals that are too wide, most of all for similar scorers.

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
    r"""Probability that labels agree with the sign of a margin, as a monotone function of it.

    Parameters
    ----------
    form : {"lapse", "temperature", "spline", "beta"}
        A logistic curve with lapses, a logistic curve, a monotone spline, or beta calibration of
        probabilities of single responses.
    covariates : str or list of str, default ()
        Differences between the two responses of a pair, such as `length_delta`, that may affect
        labels beyond the margin; not with `form="beta"`.
    scale : {"score", "log_odds"}
        If margins are log odds, slopes are per unit of score, and a slope of 1 is calibrated;
        otherwise they are per root mean square of the scorer's margins. Scores of `form="beta"`
        are always probabilities.
    positive_from : float, optional
        With `form="beta"`, labels of at least this value become 1, others 0; by default labels
        must be 0 or 1.

    Notes
    -----
    The posterior holds, by scorer and task, `log_slope`, `logit_lapse`, `intercept`, and the
    derived `slope` and `lapse`; also `bias` (scorer,) if the table records which response was
    shown first (positive if the scorer favors the first response more than the labels do),
    `coefficient` (scorer, covariate), `shape` (scorer, knot) and `asymmetry` (scorer,).

    :math:`P = \lambda/2 + (1 - \lambda)\,\sigma(\beta d - \alpha + \gamma' x)` with d the margin
    divided by its root mean square; pairs with tied labels are excluded. The spline is
    :math:`u = \beta_{mt} \sum_j e^{w_{mj}} B_j(|d|)`, where the shape w is a random walk over knots
    and shared by tasks. Beta calibration is :math:`u = a \log p - b \log(1 - p) + c` with
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
            raise MetaevalError(
                "form='beta' does not support covariates, which are differences between the two "
                "responses of a pair."
            )
        if self.form != "beta" and self.positive_from is not None:
            raise MetaevalError(
                "positive_from= dichotomizes labels of single responses; use form='beta'."
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
