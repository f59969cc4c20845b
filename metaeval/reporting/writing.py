"""`report`, which computes everything and writes the page and the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from metaeval.bayes.datatree import as_bytes
from metaeval.core import check_writable, result_csv, write_all
from metaeval.inference import compare, evaluate
from metaeval.plots.theme import style as styled
from metaeval.reporting import posteriors, sections
from metaeval.reporting.collecting import SectionBuilder
from metaeval.reporting.pages import render_page
from metaeval.reporting.parts import Section, all_figures
from metaeval.reporting.sections import ReportInput
from metaeval.results import Result, tables_of
from metaeval.statistics import Statistic
from metaeval.tables import Table, require_table

PAGE, TITLE = "report.html", "Comparison of scorers"
_COMPARISON_OPTIONS = (
    "baseline",
    "test",
    "alternative",
    "correction",
    "equivalence_margin",
    "stop_after_exceedances",
)


def report(
    table: Table,
    out: str | Path,
    statistic: Statistic | str | Sequence[Statistic | str] | None = None,
    *,
    fits: Sequence[str] | str = (),
    style: str = "acl",
    title: str = TITLE,
    label: str | None = None,
    scorers: Sequence[str] | None = None,
    baseline: str | None = None,
    test: str = "t",
    alternative: str = "two-sided",
    correction: str = "maxt",
    equivalence_margin: float | None = None,
    stop_after_exceedances: int | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    confidence: float = 0.95,
    interval: str | None = None,
    n_resamples: int = 10_000,
    weights: str | None = None,
    missing: str | None = None,
    seed: int = 0,
) -> Path:
    """Write an HTML report on the scorers of a table, and its figures, tables and numbers as files.

    Parameters
    ----------
    table : Responses or Pairs
    out : str or Path
        Output folder, created if it does not exist, for `report.html`, `result.json`, `result.csv`,
        `leaderboard.tex`, `leaderboard.md`, `figures/` (PDF and PNG) and, if models are fitted,
        `posteriors/` (NetCDF). Other files in it are not changed. An old page is removed first and
        the new one is written last: a folder without `report.html` contains an incomplete report.
    statistic : Statistic, str or list, optional
        As in `compare`.
    fits : list of str, default none
        Models to fit: accuracy, ties, calibration, raters; each takes seconds to minutes. A model
        that cannot be fitted, or fails its convergence diagnostics, is listed with the reason.
    style : str, default "acl"
        Width and fonts of the figures, as in `metaeval.style`.
    title : str, default "Comparison of scorers"
        Heading of the page.
    label : str, optional
        Label column; required if there are several that are not averaged.
    scorers : list of str, optional
        Scorers to compare, all by default; for a single one, only its value is reported.
    baseline : str, optional
        Compare all other scorers with this one; by default, compare all pairs.
    test : {"t", "sign-flip", "bootstrap", "mcnemar", "mcnemar-mid-p", ...}, default "t"
        As in `compare`.
    alternative : {"two-sided", "greater", "less"}, default "two-sided"
        Alternative hypothesis on scorer minus baseline.
    correction : {"maxt", "holm", "bh", "by", "none"}, default "maxt"
        Adjustment of p-values for the number of comparisons.
    equivalence_margin : float, optional
        Equivalence margin in units of the statistic; adds an equivalence test.
    stop_after_exceedances : int, optional
        Sequential p-values: stop after this number of flips at least as extreme as observed.
    by : str, optional
        Column of the items to report by; adds a macro average with equal weights of the strata.
    resample : {"item", "cluster", "task", ("item", "system")}, optional
        Unit of resampling; by default clusters if there are any, else items.
    confidence : float, default 0.95
        Confidence level: nominal coverage of the intervals.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t", "wilson", "jeffreys"}, optional
        Kind of intervals; by default as in `compare`.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        Distribution of the resampling weights, as in `evaluate`.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        Policy for missing scores, as in `evaluate`; by default that of the table.
    seed : int, default 0
        Seed of the random numbers; the same seed gives the same page.

    Returns
    -------
    Path
        Path of the page, which is self-contained, loads nothing from the network, and can be
        printed.

    Raises
    ------
    MetaevalError
        If the data or the arguments are invalid, or the folder cannot be written. There is no page
        then, and no partially written file.

    Notes
    -----
    Parts that the data do not allow (no ties, one task, labels unsuitable for calibration) are
    listed with the reason. Curves are drawn for the three best scorers. Calibration measures use 1
    000 resamples.

    Examples
    --------
    >>> import tempfile
    >>> from metaeval import compare, load_example, report
    >>> options = {"scorers": ["judge", "lexical"], "n_resamples": 200}
    >>> sentence = compare(load_example(), **options).sentence("judge", "lexical")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = report(load_example(), folder, **options)
    ...     path.name, sentence in path.read_text("utf-8")
    ('report.html', True)
    """
    options: dict[str, Any] = {
        "label": label,
        "scorers": scorers,
        "baseline": baseline,
        "test": test,
        "alternative": alternative,
        "correction": correction,
        "equivalence_margin": equivalence_margin,
        "stop_after_exceedances": stop_after_exceedances,
        "by": by,
        "resample": resample,
        "confidence": confidence,
        "interval": interval,
        "n_resamples": n_resamples,
        "weights": weights,
        "missing": missing,
        "seed": seed,
    }
    table = require_table(table)
    with styled(style):  # refuses an unknown style before anything is computed
        names = posteriors.check_fits(fits)
        folder = Path(out)
        check_writable(folder)
        return write_report(
            ReportInput(table, _compared(table, statistic, options), options), folder, names, title
        )


def write_report(
    source: ReportInput,
    folder: Path,
    fits: Sequence[str] = (),
    title: str = TITLE,
    extra_files: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write a report in the current style, and `extra_files`; return the path of the page.

    Everything is computed before anything is written. The page is written last: its presence marks
    the report as complete and consistent with the other files.
    """
    builder = SectionBuilder()
    trees = posteriors.fit_models(source, fits, builder)
    files = _files(folder, source.result, _sections(source, trees, builder), title)
    files |= {folder / name: text.encode("utf-8") for name, text in extra_files.items()}
    for name, tree in trees.items():
        files[folder / "posteriors" / f"{name}.nc"] = as_bytes(tree)
    write_all(files, folders=True, last=folder / PAGE)
    return folder / PAGE


