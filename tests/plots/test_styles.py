"""Styles, files and texts of figures."""

import re
import zlib

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

import metaeval as me
from metaeval import MetaevalError, plots
from metaeval.plots.text_layout import literal_text, text_width, tokens, wrap_text
from metaeval.plots.theme import DASHES, MARKERS, PALETTE, figure_width

mpl.use("Agg")
WIDTHS = {
    "acl": (3.03, 6.30),
    "acl-wide": (6.30, 6.30),
    "neurips": (5.50, 5.50),
    "icml": (3.25, 6.75),
    "icml-wide": (6.75, 6.75),
    "iclr": (5.50, 5.50),
    "slides": (8.0, 8.0),
}


@pytest.fixture
def figure():
    with me.style("acl"):
        made = plt.figure(layout="constrained")
        made.add_subplot().set_title("title \u2264 1 \u0448")
        yield made
    plt.close(made)


@pytest.mark.parametrize("name", WIDTHS)
def test_widths_and_fonts(name):
    with me.style(name):
        assert (figure_width(), figure_width(wide=True)) == WIDTHS[name]
        assert mpl.rcParams["pdf.fonttype"] == mpl.rcParams["ps.fonttype"] == 42
        assert mpl.rcParams["svg.fonttype"] == "none"
        assert not mpl.rcParams["text.usetex"]
        serif = name != "slides"
        assert mpl.rcParams["font.family"][-1] == ("serif" if serif else "sans-serif")
        assert not serif or 8 <= mpl.rcParams["font.size"] <= 9


def test_a_block_puts_settings_back_and_a_call_keeps_them():
    before = dict(mpl.rcParams)
    with me.style("slides"):
        assert mpl.rcParams["font.size"] == 12
    assert dict(mpl.rcParams) == before
    applied = me.style("icml")
    assert mpl.rcParams["figure.figsize"][0] == 3.25
    with applied:
        pass
    assert dict(mpl.rcParams) == before


def test_an_unknown_style_names_those_that_there_are():
    with pytest.raises(MetaevalError, match=r"style='neurps' is not one of 'acl'.*'neurips'\?$"):
        me.style("neurps")


def test_neighbouring_colours_differ_in_grey_and_series_in_marks_too():
    rgb = np.array([mpl.colors.to_rgb(color) for color in PALETTE])
    light = rgb @ [0.2126, 0.7152, 0.0722]
    assert np.abs(np.diff(light)).min() > 0.05
    assert len(PALETTE) == len(MARKERS) == len(DASHES) == len(set(MARKERS)) == len(set(DASHES))


def test_files_are_the_same_each_time_and_hold_their_fonts(figure, tmp_path):
    for name in ("one", "two.pdf", "three.png"):
        paths = plots.save(figure.axes[0], tmp_path / name)
        assert [p.name for p in paths] == [f"{name.split('.')[0]}.{k}" for k in ("pdf", "png")]
    for kind in ("pdf", "png"):
        assert len({(tmp_path / f"{n}.{kind}").read_bytes() for n in ("one", "two", "three")}) == 1
    pdf = (tmp_path / "one.pdf").read_bytes()
    assert b"CreationDate" not in pdf
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            pdf += zlib.decompress(stream)
        except zlib.error:
            continue
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf


def test_saving_outside_a_style_embeds_fonts_too(tmp_path):
    made = plt.figure()
    made.text(0.1, 0.1, "text")
    pdf, _ = plots.save(np.array([made.add_subplot()]), tmp_path / "figure.v1")
    assert pdf.name == "figure.v1.pdf"
    assert b"/Type3" not in pdf.read_bytes()
    plt.close(made)


def test_what_cannot_be_written_leaves_nothing(figure, tmp_path):
    (tmp_path / "there.png").mkdir()
    (tmp_path / "file").write_text("")
    for place, said in (
        ("there", "is a folder; give the path of a file"),
        ("none/figure", "Cannot write .*No such file.*choose another path"),
        ("file/figure", "Cannot write .*choose another path"),
    ):
        with pytest.raises(MetaevalError, match=said):
            plots.save(figure, tmp_path / place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "there.png"]
    with pytest.raises(MetaevalError, match="is a folder"):
        plots.save(figure, "/")
    with pytest.raises(
        MetaevalError, match=r"got str; pass the return value of a metaeval\.plots function"
    ):
        plots.save("figure", tmp_path / "x")


@pytest.mark.parametrize("name", ["acl", "slides"])
@pytest.mark.parametrize(
    "text",
    ["a_b%&$x$", "$\\alpha$", "a\\$b", "$$$", "\\", "<script>", "\U0001f980\x00\n\u202e", "\ud800"],
)
def test_texts_are_drawn_as_they_are(name, text):
    with me.style(name):
        drawn = Text(0, 0, literal_text(text))
        literal, formula = drawn._preprocess_math(literal_text(text))
        assert formula is False
        back = re.sub(r"\[U\+([0-9A-F]+)\]", lambda m: chr(int(m[1], 16)), literal)
        assert back == text
        assert len(tokens(text)) == len(text)


def test_no_character_is_missing_from_the_font():
    marks = "e\u0301 n\u0303\u0332 e\u0301\u0483 \u0332x"
    for name in ("acl", "slides"):
        with me.style(name):
            made = plt.figure()
            for start in (32, 128, 0x300, 0x400, 0x590, 0x2000, 0x2200):
                every = "".join(map(chr, range(start, start + 96)))
                made.text(0, 0, literal_text(every), fontsize=3)
            made.text(0, 0, literal_text(f"{marks} \u4e2d\U0001f980\ue000\U0010ffff"), fontsize=3)
            made.canvas.draw()  # a missing one is a warning, and those are errors
            plt.close(made)
    with me.style("acl"):
        assert literal_text("\u05d0\u4e2d") == "[U+05D0][U+4E2D]"
        assert tokens("e\u0301x\u0483") == ["e\u0301", "x", "[U+0483]"]
        assert literal_text("\u0301") == "[U+0301]"


def test_long_texts_go_on_in_lines_and_lose_nothing():
    for text in ("word " * 20, "x" * 200, "a/b-c_d." * 12, "$" * 50):
        lines = wrap_text(text, 80, 8).split("\n")
        assert "".join(lines) == literal_text(text)
        assert max(text_width(line.replace("\\$", "$"), 8) for line in lines) <= 80
    assert wrap_text("one_two_three", text_width("one_two_t", 8), 8) == "one_two_\nthree"
    assert wrap_text("one two 1.25", text_width("one two 1.2", 8), 8) == "one two \n1.25"
    assert wrap_text("short", 80, 8, max_chars=4) == "sh\u2026t"
    assert wrap_text("\U0001f980", 1, 8) == "[U+1F980]"
