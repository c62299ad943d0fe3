"""The choice in the address: what is written is read back, nonsense is passed over."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.choice import COLOURINGS, FORMS, LANGUAGES, OVERLAYS, Choice, read_query

months = st.dates().filter(lambda day: 1900 < day.year < 2200).map(lambda day: f"{day:%Y-%m}")
choices = st.builds(
    Choice,
    color=st.sampled_from(["", *COLOURINGS]),
    show=st.sets(st.sampled_from(OVERLAYS)).map(lambda s: tuple(n for n in OVERLAYS if n in s)),
    at=st.text(max_size=20),
    category=st.text(max_size=20),
    first=st.just("") | months,
    last=st.just("") | months,
    form=st.sampled_from(FORMS),
    lang=st.sampled_from(LANGUAGES),
    item=st.sampled_from(["", "trust_property", "network_help"]),
    path=st.sampled_from(["", "信任", "设施"]),
    problem=st.text(max_size=20),
    act=st.text(max_size=20),
    find=st.text(max_size=20),
)


@given(choices)
def test_what_is_written_in_the_address_is_read_back(choice: Choice) -> None:
    assert read_query(choice.as_query()) == choice


@given(st.dictionaries(st.sampled_from(list(Choice().__dict__)), st.text()))
def test_any_address_gives_a_choice_that_can_be_shown(query: dict[str, str]) -> None:
    choice = read_query(query)
    assert choice.color in ("", *COLOURINGS)
    assert choice.lang in LANGUAGES
    assert set(choice.show) <= set(OVERLAYS)


def test_the_usual_choice_leaves_the_address_clean() -> None:
    assert Choice().as_query() == {}
    assert Choice(show=()).as_query() == {"show": ""}


def test_an_address_that_an_early_run_says_does_not_undo_a_choice() -> None:
    """Two changes in quick succession: the second run still says the address before the first."""
    from streamlit.testing.v1 import AppTest

    def script() -> None:
        import streamlit as st

        from dashboard import choice

        choice.follow_address()
        if color := st.session_state.pop("pick", None):
            choice.change(color="" if color == "rate" else color)
        st.session_state["seen"] = choice.current().color
        choice.write_address()

    test = AppTest.from_function(script).run()
    for pick, early in (("coverage", {}), ("rate", {}), ("type", {"color": "coverage"})):
        test.query_params.clear()
        for name, value in early.items():
            test.query_params[name] = value
        test.session_state["pick"] = pick
        test.run()
        assert test.session_state["seen"] == ("" if pick == "rate" else pick)
        found = {name: test.query_params[name] for name in test.query_params}
        said = {k: v if isinstance(v, str) else v[0] for k, v in found.items()}
        assert said == ({} if pick == "rate" else {"color": pick})
