"""The notebooks run, show what they show, and are the scripts of the same names."""

import ast
import contextlib
import html
import io
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from printed import assert_close

FOLDER = Path(__file__).parents[1] / "notebooks"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if path.name != "execute.py")
each = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def stored(script):
    return json.loads(script.with_suffix(".ipynb").read_text("utf-8"))


def cells_of_script(text):
    """Kind and source of each cell of a script in the percent format."""
    for part in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        mark, _, source = part.partition("\n")
        lines = source.strip("\n").splitlines()
        if mark.strip() == "[markdown]":
            assert all(line == "#" or line.startswith("# ") for line in lines)
            yield "markdown", "\n".join(line[2:] for line in lines)
        else:
            assert not mark.strip()
            yield "code", "\n".join(lines)


@each
def test_script_and_notebook_have_the_same_cells(script):
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in stored(script)["cells"]]
    assert found == list(cells_of_script(script.read_text("utf-8")))
    assert 12 <= len(found) <= 20


@each
def test_every_cell_has_run_in_order_and_nothing_of_the_machine_is_stored(script):
    notebook = stored(script)
    python = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    assert notebook["metadata"] == python | {"language_info": {"name": "python"}}
    assert not any(cell["metadata"] for cell in notebook["cells"])
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in codes] == list(range(1, len(codes) + 1))
    for output in (output for cell in codes for output in cell["outputs"]):
        assert output["output_type"] in ("stream", "display_data", "execute_result")
        assert output.get("name") != "stderr"
    text = script.with_suffix(".ipynb").read_text("utf-8")
    assert len(text) < 500_000
    assert not re.search(r"/(tmp|home|root|Users|work)/|site-packages", text)


def shown_by(code, names):
    """What a cell prints, its last value as IPython would show it, and how many figures it has."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    out = io.StringIO()
    value = None
    with contextlib.redirect_stdout(out):
        exec(compile(tree, "cell", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    figures = len(plt.get_fignums())
    plt.close("all")
    if value is None or code.rstrip().endswith(";"):
        return out.getvalue(), "", figures
    as_html = getattr(value, "_repr_html_", None)
    return out.getvalue(), repr(value) if as_html is None else plain(as_html()), figures


def plain(page):
    """The text of HTML."""
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style.*?</style>", "", page)))


def seen(cell):
    """What is stored of a cell, in the same form."""
    streams, values, figures = [], [], 0
    for output in cell["outputs"]:
        data = output.get("data", {})
        if output["output_type"] == "stream":
            streams.append("".join(output["text"]))
        elif "image/png" in data:
            figures += 1
        elif "text/html" in data:
            values.append(plain("".join(data["text/html"])))
        else:
            values.append("".join(data["text/plain"]))
    return "".join(streams), "".join(values), figures


def without_hash(text):
    """The text without the fingerprint of simulated numbers, whose last digits may differ."""
    return re.sub(r"data:[0-9a-f]{8}", "data:", text)


@each
def test_every_cell_shows_what_is_stored(script):
    plt.close("all")  # figures that other tests left open
    names = {}
    options = ("display.precision", "display.max_columns")
    before = [item for name in options for item in (name, pd.get_option(name))]
    with plt.rc_context(), pd.option_context(*before):
        for cell in stored(script)["cells"]:
            if cell["cell_type"] == "code":
                *now, figures = shown_by("".join(cell["source"]), names)
                *then, drawn = seen(cell)
                assert figures == drawn
                for one, other in zip(now, then, strict=True):
                    assert_close(without_hash(one), without_hash(other))


def test_a_cell_that_shows_something_else_is_found():
    names = {}
    assert shown_by("x = 1\nprint(x)\nx + 1", names) == ("1\n", "2", 0)
    assert shown_by("x;", names) == ("", "", 0)
    cell = {"outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}]}
    assert seen(cell) == ("1\n", "", 0)
    assert plain("<style>b {}</style><td>a&lt;b</td>").strip() == "a<b"
