"""`AccuracyModel`: the accuracy of scorers in tasks, and its options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from metaeval.bayes.accuracy_model.data import accuracy_data
from metaeval.bayes.accuracy_model.density import accuracy_density
from metaeval.bayes.design import DesignOptions
from metaeval.bayes.model_base import Model
from metaeval.bayes.model_data import ModelData
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule, sample
from metaeval.statistics import Statistic
from metaeval.tables import Table


@dataclass(frozen=True, kw_only=True)
class AccuracyModel(Model):
    r"""Accuracy of each scorer in each task, with tasks pooled as far as they are alike.

    Parameters
    ----------
    statistic : Statistic or str, optional
        The accuracy that is modeled, such as "pairwise_accuracy"; by default the one that fits
        the labels.
    pool : bool, default True
        Draw scorers and tasks from populations. If False every scorer in every task is by itself,
        its accuracy uniform.
    covariates : str or list of str, default ()
        Differences of the two responses of a pair, such as `length_delta`: adds each scorer's
        excess bias towards responses with more of each (`bayes.summarize(tree, "bias")`).

    Notes
    -----
    The posterior holds `logit` and `accuracy` (scorer, task), and `coefficient` (scorer,
    covariate).

    Cell logits are :math:`z_{mt} = \mu + b_t + a_m + c_{mt}`, with effects of tasks, of scorers
    and of both normal around 0, those with scorers adding up to 0 over them. Inverse logits are
    the marginal accuracies themselves (means over items), not those of a typical item. The
    likelihood of a task is :math:`\exp(-r' R^{-1} r / 2)`, where :math:`r_m` is the signed root of
    twice the binomial log likelihood ratio of scorer m, with as many effective trials as the
    variance of its estimate over items (clusters) says, and R the correlation of the estimates,
    which share the items. Were scorers independent it would be the binomial likelihood exactly;
    near its mode it is the normal one, so that it is an approximation with few items and much
    correlation. R and the effective trials are taken as known.

    With covariates the logit is :math:`z_{mt} + \gamma_m' x`, x the mean over the pairs of a unit
    of how much more the better response has, over the root mean square. Accuracies are those of
    units whose responses have on average equally much (a scorer that only counts words has one
    half), and a positive coefficient is excess bias: the scorer is right more often where the
    better responses have more. It is that of units: with many pairs in each, whose differences
    average out, it is smaller than that of single pairs. Units of a task are taken together in up
    to 16 ranges of x.

    References
    ----------
    Fay, Herriot (1979), Estimates of income for small places: area models with known sampling
    variances (their model, on the logit scale). Miller (2024), Adding error bars to evals.

    Examples
    --------
    >>> from metaeval import bayes, load_example
    >>> model = bayes.AccuracyModel(statistic="pairwise_accuracy")
    >>> tree = bayes.fit(model, load_example(), n_draws=200, n_warmup=200, check=False)
    >>> list(tree["posterior"]["accuracy"].dims)
    ['chain', 'draw', 'scorer', 'task']
    """

    name: ClassVar[str] = "accuracy"

    statistic: Statistic | str | None = None
    pool: bool = True
    covariates: Sequence[str] | str = ()

    def __post_init__(self) -> None:
        self._as_names("covariates")

    def prepare(self, table: Table, design: DesignOptions) -> ModelData:
        """Return accuracies of scorers in tasks, with their errors and correlations."""
        return accuracy_data(
            table, design, statistic=self.statistic, pool=self.pool, covariates=self.covariates
        )

    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws by NUTS."""
        return sample(accuracy_density, data.arrays, data.options, settings, enough, name=self.name)
