"""Data of the rater model from a table with several raters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from metaeval.bayes.design import covariate_differences, covariate_names, leverage_warnings
from metaeval.bayes.model_interface import ModelData, NamedArrays, Sites
from metaeval.bayes.rater_models.confusion import confusion_at
from metaeval.bayes.rater_models.covariate_bins import ranges_of_pairs, with_ranges
from metaeval.bayes.rater_models.design_effect import confusion_effect
from metaeval.bayes.rater_models.label_patterns import canonical_orientation, find_patterns
from metaeval.bayes.rater_models.latent_class import (
    RaterData,
    assemble_rater_model,
    merge_chains,
    posterior_truth,
    units_and_names,
)
from metaeval.bayes.rater_models.ordinal_data import ordinal_data, require_ratings
from metaeval.bayes.rater_models.scorer_accuracy import (
    ScorerDecisions,
    corrected_accuracy,
    count_decisions,
    scorer_confusion_draws,
)
from metaeval.core import (
    Bools,
    Codes,
    Floats,
    MetaevalError,
    check_names,
    decide_with_threshold,
    double_precision,
    join_names,
    require_known,
)
from metaeval.inference import Design, DesignOptions, make_design
from metaeval.tables import (
    Pairs,
    Table,
    complete_rows,
    dropped_rows_warning,
    no_complete_rows_message,
    require_table,
)

FORMS = ("dawid_skene", "ordinal")
CLASSES = ("second", "tie", "first")
_BLANK = "(blank)"  # a constant scorer, as designs need at least one


def rater_data(
    table: Table,
    options: DesignOptions,
    *,
    form: str,
    raters: Sequence[str] | None,
    covariates: Sequence[str],
) -> ModelData:
    """Return the data of the rater model."""
    original, table = table, _check_options(table, options)
    labeled = _rater_table(table, raters, form)
    if options.scorers is not None:
        labeled = labeled.keep_scorers(check_names("scorers", options.scorers))
    if form == "ordinal":
        unscored = labeled.replace(scores=labeled.scores.iloc[:, :0])
        design, labeled, _ = _make_rater_design(unscored, options.resample, None)
        return _in_table_order(
            ordinal_data(design, labeled, covariates), original, list(labeled.labels)
        )
    design, labeled, complete = _make_rater_design(labeled, options.resample, options.missing)
    model = _dawid_skene_data(design, labeled.pairs(), complete, covariates)
    return (
        _in_table_order(model, original, list(labeled.labels))
        if isinstance(original, Pairs)
        else model
    )


def _in_table_order(model: ModelData, table: Table, raters: list[str]) -> ModelData:
    """Reorder quantities of rows to the order of labeled rows in the table."""
    labeled = table.labels[raters].notna().any(axis=1).to_numpy()
    positions = table.canonical_order
    order = np.argsort(positions[labeled[positions]])
    constants = model.derived_constants

    def reordered(sites: Sites) -> NamedArrays:
        return {
            name: (dims, values[order] if dims[0] == "row" else values)
            for name, (dims, values) in constants(sites).items()
        }

    rows = model.coords["row"]
    return replace(
        model,
        coords={**model.coords, "row": [rows[i] for i in order]},
        derived_constants=reordered,
    )


def _check_options(table: Any, options: DesignOptions) -> Table:
    """Return the table; raise an error for options that do not apply to the rater model."""
    table = require_table(table)
    label, by, missing = options.label, options.by, options.missing
    if label is not None:
        raise MetaevalError(
            f"label={label!r} selects one label, but the rater model needs several; use "
            "raters=[...]."
        )
    if by is not None:
        raise MetaevalError(
            f"The rater model assumes that accuracy is constant across values of {by!r}; omit by=, "
            f"or fit each value separately with table.select({by}=...)."
        )
    if missing in ("pairwise", "count_as_wrong"):
        raise MetaevalError(
            f"missing={missing!r} does not apply to the rater model, which evaluates scorers on "
            "their common rows; use missing='common'."
        )
    return table


def _rater_table(table: Table, raters: Sequence[str] | None, form: str) -> Table:
    """Return the table with the labels of the raters, as pairs unless the form is ordinal."""
    names = check_names("raters", raters) if raters is not None else list(table.labels.columns)
    for name in names:
        require_known("label", name, list(table.labels.columns))
    labeled = table.labels[names].notna().to_numpy()
    if len(names) < 2:
        raise MetaevalError(
            f"The rater model needs at least two raters, got {join_names(names) or 'none'}; name "
            "more label columns when reading, with labels=[...] (--labels A,B), or use the "
            "accuracy model, which treats one label as the truth."
        )
    unlabeled = [
        name for name, any_label in zip(names, labeled.any(axis=0), strict=True) if not any_label
    ]
    if unlabeled:
        has = "has" if len(unlabeled) == 1 else "have"
        raise MetaevalError(
            f"{join_names(unlabeled)} {has} no labels; select other raters with raters=[...]."
        )
    if form == "ordinal":
        return require_ratings(table.keep_labels(names))
    pairs = table.keep_labels(names).pairs()
    if not (pairs.labels.notna().sum(axis=1) > 1).any():
        raise MetaevalError(
            "No row has labels from two raters, so agreement cannot be estimated; at least two "
            "raters must label the same rows."
        )
    return pairs


def _make_rater_design(
    table: Table, resample: str | tuple[str, str] | None, missing: str | None
) -> tuple[Design, Table, Bools]:
    """Return the design, the labeled rows, and a mask of the rows with all scores."""
    labeled = table.keep_rows(table.labels.notna().any(axis=1).to_numpy())
    blank = pd.DataFrame({_BLANK: np.zeros(len(labeled))}, index=labeled.rows.index)
    design = make_design(labeled.replace(scores=blank, average_raters=True), resample=resample)
    if design.systems:
        raise MetaevalError(
            "Models treat items or clusters, not systems, as random; use resample='item'."
        )
    policy = labeled.missing if missing is None else missing
    if policy in ("pairwise", "count_as_wrong"):
        policy = "common"
    complete = (
        complete_rows(labeled, policy) if labeled.scorers else np.ones(len(labeled), dtype=bool)
    )
    warnings = dropped_rows_warning(labeled, complete)
    if not complete.any():
        raise MetaevalError(no_complete_rows_message(labeled, warnings))
    scored = labeled.scores.notna().any(axis=1)
    averaged = design.table.replace(scores=labeled.scores)
    stratum = replace(design.strata[0], table=averaged)
    design = replace(
        design,
        table=averaged,
        strata=(stratum,),
        label=f"truth behind {join_names(labeled.labels, 5)}",
        missing=policy,
        dropped=pd.Series([int((scored & ~complete).sum())]),
        incomplete=tuple(
            n for n in labeled.scorers if labeled.scores.loc[scored & ~complete, n].isna().any()
        ),
        warnings=warnings,
    )
    return design, labeled, complete


def _signs(values: Floats, epsilon: float) -> Floats:
    return decide_with_threshold(values, epsilon)


def _dawid_skene_data(
    design: Design, pairs: Pairs, complete: Bools, names: Sequence[str]
) -> ModelData:
    """Return the data of the Dawid-Skene form, with or without covariates."""
    values = covariate_differences(pairs, covariate_names(pairs, names))
    signs = _signs(pairs.labels.to_numpy(), pairs.label_epsilon)
    scores = np.where(complete[:, None], _signs(pairs.scores.to_numpy(), 0.0), np.nan)
    swapped = np.zeros(len(signs), dtype=bool)
    if not pairs.ordered:
        swapped = canonical_orientation(np.column_stack([values.T, signs, scores]))
    sign = np.where(swapped, -1.0, 1.0)[:, None]
    ranges = ranges_of_pairs(values * sign[:, 0], names) if names else None
    untied = not (signs == 0).any()
    classes = [CLASSES[0], CLASSES[2]] if untied else list(CLASSES)
    codes = (signs * sign + 1) / 2 if untied else signs * sign + 1
    units, unit_names = units_and_names(design)
    range_of_row, range_values = (None, None) if ranges is None else (ranges.of_row, ranges.values)
    patterns = find_patterns(_as_codes(codes), len(classes), units, len(unit_names), range_of_row)
    effect = confusion_effect(patterns, pairs.ordered, range_values)
    raters = [str(name) for name in pairs.labels]
    data = RaterData(
        table=pairs,
        design=design,
        patterns=patterns,
        raters=raters,
        labels=classes,
        swapped=swapped,
        ordered=pairs.ordered,
        design_effect=effect,
    )
    decisions = None
    if pairs.scorers:
        decision = (scores * sign + 1)[complete].astype(int)
        scored_units = np.unique(units[complete], return_inverse=True)[1]
        decisions = count_decisions(
            patterns.of_row[complete], scored_units, decision, len(patterns.labels)
        )
    model = _dawid_skene_model(data, decisions, complete, range_values)
    if ranges is None:
        return model
    warnings = [*model.warnings, *_two_rater_warning(raters), *leverage_warnings(pairs, names)]
    return with_ranges(replace(model, warnings=warnings), data, ranges)


def _two_rater_warning(raters: Sequence[str]) -> list[str]:
    """Warn of two raters, whose biases are not identified."""
    if len(raters) != 2:
        return []
    return ["with two raters, bias and quality are not separately identified"]


def _as_codes(values: Floats) -> Codes:
    """Return integer codes, -1 for missing values."""
    return np.where(np.isnan(values), -1, np.nan_to_num(values)).astype(int)


def _confusion_by_range(sites: Sites, covariates: Floats | None) -> tuple[Floats, Floats]:
    """Return prevalence and confusion by draw and range of covariates (range, covariate)."""
    prevalence, confusion = merge_chains(sites["prevalence"]), merge_chains(sites["confusion"])
    if covariates is None:
        return prevalence[:, None], confusion[:, None]
    quality, excess = merge_chains(sites["quality_coefficient"]), merge_chains(sites["coefficient"])
    with double_precision():
        tilted = confusion_at(prevalence, confusion, quality, excess, covariates)
    return np.asarray(tilted[0]), np.asarray(tilted[1])


def _dawid_skene_model(
    data: RaterData, decisions: ScorerDecisions | None, complete: Bools, covariates: Floats | None
) -> ModelData:
    patterns = data.patterns
    labels, counts = patterns.by_range(patterns.labels), patterns.by_range(patterns.counts)
    range_weight, ordered = counts.sum(axis=1) / counts.sum(), data.ordered

    def tables(sites: Sites) -> tuple[Floats, Floats]:
        return _confusion_by_range(sites, covariates)

    def derived_draws(sites: Sites, rng: Generator) -> NamedArrays:
        if decisions is None:
            return {}
        prevalence, confusion = tables(sites)
        scorer_confusion = scorer_confusion_draws(
            decisions, labels, prevalence, confusion, ordered, rng
        )
        shape = (*sites["prevalence"].shape[:2], -1)
        mean_prevalence = np.einsum("g,dgc->dc", range_weight, prevalence)
        named_values = zip(
            ("accuracy", "agreement"),
            corrected_accuracy(scorer_confusion, mean_prevalence),
            strict=True,
        )
        return {name: (("scorer",), values.reshape(shape)) for name, values in named_values}

    constant = ("prevalence",) if len(data.labels) == 2 and not ordered else ()
    return assemble_rater_model(
        data,
        options=(("form", "dawid_skene"), ("ordered", ordered)),
        dims={
            "confusion": ("rater", "truth", "label"),
            "prevalence": ("truth",),
            "rater_accuracy": ("rater",),
        },
        coords={"truth": data.labels, "scorer": data.table.scorers},
        derived=("rater_accuracy", *constant),
        tables=tables,
        observed=_observed_accuracy(data, complete) if decisions is not None else {},
        derived_draws=derived_draws,
        derived_constants=lambda sites: posterior_truth(data, *tables(sites)),
    )


def _observed_accuracy(data: RaterData, complete: Bools) -> NamedArrays:
    """Return accuracy and agreement with the majority label, without correction."""
    label = data.design.table.labels.to_numpy()[complete]
    decision = _signs(data.table.scores.to_numpy()[complete], 0.0)
    untied = label[:, 0] != 0
    credit = (decision == label) + (decision == 0) / 2
    with np.errstate(invalid="ignore"):
        accuracy = credit[untied].sum(axis=0) / untied.sum()
    return {
        "accuracy_observed": (("scorer",), accuracy),
        "agreement_observed": (("scorer",), (decision == label).mean(axis=0)),
    }
