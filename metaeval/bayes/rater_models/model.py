"""`RaterModel`: the latent truth of each row, and the quality of each rater."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from metaeval.bayes.model_interface import Model, ModelData
from metaeval.bayes.rater_models import gibbs
from metaeval.bayes.rater_models.data import FORMS, rater_data
from metaeval.bayes.rater_models.density import rater_density
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule, sample
from metaeval.core import check_one_of
from metaeval.inference import DesignOptions
from metaeval.tables import Table


@dataclass(frozen=True, kw_only=True)
class RaterModel(Model):
    r"""Latent truth of each row, and the quality of each rater.

    Parameters
    ----------
    form : {"dawid_skene", "ordinal"}
        Latent classes (second better, tie, first better) with a confusion matrix per rater, or
        latent quality with ordinal ratings of 2 to 10 levels. Labels of responses become
        preferences within items, unless the form is ordinal.
    raters : list of str, optional
        Label columns, at least two; by default all.
    covariates : str or list of str, default ()
        Columns that may bias raters: differences such as `length_delta` for pairs, numbers such as
        `length` for ratings. At least 30 rows are needed.

    Notes
    -----
    The posterior holds `confusion` (rater, truth, label), `prevalence` (truth), `rater_accuracy`
    (rater); for ordinal ratings `severity` and `discrimination` (rater) and `cutpoints`; with
    covariates `quality_coefficient` (covariate) and `coefficient` (rater, covariate); if the table
    has scores, `accuracy` and `agreement` (scorer).

    Dawid and Skene: the truth of a row is c with probability :math:`\pi_c`, and rater r labels it
    l with probability :math:`\theta_{rcl}`, independently of other raters given the truth. Priors
    are Dirichlet(1 + 3 I) for each truth, and Dirichlet(4, 4, 4) for :math:`\pi`. Unless pairs are
    ordered, first and second are interchangeable: for truly different responses the label is
    correct, a tie, or wrong (4, 1, 1), for truly tied ones a tie or a preference (4, 2), and
    swapping the responses changes nothing. Without tied labels there is no class of ties. Draws
    are by Gibbs sampling, started where raters are mostly correct; the mirror mode, in which most
    raters are mostly wrong, is not explored. With two raters the prior contributes much.

    With covariates x (first minus second response), the odds of first over second are multiplied
    by :math:`e^{\gamma_r' x}` in the labels of rater r given the truth, and by
    :math:`e^{\delta' x}` in the truth (with ties in between). The excess bias of a rater is
    :math:`\gamma_r \sim N(0, .5)`; :math:`\delta \sim N(0, 1)` is the association of the truth
    with x. With three or more raters whose errors are otherwise independent both are identified,
    even if all raters share a bias; with two they are not. The truth is a class without degree. If
    responses with larger x are better by more, and not only more often, raters err less on them,
    and unbiased raters have :math:`\gamma_r > 0`, more so the more discriminating they are; shared
    errors affect it as well. A positive :math:`\gamma_r` is therefore not proof of bias; a value
    far above that of equally accurate raters is evidence for it. Prevalence and confusion refer to
    x = 0, accuracy to the observed distribution of x. Decisions of scorers are assumed to be
    independent of x given the truth; otherwise their corrected accuracy is biased. Draws are by
    NUTS.

    Ordinal: :math:`P(y \le k) = \sigma(c_k - a_r (\theta - b_r))` with latent quality
    :math:`\theta \sim N(0, 1)` of each response, severities :math:`b_r` that sum to 0, and
    discriminations :math:`a_r`; quality is integrated out on 41 equally spaced nodes. Draws are by
    NUTS.

    With covariates x of responses, :math:`\theta` is replaced by
    :math:`\theta + (\delta + \gamma_r)' x`, where :math:`\delta \sim N(0, 1)` is the association
    of true quality with x, and :math:`\gamma_r`, which sum to 0 over raters (prior scale .5), is
    the bias of rater r relative to the mean of the raters. A bias shared by all raters is not
    identified and is part of :math:`\delta`: a bias of 0 means that a rater is like the others,
    not that it is unbiased. Severities refer to mean covariates. Responses are grouped into up to
    16 ranges of x (and 4 of each further covariate) with about equal numbers.

    Rows of one item (or cluster) are dependent. The log likelihood is divided by a design effect:
    the ratio of the variances by items and by rows of the estimated accuracies (for ordinal
    ratings severities and discriminations) at the posterior mode, averaged over raters and at
    least 1; it is 1 if items have one row each. With covariates it is that of the coefficients if
    larger; intervals of parameters with a smaller design effect are then too wide. It is treated
    as known.

    Scorers are not raters: they do not inform the truth. Their agreement with the truth is
    computed for each draw from the probabilities of the truth given the labels, with random
    weights of items (Bayesian bootstrap). This assumes that scorers and raters err independently
    given the truth. With items of unequal difficulty it is biased: upward if scorers err on the
    same items as raters, downward if raters guess on difficult items. Raters with shared errors
    (a common guideline, difficult items) appear more accurate than they are, which labels cannot
    reveal.

    References
    ----------
    Dawid, Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
    algorithm. Linacre (1989), Many-facet Rasch measurement. Rubin (1981), The Bayesian bootstrap.
    Pauli, Racugno, Ventura (2011), Bayesian composite marginal likelihoods.

    Examples
    --------
    >>> from metaeval import bayes, simulate
    >>> table = simulate(seed=1, n_items=60, raters=3).table
    >>> tree = bayes.fit(bayes.RaterModel(), table, scorers=["judge"])
    >>> tree["posterior"]["rater_accuracy"].dims
    ('chain', 'draw', 'rater')
    """

    name: ClassVar[str] = "raters"

    form: Literal["dawid_skene", "ordinal"] = "dawid_skene"
    raters: Sequence[str] | str | None = None
    covariates: Sequence[str] | str = ()

    def __post_init__(self) -> None:
        check_one_of("form", self.form, FORMS)
        self._as_names("covariates")
        if self.raters is not None:
            self._as_names("raters")

    def prepare(self, table: Table, design: DesignOptions) -> ModelData:
        """Return patterns of labels and their numbers of rows."""
        return rater_data(
            table, design, form=self.form, raters=self.raters, covariates=self.covariates
        )

    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws by Gibbs sampling if all steps are conjugate, else by NUTS."""
        if self.form == "dawid_skene" and not self.covariates:
            ordered = dict(data.options)["ordered"]
            return gibbs.sample(data.arrays, ordered, settings, enough)
        return sample(rater_density, data.arrays, data.options, settings, enough, name=self.name)
