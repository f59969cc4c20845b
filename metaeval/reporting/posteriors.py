"""The section of a report on posteriors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metaeval import bayes, plots
from metaeval.core import MetaevalError, check_names, join_names
from metaeval.reporting.collecting import Collected
from metaeval.reporting.parts import Section, Table, table_of
from metaeval.reporting.sections import Subject
from metaeval.results import leaderboard_cells, tables_of

QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("accuracy",),
    "ties": ("epsilon",),
    "calibration": ("slope", "gap"),
    "raters": ("rater_accuracy",),
}
_NONE = (
    "No model was fitted; name some of accuracy, ties, calibration, raters (fits=, --fits) for "
    "posteriors."
)


def known_fits(fits: Sequence[str] | str) -> list[str]:
    """Names of models that are to be fitted."""
    names = check_names("fits", fits)
    for name in names:
        if name not in QUANTITIES:
            raise MetaevalError(f"There is no model {name!r}; there are {join_names(QUANTITIES)}.")
    return names


def fitted(subject: Subject, fits: Sequence[str], found: Collected) -> dict[str, Any]:
    """Posteriors that passed their gates; of the others the reason."""
    taken = ("label", "scorers", "by", "resample", "missing", "seed")
    trees = {}
    for name in fits:
        options = subject.given(*taken)
        if name == "raters":
            options = {k: v for k, v in options.items() if k not in ("label", "by")}
        try:
            trees[name] = bayes.fit(name, subject.table, **options)
        except MetaevalError as error:
            found.notes.append(f"{name}: {error}")
    return trees


def posterior(subject: Subject, trees: Mapping[str, Any], found: Collected) -> Section:
    """What the posteriors say."""
    for name, tree in trees.items():
        for quantity in QUANTITIES[name]:
            _quantity(found, tree, name, quantity, subject.given("confidence"))
        if name == "ties":
            caption = "Labels by margin, and what the model expects of them."
            found.draw("win_tie_loss", caption, plots.win_tie_loss, tree, subject.best)
    if "accuracy" in trees and subject.options.get("by") is not None:
        caption = "Each task by itself, and with tasks pooled as far as they are alike."
        summary = bayes.summarize(trees["accuracy"], "accuracy")
        found.draw("shrinkage", caption, plots.shrinkage, subject.result, summary)
    texts = [] if trees or found.notes else [_NONE]
    return found.section("posterior", "Posteriors", texts)


def _quantity(
    found: Collected, tree: Any, name: str, quantity: str, options: Mapping[str, Any]
) -> None:
    result = found.made(f"{quantity} ({name})", lambda: bayes.summarize(tree, quantity, **options))
    if result is None:
        return
    kind = f"intervals of {100 * result.confidence:g} %"
    caption = f"Posterior of {quantity}, model {name}: {kind} and densities."
    found.draw(f"{name}_{quantity}", caption, plots.posterior_intervals, result)
    found.tables += [
        table_of(title, leaderboard_cells(result, stat, task), folded=i > 0)
        for i, (title, stat, task) in enumerate(tables_of(result))
    ]


def gates(trees: Mapping[str, Any]) -> list[Table]:
    """Gates of each posterior."""
    return [
        table_of(
            f"Check of the posterior of {name}", bayes.diagnose(tree).reset_index(names="gate")
        )
        for name, tree in trees.items()
    ]
