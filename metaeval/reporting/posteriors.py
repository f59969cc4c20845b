"""The section on posteriors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metaeval import bayes, plots
from metaeval.core import MetaevalError, check_names, join_names
from metaeval.reporting.collecting import SectionBuilder
from metaeval.reporting.parts import Section, Table, make_table
from metaeval.reporting.sections import ReportInput
from metaeval.results import leaderboard_cells, tables_of

QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("accuracy",),
    "ties": ("epsilon",),
    "calibration": ("slope", "gap"),
    "raters": ("rater_accuracy",),
}
_NO_MODELS = (
    "No models were fitted. To fit models, name one or more of accuracy, ties, calibration and "
    "raters in fits= (--fits)."
)


def check_fits(fits: Sequence[str] | str) -> list[str]:
    """Return the names of the models to fit; refuse unknown ones."""
    names = check_names("fits", fits)
    for name in names:
        if name not in QUANTITIES:
            raise MetaevalError(f"Unknown model {name!r} in fits; known: {join_names(QUANTITIES)}.")
    return names


def fit_models(source: ReportInput, fits: Sequence[str], builder: SectionBuilder) -> dict[str, Any]:
    """Return the posteriors of the models; note the reason for those that cannot be fitted."""
    option_names = ("label", "scorers", "by", "resample", "missing", "seed")
    trees = {}
    for name in fits:
        options = source.selected_options(*option_names)
        if name == "raters":
            options = {k: v for k, v in options.items() if k not in ("label", "by")}
        try:
            trees[name] = bayes.fit(name, source.table, **options)
        except MetaevalError as error:
            builder.notes.append(f"{name}: {error}")
    return trees


def posterior(source: ReportInput, trees: Mapping[str, Any], builder: SectionBuilder) -> Section:
    """Return the section on posteriors."""
    for name, tree in trees.items():
        for quantity in QUANTITIES[name]:
            _add_quantity(builder, tree, name, quantity, source.selected_options("confidence"))
        if name == "ties":
            caption = "Outcomes by margin, observed and predicted by the model."
            builder.add_figure("win_tie_loss", caption, plots.win_tie_loss, tree, source.best)
    if "accuracy" in trees and source.options.get("by") is not None:
        caption = "Estimates for each task alone and partially pooled over tasks."
        summary = bayes.summarize(trees["accuracy"], "accuracy")
        builder.add_figure("shrinkage", caption, plots.shrinkage, source.result, summary)
    texts = [] if trees or builder.notes else [_NO_MODELS]
    return builder.build("posterior", "Posteriors", texts)


def _add_quantity(
    builder: SectionBuilder, tree: Any, name: str, quantity: str, options: Mapping[str, Any]
) -> None:
    result = builder.attempt(
        f"{quantity} ({name})", lambda: bayes.summarize(tree, quantity, **options)
    )
    if result is None:
        return
    level = f"{100 * result.confidence:g}%"
    caption = f"Posterior of {quantity} ({name} model): {level} intervals and densities."
    builder.add_figure(f"{name}_{quantity}", caption, plots.posterior_intervals, result)
    builder.tables += [
        make_table(title, leaderboard_cells(result, stat, task), folded=i > 0)
        for i, (title, stat, task) in enumerate(tables_of(result))
    ]


def diagnostic_tables(trees: Mapping[str, Any]) -> list[Table]:
    """Return a table of the convergence diagnostics of each posterior."""
    return [
        make_table(
            f"Convergence diagnostics of the {name} model",
            bayes.diagnose(tree).reset_index(names="diagnostic"),
        )
        for name, tree in trees.items()
    ]
