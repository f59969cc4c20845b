"""The report: one page that asks for nothing, whatever the names are, and files beside it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from drawn import ODD

import metaeval as me
from metaeval import MetaevalError
from metaeval.cli import cli
from metaeval.core import write_all
from metaeval.reporting import drawing, pages, posteriors, sections
from metaeval.reporting.collecting import SectionBuilder
from metaeval.reporting.glossary import TERMS
from metaeval.reporting.parts import Section, make_table, number_in

FEW = {"n_resamples": 200}
STYLE = Path(pages.__file__).parent / "templates" / "report.css"


def pairs(names, n=60, seed=0):
    """Pairs with ties and lengths, judged by scorers that are worse and worse."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    noise = np.linspace(0.2, 2, len(names))
    scores = {name: quality + noise[i] * rng.normal(size=n) for i, name in enumerate(names)}
    rows = {"task": np.array(["x", "y"])[np.arange(n) % 2], "item": np.arange(n), "first": "a"}
    label = np.where(np.abs(quality) < 0.3, 0.0, np.sign(quality))
    rows = pd.DataFrame(rows).assign(second="b")
    return me.Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"h": label}))


class Page(HTMLParser):
    """Tags with their attributes, texts of the body, and cells of tables."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """The report of scorers with odd names: folder, page and its text."""
    folder = tmp_path_factory.mktemp("report") / "out"
    path = me.report(pairs(ODD), folder, title="<b>Odd</b>", by="task", **FEW)
    text = path.read_text("utf-8")
    return folder, Page(text), text


def test_the_page_asks_for_nothing_and_runs_nothing_of_the_data(odd):
    _, page, text = odd
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
        assert not any(name.startswith("on") for name in attributes)
    assert "url(http" not in text and "@import" not in text
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("name", ODD)
def test_names_appear_as_they_are(odd, name):
    folder, page, _ = odd
    assert name in page.texts
    rows = json.loads((folder / "result.json").read_text("utf-8"))["rows"]
    assert name in {row["scorer"] for row in rows}


def test_sections_are_in_reading_order_and_linked(odd):
    _, page, _ = odd
    ids = [a["id"] for t, a in page.tags if t == "section"]
    assert ids == [
        *("verdicts", "alignment", "leaderboard", "comparisons", "ties", "calibration"),
        *("posterior", "diagnostics", "glossary", "provenance"),
    ]
    links = [a["href"] for t, a in page.tags if t == "a"]
    assert set(links) == {f"#{i}" for i in ids}
    assert "<b>Odd</b>" in page.texts


def test_verdicts_come_first_and_are_those_of_the_result():
    table = pairs(["good", "poor", "worse"])
    result = me.compare(table, **FEW)
    subject = sections.ReportInput(table, result, FEW)
    found = sections.verdicts(subject).texts
    best, next_, *_ = result.leaderboard()["scorer"]
    assert found[0] == result.sentence(best, next_)
    assert found[-1] == result.methods_paragraph()
    assert any("Significant after max-T" in text for text in found)
    based = me.compare(table, baseline="worse", **FEW)
    told = sections.verdicts(sections.ReportInput(table, based, FEW)).texts
    assert told[0] == based.sentence(best, "worse")


def test_files_stand_beside_the_page(odd):
    folder, page, _ = odd
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    files = {"report.html", "result.json", "result.csv", "leaderboard.tex", "leaderboard.md"}
    figures = ("forest", "significance_matrix", "rank_intervals", "cd_diagram", "tie_policies")
    files |= {f"figures/{f}.{kind}" for f in figures for kind in ("pdf", "png")}
    assert files <= names
    assert not [name for name in names if name.endswith(".part")]
    me.Result.from_json((folder / "result.json").read_text("utf-8"))
    assert sum(tag == "svg" for tag, _ in page.tags) == sum(n.endswith(".pdf") for n in names)
    for pdf in folder.rglob("*.pdf"):
        assert b"/Type3" not in pdf.read_bytes()


def test_what_the_data_do_not_allow_is_named(odd):
    _, page, _ = odd
    notes = [text for text in page.texts if "order_bias requires" in text]
    assert len(notes) == 1


def test_cells_have_the_numbers_they_are_sorted_by(odd):
    _, page, _ = odd
    cells = [(a["data-value"]) for t, a in page.tags if t == "td" and "data-value" in a]
    assert cells and all(np.isfinite(float(value)) for value in cells)
    buttons = sum(tag == "button" for tag, _ in page.tags)
    assert buttons == sum(tag == "th" for tag, _ in page.tags)
    numbers = {"1-3": 1.0, "-.5": -0.5, "4.1%": 4.1, "1e-05": 1e-5, "[.2, never]": 0.2}
    assert {text: number_in(text) for text in numbers} == numbers
    assert {number_in(name) for name in ("70B", "7b-chat", "3-sided coin", "[a, b]")} == {None}
    table = make_table("t", pd.DataFrame({"a_b": [0.5, None], "c": ["x", "2"]}))
    assert table.columns == ("a b", "c")
    assert [[c.value for c in row] for row in table.rows] == [[0.5, None], [None, 2.0]]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_colours_of_texts_stand_out_in_light_dark_and_print(mode):
    """WCAG 2.2, contrast (minimum): 4.5 to 1."""
    block = re.findall(r":root \{(.*?)\}", STYLE.read_text("utf-8"), re.S)[mode]
    colour = {k: v if len(v) == 7 else "#" + "".join(2 * c for c in v[1:])
              for k, v in re.findall(r"--(\w+): (#\w+)", block)}  # fmt: skip
    for text in ("ink", "soft", "link"):
        for ground in ("paper", "tint"):
            both = sorted((luminance(colour[text]), luminance(colour[ground])))
            assert (both[1] + 0.05) / (both[0] + 0.05) >= 4.5, (text, ground)


def test_a_single_scorer_has_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(sections, "calibration", lambda _: Section("none", "None"))  # takes time
    path = me.report(pairs(["alone"]), tmp_path, **FEW)
    text = path.read_text("utf-8")
    assert "alone is the only scorer" in text
    assert "Adjusted p-values of all pairs: " in text  # why it is not shown


@pytest.fixture
def short(monkeypatch):
    """Reports without figures of the table, which take their time."""
    for name in ("leaderboard", "matrix", "ties", "calibration"):
        monkeypatch.setattr(sections, name, lambda _: Section("none", "None"))


def test_models_are_fitted_where_they_are_asked_for(tmp_path, trees, table, monkeypatch, short):
    fitted = []

    def fit(name, *_, **options):
        fitted.append((name, options))
        if name == "raters":
            raise MetaevalError("Two raters are needed.")
        return trees[name]

    monkeypatch.setattr(posteriors.bayes, "fit", fit)
    path = me.report(table, tmp_path, fits=["ties", "raters"], by="task", seed=3, **FEW)
    text = path.read_text("utf-8")
    assert fitted == [("ties", {"by": "task", "seed": 3}), ("raters", {"seed": 3})]
    assert "raters: Two raters are needed." in text
    assert "Convergence diagnostics of the ties model" in text and "e_bfmi" in text
    assert (tmp_path / "posteriors" / "ties.nc").exists()
    assert (tmp_path / "figures" / "win_tie_loss.pdf").exists()


def test_quantities_that_a_posterior_does_not_have_are_notes(trees, table, monkeypatch):
    def summarize(*_, **__):
        raise MetaevalError("With a bias of order there are two gaps.")

    monkeypatch.setattr(posteriors.bayes, "summarize", summarize)
    subject = sections.ReportInput(table, me.compare(table, **FEW), FEW)
    found = posteriors.posterior(subject, {"calibration": trees["calibration"]}, SectionBuilder())
    assert found.notes == tuple(
        f"{what} (calibration): With a bias of order there are two gaps."
        for what in ("slope", "gap")
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"style": "acll"}, "'acll'.*Did you mean 'acl'"),
        ({"fits": ["tie"]}, "Unknown model 'tie' in fits"),
        ({"statistic": "pairwise"}, "pairwise"),
        ({"label": "no"}, "no"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(tmp_path, asked, said):
    with pytest.raises(MetaevalError, match=said):
        me.report(pairs(["a", "b"]), tmp_path / "out", **asked, **FEW)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, short):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(MetaevalError, match="Cannot create the folder"):
        me.report(pairs(["a", "b"]), tmp_path / "taken", **FEW)
    folder = tmp_path / "out"
    (folder / "report.html").mkdir(parents=True)
    with pytest.raises(MetaevalError, match="is a folder"):
        me.report(pairs(["a", "b"]), folder, **FEW)
    assert not [p for p in folder.rglob("*") if p.is_file()]
    with pytest.raises(MetaevalError, match="is a folder"):
        write_all({Path("."): b""})
    with pytest.raises(MetaevalError, match="Expected a Responses or Pairs table"):
        me.report("scores.csv", tmp_path / "other")


def test_figures_are_closed_again():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    made = drawing.draw_figure("f", "A figure.", lambda: plt.figure())
    assert plt.get_fignums() == before
    assert made.svg.startswith("<svg") and set(made.files) == {"pdf", "png"}
    found = SectionBuilder()
    found.add_figure("f", "Broken.", lambda: (_ for _ in ()).throw(MetaevalError("No.")))
    assert found.notes == ["Broken: No."] and not found.figures


def test_control_characters_are_shown_by_number():
    assert pages.visible_text("a\x00\x9f\ud800\tb") == "a[U+0000][U+009F][U+D800]\tb"
    assert pages.visible_text("\u202eabc\u2066") == "[U+202E]abc[U+2066]"


def test_the_glossary_has_words_that_the_docs_have():
    docs = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")
    for term, meaning in TERMS:
        assert meaning
        assert term.split(",")[0].split(" ")[0] in docs


def test_the_command_writes_it_and_says_where(tmp_path, short):
    path = tmp_path / "scores.csv"
    me.load_example().to_frame().to_csv(path, index=False)
    out = tmp_path / "out"
    args = ["report", str(path), "--labels", "human", "-o", str(out), "--n-resamples", "200"]
    run = CliRunner().invoke(cli, [*args, "--scorers", "judge,lexical", "--quiet"])
    assert run.exit_code == 0, run.output
    assert f"Wrote {out / 'report.html'}" in run.output
    run = CliRunner().invoke(cli, [*args, "--style", "nature"])
    assert run.exit_code == 2 and "nature" in run.output
