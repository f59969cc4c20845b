"""`RaterModel`: what is true of each row, and what each of several raters is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from metaeval.bayes.design import DesignOptions
from metaeval.bayes.model_base import Model
from metaeval.bayes.model_data import ModelData
from metaeval.bayes.rater_models import gibbs
from metaeval.bayes.rater_models.data import FORMS, rater_data
from metaeval.bayes.rater_models.density import rater_density
from metaeval.bayes.sampling.nuts import ChainDraws, Settings, StoppingRule, sample
from metaeval.core import check_one_of
from metaeval.tables import Table


@dataclass(frozen=True, kw_only=True)
class RaterModel(Model):
    r"""What is true of each row, and what each of several raters is worth.

    Parameters
    ----------
    form : {"dawid_skene", "ordinal"}
        Classes (second better, tie, first better), or levels of a rating, of which there are 2 to
        10. Labels of responses become preferences within items, unless the form is ordinal.
    raters : list of str, optional
        Columns of labels, two at least; all of them by default.
    covariates : str or list of str, default ()
        Columns that raters may lean to: differences such as `length_delta` of pairs, numbers such
        as `length` of ratings. At least 30 rows are needed.

    Notes
    -----
    The posterior holds `confusion` (rater, truth, label), `prevalence` (truth), `rater_accuracy`
    (rater); ordinal: `severity` and `discrimination` (rater), `cutpoints`; with covariates
    `quality_coefficient` (covariate) and `coefficient` (rater, covariate); where the table has
    scores, `accuracy` and `agreement` (scorer).

    Dawid and Skene: the truth of a row is c with probability :math:`\pi_c`, and rater r then says
    l with probability :math:`\theta_{rcl}`, raters independently of each other. Priors are
    Dirichlet(1 + 3 I) for each truth, and Dirichlet(4, 4, 4). Unless pairs are ordered, first and
    second are interchangeable: of pairs that truly differ a rater says what is right, a tie, or
    what is wrong (4, 1, 1), of tied ones a tie or a side (4, 2), and turning a pair round changes
    nothing. Where nobody says that a pair is tied, no pair is. Drawn by Gibbs sampling, started
    where raters are mostly right; the mirror image, in which all are mostly wrong, is never
    looked for. With two raters much of what is said of each of them is prior.

    With covariates x, how much more of each the first response has, the odds of first over second
    are :math:`e^{\gamma_r' x}` times as large in what rater r says of each truth, and
    :math:`e^{\delta' x}` times in the truth itself (ties between both): :math:`\gamma_r \sim N(0,
    .5)` is the rater's excess bias given the truth, and :math:`\delta \sim N(0, 1)` how much more
    often what has more is better. Three raters or more whose errors are otherwise independent tell
    one from the other, even a bias that all of them share; two raters do not. The truth is a class
    here, without degree. Where responses with more of x are not only more often better but better
    by more, raters err less on them, and ones without any bias have :math:`\gamma_r > 0`, sharp
    ones more than dull ones; errors that raters share shift it as well. A :math:`\gamma_r` above 0
    is then no proof of bias; one that is far larger than that of raters as good is a sign.
    Prevalence and confusion are those at x = 0, accuracy is over pairs like those at hand. What
    scorers call is still taken for independent of x given the truth: where it is not, their
    corrected accuracy is too high or too low. Drawn by NUTS.

    Ordinal: :math:`P(y \le k) = \sigma(c_k - a_r (\theta - b_r))` with latent quality
    :math:`\theta \sim N(0, 1)` of each response, severities :math:`b_r` that add up to 0, and
    discriminations :math:`a_r`; quality is integrated out on 41 equal steps. Drawn by NUTS.

    With covariates x of responses, :math:`\theta + (\delta + \gamma_r)' x` takes the place of
    :math:`\theta`: :math:`\delta \sim N(0, 1)` is how much better responses with more of x truly
    are, and :math:`\gamma_r`, which add up to 0 over raters (prior scale .5), how much more rater r
    gives for it than raters do on average. What all raters give too much in common cannot be told
    from truth, and is part of :math:`\delta`: a bias of 0 says that a rater is as the others are,
    not that it is unbiased. Severities are those at mean covariates. Responses are taken together
    in up to 16 ranges of x (and 4 of each further covariate) of about equal numbers.

    Rows of one item (or cluster) depend on each other. The log likelihood is divided by the design
    effect: the variance of the raters' estimated accuracies (ordinal: severities and
    discriminations) by items, over that by rows, at the mode of the posterior, a mean over them
    and at least 1; it is 1 where items have one row each. With covariates it is that of raters'
    coefficients, or of quality's, where these are larger; what has a smaller one gets intervals
    that are too wide. It is taken as known.

    Scorers are no raters: they say nothing of the truth. How often each calls what is true is
    worked out for each draw, from the probabilities of the truth given the labels, with random
    weights of the items (Bayesian bootstrap). This holds if, given the truth, scorers err
    independently of raters. On items of unequal difficulty it does not: where scorers err on the
    items that raters err on it is too high, and where raters toss coins on hard items it is too
    low. Raters who err
    alike (a common guideline, hard items) look better than they are: no label tells.

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
        """Return patterns of labels, and how many rows have each."""
        return rater_data(
            table, design, form=self.form, raters=self.raters, covariates=self.covariates
        )

    def draw(self, data: ModelData, settings: Settings, enough: StoppingRule) -> ChainDraws:
        """Return draws by Gibbs sampling where all steps are conjugate, and by NUTS elsewhere."""
        if self.form == "dawid_skene" and not self.covariates:
            ordered = dict(data.options)["ordered"]
            return gibbs.sample(data.arrays, ordered, settings, enough)
        return sample(rater_density, data.arrays, data.options, settings, enough, name=self.name)
