"""Navigation, language, and the one error handler; Streamlit runs this file for every visit."""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import RerunException, StopException

from dashboard import access, choice, page, withheld
from dashboard.map.files import OWN
from dashboard.pages import ADMIN_PAGES, PAGES
from dashboard.words import LANGUAGES, name_value, say
from etl.accounts import ADMIN
from etl.disclosure import find_audience
from etl.errors import AccessError

# The page that the run before this one showed.
OPENED = "opened"


def main() -> None:
    """One run of the app."""
    choice.follow_address()
    st.set_page_config(
        page_title=say("app.title"), layout="wide", initial_sidebar_state=230,
        page_icon=str(OWN / "icon.svg"),
    )  # fmt: skip
    page.put_words()
    page.put_script()
    try:
        visitor = access.current()
    except AccessError as error:
        st.warning(str(error))
        st.stop()
    names = _list_pages(visitor)
    pages = {name: _make_page(name, is_first=name == names[0]) for name in names}
    st.session_state[page.PAGES] = pages
    # Our own list of pages: its links say what is chosen, so that going back restores it.
    # The first page under its own name too: links stay good.
    unlisted = [_make_page(names[0], is_first=False), *map(_make_refusal, _list_refused(names))]
    chosen = st.navigation([*pages.values(), *unlisted], position="hidden")
    # A page that is opened has its links at once. After a click on it they are still there, and are
    # sent when it is known what they are to say.
    is_new = st.session_state.get(OPENED) != chosen.url_path
    links = st.sidebar.empty() if is_new else st.sidebar.container(key="pages")
    before = choice.current()
    if is_new:
        _list_links(links.container(key="pages"), pages)
    _show_sidebar(visitor)
    try:
        chosen.run()
    except (RerunException, StopException):
        raise
    except Exception as error:
        page.show_failure(error)
    if not is_new:
        _list_links(links, pages)
    elif choice.current() != before:
        _list_links(links.container(key="pages-anew"), pages)
    st.session_state[OPENED] = chosen.url_path
    choice.write_address()


def _list_pages(visitor: access.Visitor) -> list[str]:
    """The pages that this visitor may open."""
    account = visitor.account
    hidden = {"data"} if account and not account.may_update else set()
    offered = withheld.list_offered(find_audience(visitor.account), PAGES)
    return [*(name for name in offered if name not in hidden), *_list_for_admin(visitor)]


def _list_for_admin(visitor: access.Visitor) -> list[str]:
    return list(ADMIN_PAGES) if visitor.account is None or visitor.account.role == ADMIN else []


def _list_refused(names: list[str]) -> list[str]:
    """The pages that this visitor may not open; a link to one is answered in words of our own."""
    return [name for name in (*PAGES, *ADMIN_PAGES) if name not in names]


def _make_refusal(name: str) -> st.Page:
    return st.Page(lambda: _refuse(name), title=say(f"nav.{name}"), url_path=name)


def _refuse(name: str) -> None:
    page.show_heading(say(f"nav.{name}"), level=1)
    page.show_note([say("nav.refused")])


def _make_page(name: str, *, is_first: bool) -> st.Page:
    def run() -> None:
        # A page's own imports wait until it is opened.
        from importlib import import_module

        import_module(f"dashboard.views.{name}").show()

    path = "" if is_first else name
    return st.Page(run, title=say(f"nav.{name}"), url_path=path, default=is_first)


def _list_links(place: DeltaGenerator, pages: dict[str, st.Page]) -> None:
    """The list of pages; every link says what is chosen."""
    query = choice.current().as_query()
    with place:
        for name, target in pages.items():
            st.page_link(target, label=say(f"nav.{name}"), query_params=query)


def _show_sidebar(visitor: access.Visitor) -> None:
    """Who is signed in, and the language."""
    chosen = choice.current()
    with st.sidebar:
        if visitor.account:
            told = {"name": visitor.account.name, "role": name_value("role", visitor.account.role)}
            st.html(
                f'<p class="sq-visitor">{escape(say("signin.as", **told))} '
                f'<a href="{access.SIGN_OUT}" target="_self">{escape(say("signin.out"))}</a></p>'
            )
        st.segmented_control(
            say("lang.label"), list(LANGUAGES), default=chosen.lang,
            format_func=lambda name: say(f"lang.{name}"), key=f"lang.{chosen.lang}", required=True,
            label_visibility="collapsed", on_change=_change_language,
            args=(f"lang.{chosen.lang}",),
        )  # fmt: skip


def _change_language(key: str) -> None:
    choice.change(lang=st.session_state[key])


main()
