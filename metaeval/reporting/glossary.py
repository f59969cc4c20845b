"""Terms of the report and their meanings."""

from __future__ import annotations

TERMS: tuple[tuple[str, str], ...] = (
    (
        "scorer",
        "maps a response to a number, or a pair to a verdict: metric, reward model, judge",
    ),
    ("item", "the input to a system, such as a segment or prompt; the smallest resampling unit"),
    ("cluster", "mutually dependent items, such as those of a document or conversation"),
    ("task", "stratum reported separately, such as a subset, domain or language pair"),
    ("label", "a rater's judgment, higher is better"),
    ("pair", "two responses to the same item"),
    ("margin", "score of the first minus score of the second response"),
    ("accuracy", "proportion of decisions that agree with the labels, under the given tie policy"),
    (
        "chance, best constant, skill",
        "accuracy of random guessing at the scorer's tie rate; at the best tie rate; relative "
        "gain over the latter",
    ),
    ("tie threshold, epsilon", "margins up to this size are ties"),
    ("confidence interval", "covers the true value with the given probability"),
    (
        "letters",
        "two scorers share a letter if and only if they are not significantly different",
    ),
    (
        "rank",
        "range from 1 + the number of significantly better scorers to the number of scorers minus "
        "the number of significantly worse ones",
    ),
    ("adjusted p", "p-value corrected for the number of comparisons in its family"),
    ("calibration", "events occur as often as forecast; the slope of calibrated forecasts is 1"),
    ("expected if calibrated", "mean of a measure under perfect calibration"),
    ("gap to agreement", "margin at which the labels agree with the scorer at a given rate"),
    ("posterior", "distribution of a quantity under a model, given the data"),
    ("signature", "one line of settings from which every number can be reproduced, given the data"),
)
