"""From a table with several raters to what the model of raters takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from metaeval.bayes.design import DesignOptions, covariate_names, differences, leverage_warnings
from metaeval.bayes.model_data import ModelData, Named, Sites
from metaeval.bayes.rater_models.confusion import confusion_at
from metaeval.bayes.rater_models.covariate_bins import ranges_of_pairs, with_ranges
from metaeval.bayes.rater_models.design_effect import confusion_effect
from metaeval.bayes.rater_models.label_patterns import canonical_orientation, patterns_of
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
from metaeval.inference import Design, prepare
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
_BLANK = "(blank)"


def rater_data(
    table: Table,
    options: DesignOptions,
    *,
    form: str,
    raters: Sequence[str] | None,
    covariates: Sequence[str],
) -> ModelData:
    """The table as `rater_density` takes it."""
    given, table = table, _required(table, options)
    whole = _with_raters(table, raters, form)
    if options.scorers is not None:
        whole = whole.keep_scorers(check_names("scorers", options.scorers))
    if form == "ordinal":
        bare = whole.replace(scores=whole.scores.iloc[:, :0])
        design, whole, _ = _designed(bare, options.resample, None)
        return _as_given(ordinal_data(design, whole, covariates), given, list(whole.labels))
    design, whole, kept = _designed(whole, options.resample, options.missing)
    found = _dawid_skene(design, whole.pairs(), kept, covariates)
    return _as_given(found, given, list(whole.labels)) if isinstance(given, Pairs) else found


def _as_given(found: ModelData, table: Table, raters: list[str]) -> ModelData:
    """What is said of rows in the order that labelled rows have in the table."""
    labelled = table.labels[raters].notna().any(axis=1).to_numpy()
    places = table.canonical_order
    order = np.argsort(places[labelled[places]])
    inner = found.derived_constants

    def after(sites: Sites) -> Named:
        return {
            name: (dims, values[order] if dims[0] == "row" else values)
            for name, (dims, values) in inner(sites).items()
        }

    rows = found.coords["row"]
    return found._replace(
        coords={**found.coords, "row": [rows[i] for i in order]},
        derived_constants=after,
    )


def _required(table: Any, options: DesignOptions) -> Table:
    """The table in canonical order; what has no meaning for this model is refused."""
    table = require_table(table)
    label, by, missing = options.label, options.by, options.missing
    if label is not None:
        raise MetaevalError(
            f"label={label!r} chooses one label, and this model needs several: raters=[...]."
        )
    if by is not None:
        raise MetaevalError(
            f"The model of raters takes accuracy to be the same in each {by}; omit by=, or fit "
            f"each by itself: table.select({by}=...)."
        )
    if missing in ("pairwise", "count_as_wrong"):
        raise MetaevalError(
            f"missing={missing!r} is not for this model: scorers are judged on the rows that all "
            "of them have scored; use missing='common'."
        )
    return table


def _with_raters(table: Table, raters: Sequence[str] | None, form: str) -> Table:
    """The table with the raters' labels, and rows that one of them labelled at least."""
    names = check_names("raters", raters) if raters is not None else list(table.labels.columns)
    for name in names:
        require_known("label", name, list(table.labels.columns))
    there = table.labels[names].notna().to_numpy()
    if len(names) < 2:
        raise MetaevalError(
            f"Two raters are needed to estimate how good each is; there is "
            f"{join_names(names) or 'none'}; name more label columns when reading (labels=), or "
            "use bayes.AccuracyModel, which takes one label for the truth."
        )
    silent = [name for name, said in zip(names, there.any(axis=0), strict=True) if not said]
    if silent:
        raise MetaevalError(f"{join_names(silent)} gave no labels; leave it out: raters=[...].")
    if form == "ordinal":
        return require_ratings(table.keep_labels(names))
    kept = table.keep_labels(names).pairs()
    if not (kept.labels.notna().sum(axis=1) > 1).any():
        raise MetaevalError(
            "No row has labels of two raters, so their agreement is unknown; raters "
            "must share rows."
        )
    return kept


def _designed(
    table: Table, resample: str | None, missing: str | None
) -> tuple[Design, Table, Bools]:
    """The design on all labelled rows, those rows with their raters, and rows all scorers have."""
    whole = table.keep_rows(table.labels.notna().any(axis=1).to_numpy())
    blank = pd.DataFrame({_BLANK: np.zeros(len(whole))}, index=whole.rows.index)
    design = prepare(whole.replace(scores=blank, average_raters=True), resample=resample)
    if design.systems:
        raise MetaevalError("Models have items or clusters as units; use resample='item'.")
    policy = whole.missing if missing is None else missing
    if policy in ("pairwise", "count_as_wrong"):
        policy = "common"
    kept = complete_rows(whole, policy) if whole.scorers else np.ones(len(whole), dtype=bool)
    lost = dropped_rows_warning(whole, kept)
    if not kept.any():
        raise MetaevalError(no_complete_rows_message(whole, lost))
    some = whole.scores.notna().any(axis=1)
    used = design.table.replace(scores=whole.scores)
    stratum = replace(design.strata[0], table=used)
    design = replace(
        design,
        table=used,
        strata=(stratum,),
        label=f"truth behind {join_names(whole.labels, 5)}",
        missing=policy,
        dropped=pd.Series([int((some & ~kept).sum())]),
        holes=tuple(n for n in whole.scorers if whole.scores.loc[some & ~kept, n].isna().any()),
        warnings=lost,
    )
    return design, whole, kept


