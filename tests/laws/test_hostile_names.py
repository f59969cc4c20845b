"""Names that would do something where they are shown: inert in every output."""

import csv
import html
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import metaeval as me
from metaeval import MetaevalError, Result
from metaeval.cli.terminal import as_text
from metaeval.core import escaped_json, is_hidden, plain_csv, printable, result_csv
from metaeval.core.printable_text import LONGEST
from metaeval.core.spreadsheet_cells import guarded
from metaeval.results.latex import latex_text

HOSTILE = (
    *("\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "bell\x07"),
    *("\x9b31mc1", "\x85next", "back\x08\x08space", "nul\x00byte", "del\x7fete", "shift\x0eout"),
    *("\u202eright to left", "\u2066isolate", "\u200emark", "zero\u200bwidth", "join\u200der"),
    *("\ufeffbom", "soft\u00adhyphen", "line\u2028separator", "paragraph\u2029separator"),
    *("vertical\x0btab", "form\x0cfeed", "carriage\rreturn", "line\nfeed", "tab\tstop"),
    *("no\u00a0break", "tag\U000e0041s", "filler\u3164here", "variation\ufe0f", "word\u2060joiner"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<b>bold</b>", "</td></table>"),
    *('" onmouseover="alert(1)', "' onclick='x", "&lt;script&gt;", "javascript:alert(1)"),
    *("=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "=HYPERLINK(\"http://x\",\"y\")", "\t=1"),
    *("[link](http://x)", "![image](http://x/y.png)", "http://example.com", "www.example.com"),
    *("someone@example.com", "@mention", "$x^2$", "~~strike~~", "`code`", "a|b", "*bold*"),
    *(r"\input{/etc/passwd}", r"\write18{ls}", "a_b%&#{}~^", "\\\\ \\end{tabular}"),
)  # fmt: skip
PLAIN = "plain"


@pytest.fixture(scope="module", params=range(0, len(HOSTILE), 10))
def result(request):
    """A comparison whose scorers, label and tasks have ten such names."""
    names = HOSTILE[request.param : request.param + 10]
    rng = np.random.default_rng(0)
    quality = rng.normal(size=80)
    scores = {n: quality + (i + 1) * rng.normal(size=80) for i, n in enumerate((PLAIN, *names))}
    rows = pd.DataFrame({"item": np.arange(80), "first": "a", "second": "b"})
    rows["task"] = np.array([names[0], names[-1]])[np.arange(80) % 2]
    label = pd.DataFrame({f"{names[0]} label": np.sign(quality)})
    table = me.Pairs(rows, pd.DataFrame(scores), label)
    return me.compare(table, "pairwise_accuracy(ties=half)", by="task", n_resamples=100)


@pytest.fixture(scope="module")
def names(result):
    """The names as a table has them: blanks around them are gone."""
    found = [name for name in result.leaderboard()["scorer"] if name != PLAIN]
    assert len(found) >= 6
    return found


def tables(result):
    tasks = [None, *dict.fromkeys(result.frame["task"].dropna())]
    return [(result.statistics[0], task) for task in tasks]


def hidden(text, keep="\n"):
    return [c for c in text if is_hidden(c) and c not in keep]


def test_there_are_at_least_54_and_none_twice():
    assert len(set(HOSTILE)) == len(HOSTILE) >= 54


def test_terminal_text(result, names):
    text = as_text(result)
    assert not hidden(text)
    assert all(printable(name) in text for name in names)
    n_lines = len(as_text(renamed(result, names)).splitlines())
    assert len(text.splitlines()) == n_lines  # no name breaks a line


def renamed(result, names):
    """The same result with harmless names."""
    text = result.to_json()
    for i, name in enumerate(names):
        text = text.replace(escaped_json(json.dumps(name, ensure_ascii=False))[1:-1], f"name{i}")
    return Result.from_json(text)


def test_sentences_and_methods(result, names):
    for name in names:
        for first, second in ((PLAIN, name), (name, PLAIN)):
            sentence = result.sentence(first, second)
            assert not hidden(sentence, "") and printable(name) in sentence
    assert not hidden(result.methods_paragraph(), "")


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.texts += [name for name, _ in attrs if name.startswith("on") or name == "href"]
        assert not any(name.startswith("on") or name in ("href", "src") for name, _ in attrs)

    def handle_data(self, data):
        self.texts.append(data)


def test_html_fragments(result, names):
    for which in tables(result):
        text = result.to_html(*which)
        assert not hidden(text)
        page = Tags(text)
        assert set(page.tags) <= {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td",
                                  "code"}  # fmt: skip
        assert all(printable(name)[:40] in "".join(page.texts) for name in names)


def rendered(text):
    """Markdown as a lenient renderer sees it: escapes and entities are undone last."""
    return html.unescape(re.sub(r"\\([\\`*_\[\]|])", r"\1", text))


def test_markdown(result, names):
    for which in tables(result):
        text = result.to_markdown(*which)
        assert not hidden(text)
        body = text.rsplit("`metaeval:", 1)[0]
        bare = re.sub(r"\\.", "", body)  # what is escaped does nothing
        for pattern in (r"<(?!/?span>)", r"://", r"www\.", "@", r"\$", "~", "`", r"\]\(", r"\*\w"):
            bold = re.sub(r"\*\*(.+)\*\*\n", r"\1\n", bare)
            assert not re.search(pattern, bold), pattern
        rows = [line for line in body.splitlines() if line.startswith("|")]
        assert len(rows) == len(names) + 3
        columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(columns) == 1  # no name adds a cell
        shown = re.sub(r"</?span>", "", rendered(body))
        assert all(printable(name) in shown for name in names)


def test_latex(result, names):
    for which in tables(result):
        text = result.to_latex(*which, caption=True)
        assert not hidden(text)
        comments = [line for line in text.splitlines() if line.startswith("%")]
        text = "\n".join(line for line in text.splitlines() if line not in comments)
        assert not re.search(r"\\(input|write)", text)
        assert all(latex_text(name) in text for name in names)
        assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") == 1


def test_csv(result, names):
    text = result_csv(result.frame)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(result.frame)
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "@", "\t", "\r")) or is_number(cell)
            assert not cell.startswith("-") or is_number(cell)
    assert {row["scorer"] for row in rows} >= {guarded(name) for name in names}
    estimates = [float(row["estimate"]) for row in rows if row["estimate"]]
    assert np.allclose(estimates, result.frame["estimate"].dropna())


def is_number(text):
    try:
        return bool(float(text) == float(text))
    except ValueError:
        return False


def test_json_is_escaped_and_the_same(result, names):
    text = result.to_json()
    assert not hidden(text)
    back = Result.from_json(text)
    assert set(names) <= set(back.frame["scorer"])
    assert back.to_json() == text


@pytest.mark.parametrize("name", HOSTILE)
def test_errors(name):
    error = MetaevalError(f"There is no scorer {name}; there is one.")
    assert not hidden(str(error), "") and printable(name) in str(error)


def test_errors_are_cut_in_their_middle():
    error = str(MetaevalError(f"There is no {'x' * 300_000}; name another."))
    assert len(error) < LONGEST + 100
    assert error.startswith("There is no xxx") and error.endswith("; name another.")
    assert "characters omitted" in error


@pytest.mark.parametrize(
    ("cell", "kept"),
    [("-0.5", True), ("+3", True), ("1e-5", True), (".5", True), ("-x", False), ("=", False),
     ("-", False), (" =1", False), ("a=1", True), ("-1-2", False), ("\uff1d1", False), ("", True)],
)  # fmt: skip
def test_the_rule_of_csv(cell, kept):
    assert guarded(cell) == (cell if kept else f"'{cell}")


def test_line_breaks_of_every_kind_are_quoted():
    cells = ["x\ry", "x\ny", "x\r\ny", 'q"', "plain"]
    frame = pd.DataFrame({"a": cells, "b": [1.5, -0.5, 2, 3, 4]})
    text = plain_csv(frame)
    back = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[0] for row in back[1:]] == list(frame["a"])
    assert text.endswith("plain,4.0\n") and text.startswith("a,b\n")
