"""Words of a report, and what they mean."""

from __future__ import annotations

TERMS: tuple[tuple[str, str], ...] = (
    ("scorer", "maps a response to a number, or a pair to a verdict: metric, reward model, judge"),
    ("item", "what is responded to; the atom of resampling: segment, prompt"),
    ("cluster", "items that depend on one another: document, conversation"),
    ("task", "stratum reported apart: subset, domain, language pair"),
    ("label", "a rater's judgement, higher is better"),
    ("pair", "two responses to one item"),
    ("margin", "score of the first less score of the second"),
    ("accuracy", "share of decisions that agree with the labels, under the tie policy named"),
    ("chance, trivial, skill", "accuracy of a blind scorer at this tie rate; the best of those; "
     "gain over it"),
    ("tie threshold, epsilon", "margins within it are called ties"),
    ("confidence interval", "holds the true value in so many of such studies"),
    ("letters", "two scorers share a letter exactly if they are not separated"),
    ("rank", "from 1 + scorers found better to the number of scorers less those found worse"),
    ("adjusted p", "p-value corrected for the number of comparisons in the family"),
    ("calibration", "events happen as often as forecast; slope 1 is calibrated"),
    ("gap to agreement", "margin at which labels agree so often"),
    ("posterior", "what a model says of a quantity, given the data"),
    ("gate", "a bar that must be passed: by a posterior to be read, by a new scorer to be taken"),
    ("signature", "the line that reproduces every number, given the data"),
)  # fmt: skip
