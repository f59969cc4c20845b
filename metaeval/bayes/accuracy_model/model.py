"""`AccuracyModel`: the accuracy of scorers in tasks, and its options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from metaeval.bayes.accuracy_model.data import accuracy_data
from metaeval.bayes.accuracy_model.density import accuracy_density
from metaeval.bayes.model_interface import Model, ModelData
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule, sample
from metaeval.inference import DesignOptions
from metaeval.statistics import Statistic
from metaeval.tables import Table


@dataclass(frozen=True, kw_only=True)
class AccuracyModel(Model):
    r"""Accuracy of each scorer in each task, with partial pooling of scorers and tasks.

    Parameters
    ----------
    statistic : Statistic or str, optional
        The accuracy that is modeled, such as "pairwise_accuracy"; by default the one that suits
        the labels.
    pool : bool, default True
        Draw scorers and tasks from populations. If False, accuracies are independent with uniform
        priors.
    covariates : str or list of str, default ()
        Differences between the two responses of a pair, such as `length_delta`: adds each scorer's
        excess bias toward responses with larger values (`bayes.summarize(tree, "bias")`).

    Notes
    -----
    The posterior holds `logit` and `accuracy` (scorer, task), and `coefficient` (scorer,
    covariate).

    Logits of accuracies are :math:`z_{mt} = \mu + b_t + a_m + c_{mt}`, with normal effects of
    tasks, of scorers and of their interaction; effects that involve scorers sum to 0 over scorers.
    Inverse logits are marginal accuracies (means over items), not those of a typical item. The
    likelihood of a task is :math:`\exp(-r' R^{-1} r / 2)`, where :math:`r_m` is the signed root of
    the binomial deviance of scorer m, with an effective number of trials given by the variance of
    its accuracy over items (clusters), and R is the correlation of the accuracies, which share the
    items. For independent scorers this is the binomial likelihood; near its mode it is the normal
    one. It is an approximation for few items and high correlation. R and the effective trials are
    treated as known.

    With covariates the logit is :math:`z_{mt} + \gamma_m' x`, where x is the mean difference
    (better minus worse response) over the pairs of a unit, divided by its root mean square.
    Accuracies are then those at x = 0 (0.5 for a scorer that only counts words, with length as
    covariate). A positive coefficient is excess bias: the scorer is correct more often where the
    better responses have larger values. It refers to units: with many pairs per unit, whose
    differences average out, it is smaller than for single pairs. Units of a task are grouped into
    up to 16 ranges of x.

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
        """Return accuracies of scorers in tasks, with their standard errors and correlations."""
        return accuracy_data(
            table, design, statistic=self.statistic, pool=self.pool, covariates=self.covariates
        )

    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws by NUTS."""
        return sample(accuracy_density, data.arrays, data.options, settings, enough, name=self.name)
