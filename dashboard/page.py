"""Small pieces that several pages are made of: figures, notes, empty and error states."""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard import access, choice
from dashboard.map.files import address_of
from dashboard.words import say, speak
from etl.errors import ShequError

log = logging.getLogger(__name__)
PAGES = "pages"
KEY_FIGURES = ("compounds", "households", "residents", "complaints", "unplaced", "quarantined")
# Cells that begin so are set off from the others.
FLAG = "● "
# A cell of so many characters gets room, so that it does not stand as a column of single words.
LONG_TEXT = 18
ROWS_SHOWN = 18
TOTAL_OF = {"unplaced": "complaints_unplaced"}


def put_words() -> None:
    """Our words in the places where Streamlit has its own; the look itself is in the first page."""
    words = {
        "--sq-drop": say("data.drop"),
        "--sq-browse": say("data.browse"),
    }
    said = ";".join(f'{name}:"{text}"' for name, text in words.items())
    st.html(f"<style>:root{{{said}}}</style>")
    # Shown by our script while the server is out of reach, when nothing new can come.
    st.html(f'<p class="sq-lost" role="status" data-sq-lost hidden>{escape(say("lost"))}</p>')


def put_script() -> None:
    """Our script for what Streamlit has no piece for: printing, and the first-run tour."""
    address = address_of("shequ/page.js")
    st.html(f'<script src="{address}"></script>', unsafe_allow_javascript=True)


def offer_print() -> None:
    """A button that prints the page."""
    told = escape(say("print"))
    st.html(f'<button type="button" class="sq-button" data-sq="print">{told}</button>')


def show_picture(picture: bytes, told: str) -> None:
    """A PNG with what it shows in words beneath, which are its text for whoever cannot see it."""
    held = base64.b64encode(picture).decode("ascii")
    st.html(
        f'<figure class="sq-picture"><img alt="{escape(told)}" src="data:image/png;base64,{held}">'
        f"<figcaption>{escape(told)}</figcaption></figure>"
    )


def offer_tour() -> None:
    """Three steps for whoever is here for the first time; the browser remembers that it was seen."""
    steps = "".join(
        f"<li{'' if at == 1 else ' hidden'}><b>{escape(say('tour.step', at=at))}</b> "
        f"{escape(say(f'tour.{at}'))}</li>"
        for at in (1, 2, 3)
    )
    names = (("tour-next", say("tour.next")), ("tour-end", say("tour.end")))
    buttons = "".join(
        f'<button type="button" class="sq-button" data-sq="{what}">{escape(told)}</button>'
        for what, told in names
    )
    st.html(
        f'<section class="sq-tour" data-sq-tour hidden aria-label="{escape(say("tour.title"))}">'
        f'<ol aria-live="polite">{steps}</ol><p>{buttons}</p></section>'
    )


def show_key_figures(name: str, totals: dict[str, float]) -> None:
    """The name of the community, and how many there are of what; what is missing is said too."""
    items = []
    for figure in KEY_FIGURES:
        value = totals.get(TOTAL_OF.get(figure, figure), 0.0)
        is_short = figure in ("unplaced", "quarantined")
        if not value and figure != "compounds":
            continue
        items.append(
            f'<li class="{"sq-short" if is_short else ""}">{escape(say(f"key.{figure}"))} '
            f"<b>{value:,.0f}</b> {escape(say(f'key.{figure}_unit'))}</li>"
        )
    st.html(f'<header class="sq-head"><h1>{escape(name)}</h1><ul>{"".join(items)}</ul></header>')


def show_title(text: str, lead: str = "") -> None:
    """The head of a page."""
    lead_html = f"<p>{escape(lead)}</p>" if lead else ""
    st.html(f'<header class="sq-title"><h1>{escape(text)}</h1>{lead_html}</header>')


def show_heading(text: str, level: int = 2) -> None:
    """A heading inside a page."""
    st.html(f'<h{level} class="sq-heading">{escape(text)}</h{level}>')


def show_note(lines: Iterable[str]) -> None:
    """Remarks under a figure, one a line."""
    body = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    if body:
        st.html(f'<div class="sq-note">{body}</div>')


def show_definitions(definitions: Iterable[tuple[str, str]]) -> None:
    """Words with what they mean, in one piece: every piece of a page is sent with every click."""
    body = "".join(
        f'<h4 class="sq-heading">{escape(head)}</h4>'
        f'<div class="sq-note"><p>{escape(told)}</p></div>'
        for head, told in definitions
    )
    st.html(body)


def show_facts(facts: Iterable[tuple[str, str]], look: str = "") -> None:
    """A grid of figures with their names."""
    cells = "".join(
        f"<p><span>{escape(label)}</span><b>{escape(value)}</b></p>" for label, value in facts
    )
    st.html(f'<div class="sq-facts {look}">{cells}</div>')


def show_list(items: Iterable[tuple[str, ...]]) -> None:
    """A list of sentences, each with smaller lines under it."""
    body = "".join(
        f"<li>{escape(text)}{''.join(f'<small>{escape(line)}</small>' for line in under)}</li>"
        for text, *under in items
    )
    st.html(f'<ul class="sq-list">{body}</ul>')


