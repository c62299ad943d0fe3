"""The catalogue of words: complete in both languages, and the only place that holds any."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import words
from etl.tables import TABLES

PACKAGE = Path(words.__file__).parent
CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
# The same in both languages: each language is named in itself, and Chinese data stay Chinese.
SAME_IN_BOTH = {"lang.label", "lang.zh"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(words.WORDS))
def test_every_word_stands_in_both_languages_with_the_same_figures(key: str) -> None:
    chinese, english = words.WORDS[key]
    assert chinese.strip() == chinese
    assert fields(chinese) == fields(english)
    if key not in SAME_IN_BOTH:
        assert not CJK.search(english), english
    if not key.endswith("_unit"):
        assert chinese
        assert english


def list_sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def strings_in(tree: ast.Module) -> Iterator[ast.Constant]:
    """String constants that are not docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node


@pytest.mark.parametrize("path", list_sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_source_holds_chinese_outside_the_catalogue(path: Path) -> None:
    """What the contract allows as a value of the data is no word of the interface."""
    values = {v.code for table in TABLES for column in table.columns for v in column.values}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.value for node in strings_in(tree) if CJK.search(node.value)]
    assert [text for text in found if text not in values] == []


@pytest.mark.parametrize("name", ["map.js", "map.css", "page.css"])
def test_no_asset_holds_chinese(name: str) -> None:
    assert not CJK.search((PACKAGE / "map" / "assets" / name).read_text(encoding="utf-8"))


def asked_for(path: Path) -> Iterator[str]:
    """Keys that a source asks for: literal ones whole, others up to or after what is put in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        first = node.args[0]
        is_word = node.func.id in ("say", "look_up")
        if is_word and isinstance(first, ast.Constant):
            yield str(first.value)
        elif is_word and isinstance(first, ast.JoinedStr):
            head, tail = first.values[0], first.values[-1]
            if isinstance(head, ast.Constant):
                yield f"{head.value}*"
            elif isinstance(tail, ast.Constant):
                yield f"*{tail.value}"


def test_every_word_asked_for_is_in_the_catalogue() -> None:
    asked = {key for path in list_sources() for key in asked_for(path)}
    literal = {key for key in asked if "*" not in key}
    assert literal <= set(words.WORDS)
    for key in asked - literal:
        head, _, tail = key.partition("*")
        assert any(word.startswith(head) and word.endswith(tail) for word in words.WORDS), key


def test_every_kind_type_and_state_of_the_contract_has_its_words() -> None:
    by_name = {table.name: table for table in TABLES}
    families = {
        "type": by_name["compounds"]["type"],
        "kind": by_name["organizations"]["kind"],
        "state": by_name["organizations"]["state"],
        "group": by_name["population_groups"]["resident_group"],
        "need": by_name["needs"]["status"],
        "matter": by_name["matters"]["status"],
        "meeting": by_name["meetings"]["kind"],
        "party": by_name["responsibilities"]["party"],
        "role": by_name["responsibilities"]["role"],
        "intervention": by_name["interventions"]["status"],
        "path": by_name["interventions"]["path"],
    }
    for family, column in families.items():
        for value in column.values:
            assert f"{family}.{value.code}" in words.WORDS


def test_a_value_without_words_is_shown_as_it_is() -> None:
    assert words.name_value("category", "河道保洁") == "河道保洁"
    assert words.name_value("category", None, "—") == "—"
    assert words.name_value("category", float("nan"), "—") == "—"


@pytest.mark.parametrize(
    ("p_value", "told"),
    [(0.001, "千分之一"), (0.004, "百分之一"), (0.05, "二十分之一"), (0.3, "30%"), (None, "波动")],
)
def test_a_p_value_is_told_in_words(p_value: float | None, told: str) -> None:
    assert told in words.tell_chance(p_value)
