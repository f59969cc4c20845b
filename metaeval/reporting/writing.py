"""`report`: everything that a table says, as one page and as files."""

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
from metaeval.reporting.collecting import Collected
from metaeval.reporting.pages import page
from metaeval.reporting.parts import Section, all_figures
from metaeval.reporting.sections import Subject
from metaeval.results import Result, tables_of
from metaeval.statistics import Statistic
from metaeval.tables import Table, require_table

PAGE, TITLE = "report.html", "Scorers compared"
_OF_TWO = ("baseline", "test", "alternative", "correction", "margin", "stop_after_exceedances")


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
    test: str = "sign-flip",
    alternative: str = "two-sided",
    correction: str = "maxt",
    margin: float | None = None,
    stop_after_exceedances: int | None = None,
    by: str | None = None,
    resample: str | tuple[str, str] | None = None,
    confidence: float = 0.95,
    interval: str = "bca",
    n_resamples: int = 10_000,
    weights: str | None = None,
    missing: str | None = None,
    seed: int = 0,
) -> Path:
    """Write one HTML page on the scorers of a table, and its figures, tables and numbers as files.

    Parameters
    ----------
    table : Responses or Pairs
    out : str or Path
        Folder, made where it is not there. It gets `report.html`, `result.json`, `result.csv`,
        `leaderboard.tex`, `leaderboard.md`, `figures/` (PDF and PNG), and `posteriors/` (NetCDF)
        where models were fitted. Other files in it are left alone. An old page is removed first and
        the new one written last: a folder without `report.html` holds a report that was cut short.
    statistic : Statistic, str or list, optional
        As in `compare`.
    fits : list of str, default none
        Models that are fitted, too: accuracy, ties, calibration, raters; each takes seconds to
        minutes. One that fails its gates is named, with the reason.
    style : str, default "acl"
        As in `metaeval.style`: width and fonts of the figures.
    title : str, default "Scorers compared"
        The heading of the page.
    label : str, optional
        Which label column; needed where there are several whose mean is not the label.
    scorers : list of str, optional
        Which scorers; all by default. Of a lone one the value is reported.
    baseline : str, optional
        Compare all others with this scorer; else all pairs are compared.
    test : {"sign-flip", "bootstrap", "mcnemar", "mcnemar-mid-p", ...}, default "sign-flip"
        As in `compare`.
    alternative : {"two-sided", "greater", "less"}, default "two-sided"
        Of scorer minus baseline.
    correction : {"maxt", "holm", "bh", "by", "none"}, default "maxt"
        How p-values are adjusted for the number of comparisons.
    margin : float, optional
        Differences below it do not matter, in units of the statistic: adds a test of equivalence.
    stop_after_exceedances : int, optional
        Sequential p-values: flips end once so many were as extreme.
    by : str, optional
        Column of the items to report by; adds a macro row with the strata equally weighted.
    resample : {"item", "cluster", "task", ("item", "system")}, optional
        What is resampled: clusters where there are any, else items, by default.
    confidence : float, default 0.95
        Share of intervals that should hold the truth.
    interval : {"bca", "percentile", "basic", "bootstrap-t", "t", "wilson", "jeffreys"}
        Kind of the intervals, "bca" by default.
    n_resamples : int, default 10 000
        Bootstrap replicates, at least 100.
    weights : {"multinomial", "poisson", "exponential"}, optional
        How units are weighted in replicates, as in `evaluate`.
    missing : {"common", "pairwise", "error", "count_as_wrong"}, optional
        As in `evaluate`. By default what the table was read with.
    seed : int, default 0
        Of everything that is drawn; the same seed gives the same page.

    Returns
    -------
    Path
        The page. It holds everything, asks for nothing from anywhere, and can be printed.

    Raises
    ------
    MetaevalError
        If the data or the arguments are not usable, or the folder cannot be written; then there
        is no page, and no file is half-written.

    Notes
    -----
    What the data do not allow (no ties, one task, labels that say nothing of calibration) is left
    out with the reason. Curves are those of the three best scorers. Measures of calibration have
    1 000 resamples.

    Examples
    --------
    >>> import tempfile
    >>> from metaeval import compare, load_example, report
    >>> asked = {"scorers": ["judge", "lexical"], "n_resamples": 200}
    >>> said = compare(load_example(), **asked).sentence("judge", "lexical")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = report(load_example(), folder, **asked)
    ...     path.name, said in path.read_text("utf-8")
    ('report.html', True)
    """
    options: dict[str, Any] = {
        "label": label,
        "scorers": scorers,
        "baseline": baseline,
        "test": test,
        "alternative": alternative,
        "correction": correction,
        "margin": margin,
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
    with styled(style):  # an unknown one is refused before anything is computed
        names = posteriors.known_fits(fits)
        folder = Path(out)
        check_writable(folder)
        return written(
            Subject(table, _compared(table, statistic, options), options), folder, names, title
        )


def written(
    subject: Subject,
    folder: Path,
    fits: Sequence[str] = (),
    title: str = TITLE,
    beside: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write the report on what was compared, in the style in force, and further texts; the page.

    Everything is computed before anything is written, and the page comes last: it marks the report
    as complete, and never stands beside numbers of another run.
    """
    found = Collected()
    trees = posteriors.fitted(subject, fits, found)
    files = _files(folder, subject.result, _sections(subject, trees, found), title)
    files |= {folder / name: text.encode("utf-8") for name, text in beside.items()}
    for name, tree in trees.items():
        files[folder / "posteriors" / f"{name}.nc"] = as_bytes(tree)
    write_all(files, folders=True, last=folder / PAGE)
    return folder / PAGE


def _compared(table: Table, statistic: Any, options: Mapping[str, Any]) -> Result:
    """The comparison; own values where there is one scorer. No page shows its draws."""
    scorers = options.get("scorers") or table.scorers
    if len(scorers) > 1:
        result = compare(table, statistic, **options)
    else:
        alone = {k: v for k, v in options.items() if k not in _OF_TWO}
        result = evaluate(table, statistic, **alone)
    return replace(result, draws=None)


def _sections(subject: Subject, trees: Mapping[str, Any], found: Collected) -> list[Section]:
    """The parts of the page, in the order in which they are read."""
    return [
        sections.verdicts(subject),
        sections.alignment(subject),
        sections.leaderboard(subject),
        sections.matrix(subject),
        sections.ties(subject),
        sections.calibration(subject),
        posteriors.posterior(subject, trees, found),
        sections.diagnostics(subject, posteriors.gates(trees)),
        sections.glossary(),
        sections.provenance(subject),
    ]


def _files(folder: Path, result: Result, parts: Sequence[Section], title: str) -> dict[Path, bytes]:
    leagues = [(name, task) for _, name, task in tables_of(result)]
    texts = {
        PAGE: page(title, parts, result.signature),
        "result.json": result.to_json(),
        "result.csv": result_csv(result.frame),
        "leaderboard.tex": "\n".join(result.to_latex(*which) for which in leagues),
        "leaderboard.md": "\n".join(result.to_markdown(*which) for which in leagues),
    }
    files = {folder / name: text.encode("utf-8") for name, text in texts.items()}
    for figure in all_figures(parts):
        for kind, content in figure.files.items():
            files[folder / "figures" / f"{figure.name}.{kind}"] = content
    return files