def show_rows(
    heads: list[str], rows: Iterable[Iterable[str]], mark: str = "", stacks: bool = False
) -> None:
    """A small table as plain HTML, for screen readers and narrow screens; rows may hold `mark`.

    Where it `stacks`, a narrow screen shows each row as a list under its first cell, every line
    with the head of its column, so that nothing has to be pushed aside to be read.
    """
    if stacks:
        _show_stacked(heads, rows, mark)
        return
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(_cell(text, mark) for text in row)}</tr>" for row in rows)
    st.html(
        '<div class="sq-scroll" tabindex="0"><table class="sq-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _show_stacked(heads: list[str], rows: Iterable[Iterable[str]], mark: str) -> None:
    head = "".join(f'<th scope="col" role="columnheader">{escape(text)}</th>' for text in heads)
    body = "".join(
        f'<tr role="row">{"".join(_stacked_cell(*cell, mark) for cell in zip(heads, row, strict=True))}</tr>'
        for row in rows
    )
    # Roles are said, for a browser forgets what is laid out as blocks.
    st.html(
        '<div class="sq-scroll" tabindex="0"><table class="sq-table sq-stacks" role="table">'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>'
    )


def _stacked_cell(head: str, text: str, mark: str) -> str:
    return _cell(text, mark).replace("<td", f'<td role="cell" data-head="{escape(head)}"', 1)


def _cell(text: str, mark: str) -> str:
    looks = [mark] if mark and text.startswith(FLAG) else []
    looks += ["sq-long"] if len(text) >= LONG_TEXT else []
    named = f' class="{escape(" ".join(looks))}"' if looks else ""
    return f"<td{named}>{escape(text)}</td>"


def go(name: str, **changes: object) -> None:
    """Open another page, with the choice changed; the address says all of it."""
    choice.change(**changes)
    target = st.session_state.get(PAGES, {}).get(name)
    if target:
        st.switch_page(target, query_params=choice.current().as_query())


def can_open(name: str) -> bool:
    """Whether this visitor has such a page."""
    return name in st.session_state.get(PAGES, {})


def link(name: str, label: str, **changes: object) -> None:
    """A link to another page and to what it shows there; text alone where there is no such page."""
    if not can_open(name):
        st.html(f'<p class="sq-link">{escape(label)}</p>')
        return
    query = replace(choice.current(), **changes).as_query()  # type: ignore[arg-type]
    st.page_link(st.session_state[PAGES][name], label=write_plain(label), query_params=query)


def write_plain(text: str) -> str:
    """Text of a sheet as it stands: nothing in it is taken for Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-.!|~:$^" else sign for sign in text)


def pick_kept(
    field: str,
    label: str,
    options: Sequence[str],
    name: Callable[[str], str],
    *,
    is_labelled: bool = False,
) -> str:
    """One of several views, the first by itself; which one is kept in the address."""
    kept = getattr(choice.current(), field)
    usual = options[0]
    shown = kept if kept in options else usual
    picked = st.segmented_control(
        label, options, default=shown, format_func=name, required=True,
        key=f"{field}.{choice.mark()}",
        label_visibility="visible" if is_labelled else "collapsed",
    )  # fmt: skip
    choice.change(**{field: "" if picked in (None, usual) else picked})
    return picked or usual


def show_frame(frame: pd.DataFrame, columns: Mapping[str, Any] | None = None) -> None:
    """A table to sort, search and scroll; what is not known is a dash."""
    st.dataframe(
        frame, hide_index=True, height=table_height(len(frame)), column_config=columns,
        placeholder=say("none"),
    )  # fmt: skip


def table_height(rows: int) -> int | Literal["content"]:
    """How high a table stands: all of it, or as many rows as a screen holds."""
    return "content" if rows <= ROWS_SHOWN else 640


def show_empty() -> None:
    """What to do when there is nothing to show yet."""
    show_title(say("empty.title"), say("empty.body"))
    if data := st.session_state[PAGES].get("data"):
        st.page_link(data, label=say("empty.go"))
    else:  # whoever only looks has no such page
        show_note([say("empty.ask")])


def show_failure(error: Exception) -> bool:
    """The one error handler: a sentence for the visitor, the rest for the log."""
    if isinstance(error, ShequError):
        st.error(write_plain(str(error)))
        return True
    code = secrets.token_hex(3).upper()
    log.error("page failed, reference %s", code, exc_info=error)
    st.error(say("error.plain", code=code))
    return True


def write_time(moment: object) -> str:
    """A moment of the store (UTC) as this machine's clock shows it."""
    stamp = pd.Timestamp(moment)  # type: ignore[arg-type]
    if pd.isna(stamp):
        return say("none")
    aware = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return aware.to_pydatetime().astimezone().strftime("%Y-%m-%d %H:%M")


def write_when_clicked(write: Callable[[], bytes], what: str, name: str) -> Callable[[], bytes]:
    """A file that is written when its button is pressed, in this visitor's language, and noted.

    `what` and `name` are what the audit says of it.
    """
    lang = choice.current().lang
    note = access.prepare_note(what, name)

    def write_it() -> bytes:
        # The click is answered by a thread of its own, which does not know the visitor.
        speak(lang)
        written = write()
        note()
        return written

    return write_it