def _signs(values: Floats, epsilon: float) -> Floats:
    return decide_with_threshold(values, epsilon)


def _dawid_skene(design: Design, whole: Pairs, kept: Bools, names: Sequence[str]) -> ModelData:
    """Classes of pairs, and covariates of these names."""
    more = differences(whole, covariate_names(whole, names))
    signs = _signs(whole.labels.to_numpy(), whole.label_epsilon)
    scores = np.where(kept[:, None], _signs(whole.scores.to_numpy(), 0.0), np.nan)
    turned = np.zeros(len(signs), dtype=bool)
    if not whole.ordered:
        turned = canonical_orientation(np.column_stack([more.T, signs, scores]))
    turn = np.where(turned, -1.0, 1.0)[:, None]
    ranges = ranges_of_pairs(more * turn[:, 0], names) if names else None
    known = not (signs == 0).any()
    classes = [CLASSES[0], CLASSES[2]] if known else list(CLASSES)
    codes = (signs * turn + 1) / 2 if known else signs * turn + 1
    units, unit_names = units_and_names(design)
    where, at = (None, None) if ranges is None else (ranges.of_row, ranges.values)
    patterns = patterns_of(_codes(codes), len(classes), units, len(unit_names), where)
    effect = confusion_effect(patterns, whole.ordered, at)
    raters = [str(name) for name in whole.labels]
    rated = RaterData(
        table=whole,
        design=design,
        patterns=patterns,
        raters=raters,
        labels=classes,
        turned=turned,
        ordered=whole.ordered,
        effect=effect,
    )
    calls = None
    if whole.scorers:
        call = (scores * turn + 1)[kept].astype(int)
        judged = np.unique(units[kept], return_inverse=True)[1]
        calls = count_decisions(patterns.of_row[kept], judged, call, len(patterns.labels))
    found = _of_classes(rated, calls, kept, at)
    if ranges is None:
        return found
    said = [*found.warnings, *_two(raters), *leverage_warnings(whole, names)]
    return with_ranges(found._replace(warnings=said), rated, ranges)


def _two(raters: Sequence[str]) -> list[str]:
    return (
        ["with two raters, a bias cannot be separated from the truth"] if len(raters) == 2 else []
    )


def _codes(values: Floats) -> Codes:
    return np.where(np.isnan(values), -1, np.nan_to_num(values)).astype(int)


def _tables(sites: Sites, covariates: Floats | None) -> tuple[Floats, Floats]:
    """Prevalence and confusion of draws in ranges of covariates (range, covariate)."""
    prevalence, confusion = merge_chains(sites["prevalence"]), merge_chains(sites["confusion"])
    if covariates is None:
        return prevalence[:, None], confusion[:, None]
    truly, own = merge_chains(sites["quality_coefficient"]), merge_chains(sites["coefficient"])
    with double_precision():
        found = confusion_at(prevalence, confusion, truly, own, covariates)
    return np.asarray(found[0]), np.asarray(found[1])


def _of_classes(
    rated: RaterData, calls: ScorerDecisions | None, kept: Bools, covariates: Floats | None
) -> ModelData:
    labels, counts = (rated.patterns.by_range(v) for v in rated.patterns[:2])
    share, ordered = counts.sum(axis=1) / counts.sum(), rated.ordered

    def tables(sites: Sites) -> tuple[Floats, Floats]:
        return _tables(sites, covariates)

    def derived_draws(sites: Sites, rng: Generator) -> Named:
        if calls is None:
            return {}
        prevalence, confusion = tables(sites)
        called = scorer_confusion_draws(calls, labels, prevalence, confusion, ordered, rng)
        shape = (*sites["prevalence"].shape[:2], -1)
        often = np.einsum("g,dgc->dc", share, prevalence)
        both = zip(("accuracy", "agreement"), corrected_accuracy(called, often), strict=True)
        return {name: (("scorer",), values.reshape(shape)) for name, values in both}

    fixed = ("prevalence",) if len(rated.labels) == 2 and not ordered else ()
    return assemble_rater_model(
        rated,
        options=(("form", "dawid_skene"), ("ordered", ordered)),
        dims={
            "confusion": ("rater", "truth", "label"),
            "prevalence": ("truth",),
            "rater_accuracy": ("rater",),
        },
        coords={"truth": rated.labels, "scorer": rated.table.scorers},
        derived=("rater_accuracy", *fixed),
        tables=tables,
        observed=_raw(rated, kept) if calls is not None else {},
        derived_draws=derived_draws,
        derived_constants=lambda sites: posterior_truth(rated, *tables(sites)),
    )


def _raw(rated: RaterData, kept: Bools) -> Named:
    """How often scorers agree with the label that most raters gave, corrected for nothing."""
    label = rated.design.table.labels.to_numpy()[kept]
    call = _signs(rated.table.scores.to_numpy()[kept], 0.0)
    sided = label[:, 0] != 0
    half = (call == label) + (call == 0) / 2
    with np.errstate(invalid="ignore"):
        accuracy = half[sided].sum(axis=0) / sided.sum()
    return {
        "accuracy_observed": (("scorer",), accuracy),
        "agreement_observed": (("scorer",), (call == label).mean(axis=0)),
    }
