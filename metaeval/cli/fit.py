"""The command `fit`: the posterior of a model, summarized."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaeval.cli.options import (
    READER_OPTIONS,
    Names,
    output_options,
    read_table,
    reading_options,
    render_result,
    seed_option,
    write_result,
)
from metaeval.core import MetaevalError, join_names

if TYPE_CHECKING:
    from metaeval.bayes.model_interface import Model

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
@click.option("--model", type=click.Choice(MODELS), required=True, help="Model to fit.")
@click.option("--quantity", "quantities", type=Names(), help="Quantities: slope, gap, epsilon, ...")
@click.option("--agreement", type=float, help="Agreement rate that defines the gap, such as 0.9.")
@click.option(
    "--form",
    help="Form of the tie model (davidson) or calibration model (temperature, spline, beta).",
)
@click.option("--statistic", help="Accuracy statistic of the accuracy model.")
@click.option(
    "--covariates",
    type=Names(),
    help="Covariates of pairs, such as length_delta, or of ratings, such as length.",
)
@click.option(
    "--scale", help="log_odds if margins are log odds; they are calibrated if the slope is 1."
)
@click.option(
    "--positive-from", type=float, help="Lowest label that counts as positive (beta calibration)."
)
@click.option("--raters", type=Names(), help="Label columns of the raters model.")
@click.option("--label", help="Label to use, if there are several.")
@click.option("--by", help="Column of partially pooled strata; by default task, if present.")
@click.option("--resample", help="Independent units: item or cluster.")
@click.option("--missing", help="Policy for missing scores: common, error, count_as_wrong.")
@click.option("--scorers", type=Names(), help="Scorers to include; by default all.")
@click.option("--baseline", help="Compare all other scorers with this one only.")
@click.option(
    "--rope", type=float, help="Half-width of the region of practical equivalence (ROPE)."
)
@click.option(
    "--confidence",
    type=float,
    default=0.95,
    show_default=True,
    help="Posterior probability of intervals.",
)
@click.option("--n-chains", type=int, default=4, show_default=True, help="Number of chains.")
@click.option("--n-warmup", type=int, help="Warmup steps per chain.")
@click.option(
    "--n-draws",
    type=int,
    help="Draws per chain; by default, sampling continues until the diagnostics pass.",
)
@click.option(
    "--target-accept", type=float, help="Target acceptance rate; higher means smaller steps."
)
@seed_option
@click.option(
    "--no-check", is_flag=True, help="Show posteriors that fail the diagnostics, with a flag."
)
@click.option("--save", type=click.Path(path_type=Path), help="Save the posterior as NetCDF.")
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
    """Fit a Bayesian model of the scorers in FILES: accuracy, ties, calibration or raters."""
    reading = {k: options.pop(k) for k in READER_OPTIONS}
    names = tuple(quantities or QUANTITIES[model])
    _check_format(output_format, names)
    _check_agreement(agreement, names)
    from metaeval import bayes
    from metaeval.core import progress

    specification = _model(model, {k: options[k] for k in _OF_MODEL if options[k] is not None})
    fit_options = {k: options[k] for k in _FIT}
    with progress.hide_progress(quiet):
        table = read_table(files, reading | {"scorers": options["scorers"]})
        tree = bayes.fit(specification, table, check=not no_check, **fit_options)
    if save is not None:
        bayes.save(tree, save)
    summary_options = {k: options[k] for k in _SUMMARY}
    results = [
        bayes.summarize(tree, name, **summary_options, **_quantity_options(name, agreement))
        for name in names
    ]
    texts = [render_result(result, output_format) for result in results]
    if output_format == "csv":
        texts = [texts[0], *(text.partition("\n")[2] for text in texts[1:])]
    write_result(
        ("\n" if output_format == "text" else "").join(texts), output, results[0], output_format
    )


def _model(name: str, options: dict[str, Any]) -> Model:
    """Build a model from its options; refuse options that it does not have."""
    from metaeval.bayes.fitting import MODELS

    fields = [field.name for field in dataclasses.fields(MODELS[name])]
    for option in options:
        if option not in fields:
            raise MetaevalError(
                f"{_flag(option)} does not apply to the {name} model; its options are "
                f"{join_names([_flag(field) for field in fields])}."
            )
    return MODELS[name](**options)


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")


def _check_format(output_format: str, names: tuple[str, ...]) -> None:
    if output_format == "json" and len(names) > 1:
        raise MetaevalError(
            f"JSON output is limited to one quantity; choose one of {', '.join(names)} with "
            "--quantity."
        )


def _check_agreement(agreement: float | None, names: tuple[str, ...]) -> None:
    if agreement is not None and "gap" not in names:
        raise MetaevalError("--agreement applies only to the quantity gap; add --quantity gap.")


def _quantity_options(name: str, agreement: float | None) -> dict[str, Any]:
    return {"agreement": agreement} if name == "gap" and agreement is not None else {}