def _compared(table: Table, statistic: Any, options: Mapping[str, Any]) -> Result:
    """The comparison, or the evaluation of a single scorer, without draws, which are not shown."""
    scorers = options.get("scorers") or table.scorers
    if len(scorers) > 1:
        result = compare(table, statistic, **options)
    else:
        evaluate_options = {k: v for k, v in options.items() if k not in _COMPARISON_OPTIONS}
        result = evaluate(table, statistic, **evaluate_options)
    return replace(result, draws=None)


def _sections(
    source: ReportInput, trees: Mapping[str, Any], builder: SectionBuilder
) -> list[Section]:
    """The sections of the page, in reading order."""
    return [
        sections.verdicts(source),
        sections.alignment(source),
        sections.leaderboard(source),
        sections.matrix(source),
        sections.ties(source),
        sections.calibration(source),
        posteriors.posterior(source, trees, builder),
        sections.diagnostics(source, posteriors.diagnostic_tables(trees)),
        sections.glossary(),
        sections.provenance(source),
    ]


def _files(folder: Path, result: Result, parts: Sequence[Section], title: str) -> dict[Path, bytes]:
    leaderboards = [(name, task) for _, name, task in tables_of(result)]
    texts = {
        PAGE: render_page(title, parts, result.signature),
        "result.json": result.to_json(),
        "result.csv": result_csv(result.frame),
        "leaderboard.tex": "\n".join(result.to_latex(*selection) for selection in leaderboards),
        "leaderboard.md": "\n".join(result.to_markdown(*selection) for selection in leaderboards),
    }
    files = {folder / name: text.encode("utf-8") for name, text in texts.items()}
    for figure in all_figures(parts):
        for kind, content in figure.files.items():
            files[folder / "figures" / f"{figure.name}.{kind}"] = content
    return files
