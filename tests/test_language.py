"""The language of the package: plain statistical English, and names that say what they hold."""

import ast
import functools
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ROOT = REPOSITORY / "metaeval"
FOLDERS = ("benchmarks", "notebooks", "paper_figures")  # texts only, not names
ROOMS = (
    "core",
    "resampling",
    "curves",
    "tables",
    "readers",
    "results",
    "simulation",
    "statistics",
    "planning",
    "calibration",
    "cli",
    "bayes",
    "inference",
    "plots",
    "reporting",
)
ALLOWED = 0.02  # proportion of assigned names

# What to write instead: "is not a", "significantly different", "again", "proportion", "swapped",
# "observed", "random guess", "significant", "minus".
PHRASES = {
    "is no": r"(?<!there )\bis no (?!longer)",  # "there is no" is plain English
    "are no": r"(?<!there )\bare no (?!longer)",
    "told apart": r"\bt(?:old|ell)s? .{0,40}\bapart\b",
    "anew": r"\banew\b",
    "share of": r"\bshares? of\b",
    "turned round": r"\bturn(?:ed|ing)? (?:it )?round\b",
    "at hand": r"\bat hand\b",
    "coin": r"\bcoins?\b",
    "separated": r"\bseparated\b",
    "less for minus": r"(?<!or )(?<!and )[\w)] less (?:the|one|that|those|baseline|second|\d)",
    "95 % CI": r"[\d}] % (?:CI|interval|posterior)",
}

PRONOUNS = """
    found said some there whole own kept place more each every other one both asked given wanted
    chosen known made apart alone held few least most beside named taken turned shown used
    drawn
"""


def modules(rooms=ROOMS):
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def strings(tree):
    """Line and text of every string, f-strings as one text, docstrings among them."""
    parts = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(value) for value in node.values}
            values = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
            yield node.lineno, "".join(map(str, values))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


@functools.cache
def strings_of(path):
    """Line and text of every string of a module, which is parsed once for all phrases."""
    return tuple(strings(ast.parse(path.read_text("utf-8"))))


def names(tree):
    """Names that are assigned."""
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def is_pronoun(name):
    return name.strip("_").lower() in PRONOUNS.split()


def pages():
    """Pages and notebooks; CHANGELOG.md quotes former words."""
    names = ("README.md", "CONTRIBUTING.md", "docs/*.md", "paper_figures/README.md")
    scripts = sorted((REPOSITORY / "notebooks").glob("*.py"))
    return [path for name in names for path in sorted(REPOSITORY.glob(name))] + scripts


def paragraphs(path):
    """First line and text of every paragraph, without the marks of comments."""
    line = 1
    for paragraph in re.split(r"\n[ #]*\n", path.read_text("utf-8")):
        yield line, re.sub(r"(?m)^# ?", "", paragraph)
        line += paragraph.count("\n") + 2


@functools.cache
def on_one_line(text):
    return " ".join(text.split())


def matches(phrase, text):
    return [hit[0] for hit in re.finditer(PHRASES[phrase], on_one_line(text), re.I)]


@pytest.mark.parametrize("phrase", PHRASES)
def test_strings_are_in_the_language_of_statistics(phrase):
    assert [
        f"{path.relative_to(ROOT)}:{line}: {hit}"
        for path in modules()
        for line, text in strings_of(path)
        for hit in matches(phrase, text)
    ] == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_pages_are_in_the_language_of_statistics(phrase):
    assert [
        f"{path.relative_to(REPOSITORY)}:{line}: {hit}"
        for path in pages()
        for line, text in paragraphs(path)
        for hit in matches(phrase, text)
    ] == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_strings_of_benchmarks_and_figures_are_in_the_language_of_statistics(phrase):
    assert [
        f"{path.relative_to(REPOSITORY)}:{line}: {hit}"
        for folder in FOLDERS
        for path in sorted((REPOSITORY / folder).glob("*.py"))
        for line, text in strings_of(path)
        for hit in matches(phrase, text)
    ] == []


def test_paragraphs_have_their_lines(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Head\n\nTwo\nlines.\n\nLast\n")
    assert list(paragraphs(path)) == [(1, "Head"), (3, "Two\nlines."), (6, "Last\n")]


@pytest.mark.parametrize("room", ROOMS)
def test_names_say_what_they_hold(room):
    """Pronouns and participles are below 2 % of the assigned names of every room."""
    assigned = [name for path in modules([room]) for name in names(ast.parse(path.read_text()))]
    vague = [name for name in assigned if is_pronoun(name)]
    assert len(vague) < ALLOWED * len(assigned), vague


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("is no", "kendall is no statistic"),
        ("are no", "texts are no numbers"),
        ("told apart", "ids that do not tell the rows of a apart"),
        ("anew", "drawn anew"),
        ("share of", "the share of ties"),
        ("turned round", "a column is turned round"),
        ("at hand", "the items at hand"),
        ("coin", "labels are coins"),
        ("separated", "A and B cannot be separated"),
        ("less for minus", "scorer less baseline"),
        ("less for minus", "units less 1"),
        ("95 % CI", "95 % CI"),
    ],
)
def test_phrases_are_recognized(phrase, text):
    assert matches(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("is no", "this is not a statistic"),
        ("is no", "is no longer supported"),
        ("is no", "There is no scorer of this name"),
        ("less for minus", "which is less conservative"),
        ("less for minus", "worse by less than a margin"),
        ("separated", "comma-separate the names"),
        ("95 % CI", "95% CI"),
    ],
)
def test_plain_english_is_accepted(phrase, text):
    assert not matches(phrase, text)
