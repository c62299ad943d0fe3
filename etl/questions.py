"""What a refresh asks rather than guesses, and the answers that the store remembers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from etl.cells import fold
from etl.errors import UsageError
from etl.match import fold_header
from etl.profile import Profile

SHEET, COLUMN, NAME, LIST = "sheet", "column", "name", "list"
KINDS = (SHEET, COLUMN, NAME, LIST)
FULL, ADDITIONS = "full", "additions"
_LIST_WORDS = {FULL: FULL, ADDITIONS: ADDITIONS, "完整名单": FULL, "完整": FULL, "新增": ADDITIONS}
# What stands beside a file's name when its rows were set apart from a later file of that name.
_APART = re.compile(r"（快照\s*\d+ 之前）")
_PASSING = re.compile(
    r"[0-9零〇一二三四五六七八九十]+|年|月份?|日|号|第|季度|上半|下半|周|期|副本|最新|[-_.()（）\s]"
)


@dataclass(frozen=True)
class Choice:
    """One possible answer: what is remembered, and what a person reads."""

    answer: str
    label: str


@dataclass(frozen=True)
class Question:
    """Something that is not guessed.

    `key` is what the answer is remembered under; `answer` the one that holds meanwhile.
    """

    kind: str
    key: str
    file: str
    sheet: str
    text: str
    choices: tuple[Choice, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class Answer:
    """What a person said to a question."""

    kind: str
    key: str
    answer: str


@dataclass
class Answers:
    """All that was answered, as the pipeline looks it up."""

    given: list[Answer] = field(default_factory=list)

    def find(self, kind: str, key: str) -> str | None:
        """The newest answer to a question."""
        for answer in reversed(self.given):
            if (answer.kind, answer.key) == (kind, key):
                return answer.answer
        return None

    def apply(self, profile: Profile) -> Profile:
        """The profile with everything that was answered said in it.

        What names a table or column that the contract has no longer is passed over: it is asked
        again.
        """
        asked = {table.name: {column.name for column in table.asked} for table in profile.tables}
        heads = dict(profile.heads)
        columns = {table: dict(named) for table, named in profile.columns.items()}
        aliases = dict(profile.aliases)
        for answer in self.given:
            if answer.kind == SHEET and answer.answer in {"", *asked}:
                heads[answer.key] = answer.answer
            elif answer.kind == COLUMN:
                table, _, header = answer.key.partition("/")
                if table in asked and answer.answer in {"", *asked[table]}:
                    columns.setdefault(table, {})[header] = answer.answer
            elif answer.kind == NAME:
                aliases[answer.key] = answer.answer
        return replace(profile, heads=heads, columns=columns, aliases=aliases)


class Asked(Protocol):
    """What a look at files asked, and the compounds that may be meant."""

    questions: list[Question]
    compounds: list[Choice]


def mark_list(table: str, file: str, sheet: str) -> str:
    """By what the same list is known again next month: table, file and sheet without their dates."""
    stem = _APART.sub("", file).rsplit(".", 1)[0]
    parts = [_PASSING.sub("", fold(part)) for part in (stem, sheet)]
    return "/".join((table, *parts))


def mark_column(table: str, header: str) -> str:
    """Under what an answer about a header is remembered."""
    return f"{table}/{fold(header)}"


def parse_answer(text: str, look: Asked, profile: Profile) -> list[Answer]:
    """The answers in `WHAT=ANSWER` as it is written on the command line.

    WHAT is the name of a sheet, `file/sheet`, a header, a written name of a compound, or
    `kind:WHAT` where it must be said which of these is meant; ANSWER a table, a column, a compound,
    or 完整名单 / 新增. What the questions of a first look asked decides what is meant.

    Raises
    ------
    UsageError
        It is not of that form, or answers nothing that was asked.
    """
    questions = look.questions
    what, mark, said = text.partition("=")
    if not mark or not what.strip():
        raise UsageError(f"“{text}”写法不对，应是：问的=答的，例如 --map 'Sheet1=投诉工单'。")
    kind, mark, rest = what.strip().partition(":")
    asked = rest.strip() if mark and kind in KINDS else what.strip()
    meant = [
        question
        for question in questions
        if _is_about(question, asked) and (not mark or kind not in KINDS or question.kind == kind)
    ]
    if not meant:
        known = "、".join(dict.fromkeys(_name_question(q) for q in questions)) or "没有要问的"
        raise UsageError(f"没有问到“{asked}”。可以回答的有：{known}。")
    if len({q.key for q in meant if q.kind == SHEET}) > 1:
        places = "、".join(f"{q.file}/{q.sheet}" for q in meant)
        raise UsageError(
            f"有几张表都叫“{asked}”：{places}。请写明文件，例如“{places.split('、')[0]}=…”。"
        )
    return [Answer(q.kind, q.key, _read_answer(q, said.strip(), look, profile)) for q in meant]


def _is_about(question: Question, asked: str) -> bool:
    named = {fold(name) for name in (question.sheet, f"{question.file}/{question.sheet}")}
    if question.kind in (SHEET, LIST):
        return fold(asked) in named | {question.key}
    return fold(asked) in {question.key, question.key.rpartition("/")[2]} or (
        question.kind == COLUMN and fold_header(asked) == question.key.rpartition("/")[2]
    )


def _name_question(question: Question) -> str:
    if question.kind in (SHEET, LIST):
        return f"{question.kind}:{question.sheet}"
    return f"{question.kind}:{question.key.rpartition('/')[2]}"


def _read_answer(question: Question, said: str, look: Asked, profile: Profile) -> str:
    """An answer by its code or its words; an empty one means none of these."""
    if said in ("", "-", "都不是", "不读", "无"):
        return ""
    if question.kind == LIST:
        if said not in _LIST_WORDS:
            raise UsageError(f"“{question.sheet}”应答“完整名单”或“新增”，这里是“{said}”。")
        return _LIST_WORDS[said]
    for choice in (*question.choices, *all_choices(question, look, profile)):
        if fold(said) in (fold(choice.answer), fold(choice.label)):
            return choice.answer
    known = "、".join(choice.label for choice in question.choices)
    raise UsageError(f"“{said}”不能用来回答“{_name_question(question)}”，可以是：{known}。")


def all_choices(question: Question, look: Asked, profile: Profile) -> Iterable[Choice]:
    """Every answer that a question can have, beyond the likely ones that it offers itself."""
    if question.kind == NAME:
        return look.compounds
    if question.kind == SHEET:
        return [Choice(table.name, table.label) for table in profile.tables]
    if question.kind == COLUMN:
        table = profile.table(question.key.split("/", 1)[0])
        return [Choice(column.name, column.label) for column in table.asked]
    return []


def describe_for_terminal(question: Question) -> str:
    """A question with the option that answers it on the command line."""
    likely = [choice.label for choice in question.choices if choice.answer]
    said = "完整名单" if question.kind == LIST else likely[0] if likely else "小区的名称"
    return f"{question.text}（回答：--map '{_name_question(question)}={said}'）"


def describe_question(question: Question) -> dict[str, Any]:
    """A question as JSON has it."""
    return {
        **{name: getattr(question, name) for name in ("kind", "key", "file", "sheet", "text")},
        "choices": [vars(choice) for choice in question.choices],
    }
