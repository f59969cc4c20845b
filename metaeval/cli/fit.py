"""The command `fit`: a posterior of a model, and what it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaeval.cli.options import (
    READER_OPTIONS,
    Names,
    give,
    output_options,
    read_table,
    reading_options,
    rendered,
    seed_option,
)
from metaeval.core import MetaevalError, join_names

if TYPE_CHECKING:
    from metaeval.bayes.model_base import Model

MODELS = ("accuracy", "ties", "calibration", "raters")
QUANTITIES = {
    "accuracy": ("accuracy",),
    "ties": ("slope", "threshold", "epsilon", "lapse"),
    "calibration": ("slope", "gap"),
    "raters": ("rater_accuracy",),
}
_FIT = (
    *("label", "scorers", "by", "resample", "missing"),
    *("n_chains", "n_warmup", "n_draws", "target_accept", "seed"),
)
_OF_MODEL = ("statistic", "form", "covariates", "scale", "positive_from", "raters")
_SUMMARY = ("baseline", "rope", "confidence")


@click.command()
@reading_options
@click.option("--model", type=click.Choice(MODELS), required=True, help="What is estimated.")
@click.option("--quantity", "quantities", type=Names(), help="slope, gap, epsilon, ...")
@click.option("--agreement", type=float, help="Of the quantity gap: 0.9.")
@click.option("--form", help="Of ties: davidson; of calibration: temperature, spline, beta.")
@click.option("--statistic", help="Which accuracy, for the accuracy model.")
@click.option(
    "--covariates", type=Names(), help="Differences such as length_delta; of ratings: length."
)
@click.option("--scale", help="log_odds: margins are log odds, so a slope of 1 is calibrated.")
@click.option("--positive-from", type=float, help="Of beta calibration: labels of at least this.")
@click.option("--raters", type=Names(), help="Label columns, for the model of raters.")
@click.option("--label", help="Which label column, where there are several.")
@click.option("--by", help="Column whose values are pooled; task where there is one.")
@click.option("--resample", help="Units that are independent: item or cluster.")
@click.option("--missing", help="Missing scores: common, error, count_as_wrong.")
@click.option("--scorers", type=Names(), help="Only these scorers.")
@click.option("--baseline", help="Differences to this scorer only.")
@click.option("--rope", type=float, help="Differences below it do not matter.")
@click.option(
    "--confidence", type=float, default=0.95, show_default=True, help="Level of intervals."
)
@click.option("--n-chains", type=int, default=4, show_default=True, help="Chains of the sampler.")
@click.option("--n-warmup", type=int, help="Steps that adapt each chain.")
@click.option("--n-draws", type=int, help="Of each chain; by default until gates are passed.")
@click.option("--target-accept", type=float, help="Higher: smaller, safer steps.")
@seed_option
@click.option("--no-check", is_flag=True, help="Show posteriors that fail their check, marked.")
@click.option("--save", type=click.Path(path_type=Path), help="Keep the posterior, as NetCDF.")
@output_options
def fit(
    files: tuple[Path, ...],
    model: str,
    quantities: list[str] | None,
    agreement: float | None,
    no_check: bool,
    save: Path | None,
    output_format: str,
    output: Path | None,
    quiet: bool,
    debug: bool,
    **options: Any,
) -> None:
    """Posterior of a model of the scorers in FILES: accuracy, ties, calibration or raters."""
    reading = {k: options.pop(k) for k in READER_OPTIONS}
    wanted = tuple(quantities or QUANTITIES[model])
    _check_format(output_format, wanted)
    _check_agreement(agreement, wanted)
    from metaeval import bayes
    from metaeval.core import progress

    chosen = _model(model, {k: options[k] for k in _OF_MODEL if options[k] is not None})
    given = {k: options[k] for k in _FIT}
    with progress.show_progress(not quiet):
        table = read_table(files, reading | {"scorers": options["scorers"]})
        tree = bayes.fit(chosen, table, check=not no_check, **given)
    if save is not None:
        bayes.save(tree, save)
    asked = {k: options[k] for k in _SUMMARY}
    results = [bayes.summarize(tree, name, **asked, **_more(name, agreement)) for name in wanted]
    texts = [rendered(result, output_format) for result in results]
    if output_format == "csv":
        texts = [texts[0], *(text.partition("\n")[2] for text in texts[1:])]
    give(("\n" if output_format == "text" else "").join(texts), output, results[0], output_format)


def _model(name: str, options: dict[str, Any]) -> Model:
    """The model with its options; refuse those that it does not have."""
    from metaeval.bayes.fitting import MODELS

    known = [field.name for field in dataclasses.fields(MODELS[name])]
    for option in options:
        if option not in known:
            raise MetaevalError(
                f"The {name} model does not take {_flag(option)}; it takes "
                f"{join_names([_flag(own) for own in known])}."
            )
    return MODELS[name](**options)


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")


def _check_format(output_format: str, wanted: tuple[str, ...]) -> None:
    if output_format == "json" and len(wanted) > 1:
        raise MetaevalError(
            f"JSON holds one quantity; choose one of {', '.join(wanted)} with --quantity."
        )


def _check_agreement(agreement: float | None, wanted: tuple[str, ...]) -> None:
    if agreement is not None and "gap" not in wanted:
        raise MetaevalError("--agreement is for the quantity gap; add --quantity gap.")


def _more(name: str, agreement: float | None) -> dict[str, Any]:
    return {"agreement": agreement} if name == "gap" and agreement is not None else {}
