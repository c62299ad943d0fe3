"""Deliberation: what needs doing first, matters by level, needs, promises, duties, papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, explain, load, page
from dashboard.charts import chart_months
from dashboard.talks import (
    LEVELS,
    STATES,
    Talks,
    count_promises,
    find_unpublished,
    list_gaps,
    list_timeline,
    name_level,
    name_parties,
    rank_matters,
    rank_promises,
    read_talks,
    tell_contradiction,
    tell_difference,
    tell_lead,
    tell_limit,
    tell_promise_line,
    tell_route,
    tell_steps,
    tell_vote,
    write_day,
)
from dashboard.views import areas, taking
from dashboard.words import known, name_value, say

FIRST_SHOWN, NEEDS_SHOWN, ROWS_SHOWN, PAIRS_SHOWN = 8, 15, 60, 10
# Which methods, and which table of rows, stand behind each part.
METHODS: dict[str, tuple[tuple[str, ...], str]] = {
    "first": (("levels", "promise"), "matters"),
    "matters": (("levels", "vote"), "matters"),
    "needs": (("match",), "needs"),
    "promises": (("promise",), "meetings"),
    "handbook": (("levels",), "responsibilities"),
    "papers": (("levels", "promise"), "meetings"),
}
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def show() -> None:
    """The page."""
    whole = load.current_build()
    if whole.is_empty:
        page.show_empty()
        return
    build = areas.open_area(whole, "deliberation")
    if build is None:
        return
    everything = read_talks(build)
    lead = say("talks.lead", day=write_day(everything.today)) if everything.today else ""
    page.show_title(say("nav.deliberation"), lead)
    if everything.is_empty:
        page.show_note([say("talks.none")])
        return
    talks = _pick_compound(everything)
    _show_figures(talks)
    parts: dict[str, Callable[[], None]] = {
        "first": lambda: _show_first(talks),
        "matters": lambda: _show_matters(build, talks),
        "needs": lambda: _show_needs(talks),
        "promises": lambda: _show_promises(talks),
        "handbook": lambda: _show_handbook(talks),
        "papers": lambda: _show_papers(build, talks),
    }
    part = _pick_part()
    parts[part]()
    names, table = METHODS[part]
    explain.offer("talks", *names, rows=explain.Rows(build, table, choice.current().at))


def _pick_compound(talks: Talks) -> Talks:
    """All compounds, or the one that is chosen here or on the map."""
    at = choice.current().at
    if at and at not in talks.names:
        st.warning(say("map.gone", name=page.write_plain(at)))
        choice.change(at="")
        at = ""
    places = ["", *areas.list_for_picker(talks.names, at)]
    picked = st.selectbox(
        say("talks.compound"), places, index=places.index(at),
        format_func=lambda place: talks.names.get(place, say("talks.all")), key=f"talks.at.{at}",
    )  # fmt: skip
    if picked != at:
        choice.change(at=picked)
        st.rerun()
    return talks.of_compound(picked) if picked else talks


def _show_figures(talks: Talks) -> None:
    """Four figures; a dash where the office keeps no such list."""
    matters, promises = talks.matters, talks.promises

    def tell(table: pd.DataFrame, which: pd.Series) -> str:
        return f"{int(which.sum()):,}" if len(table) else say("none")

    is_open = matters["state"].isin(["open", "settled"])
    page.show_facts(
        [
            (say("talks.open_matters"), tell(matters, is_open)),
            (say("talks.overdue_matters"), tell(matters, _yes(matters["is_over"]))),
            (say("talks.shelved_matters"), tell(matters, matters["state"] == "shelved")),
            (say("talks.slipped"), tell(promises, promises["state"] == "slipped")),
            (say("talks.open_promises"), tell(promises, promises["state"] == "open")),
            (say("talks.open_needs"), tell(talks.needs, talks.needs["open_count"])),
        ]
    )


def _yes(flags: pd.Series) -> pd.Series:
    return flags.fillna(False).astype(bool)


def _pick_part() -> str:
    chosen = choice.current()
    part = st.segmented_control(
        say("talks.part"), choice.TALKS, default=chosen.talk or choice.TALKS[0], required=True,
        format_func=lambda name: say(f"talks.part.{name}"),
        key=f"talks.part.{chosen.lang}.{chosen.talk}", label_visibility="collapsed",
    )  # fmt: skip
    if part != (chosen.talk or choice.TALKS[0]):
        choice.change(talk="" if part == choice.TALKS[0] else part)
        st.rerun()
    return part or choice.TALKS[0]


# -- what needs doing first ----------------------------------------------------------------


def _show_first(talks: Talks) -> None:
    """Overdue and escalating matters, then promises that slipped, then what is due soon."""
    ranked = rank_matters(talks.matters)
    page.show_heading(say("talks.first.matters"))
    urgent = ranked[ranked["order"] <= 4]
    if urgent.empty:
        page.show_note([say("talks.first.none")])
    for row in urgent.head(FIRST_SHOWN).itertuples():
        _show_urgent(row, talks)
    if len(urgent) > FIRST_SHOWN:
        with st.expander(say("talks.first.more", count=len(urgent) - FIRST_SHOWN)):
            for row in urgent.iloc[FIRST_SHOWN:].itertuples():
                _show_urgent(row, talks)
    promises = rank_promises(talks.promises[talks.promises["state"] == "slipped"])
    page.show_heading(say("talks.first.promises"))
    if promises.empty:
        page.show_note([say("talks.first.no_promises")])
    else:
        page.show_list(_describe_promise(row, talks) for row in promises.itertuples())
    unpublished = find_unpublished(talks)
    if len(unpublished):
        page.show_heading(say("talks.first.unpublished"))
        page.show_list(
            (talks.name_matter(row), say("talks.unpublished", day=write_day(row.decided_on)))
            for row in unpublished.itertuples()
        )
    gaps = list_gaps(talks.handbook)
    if gaps:
        page.show_heading(say("talks.first.gaps"))
        page.show_list((gap,) for gap in gaps)


def _show_urgent(row: Any, talks: Talks) -> None:
    with st.container(key=f"target-{row.matter_id}"):
        _offer_matter(row, talks)
        lines = [tell_limit(row), *tell_steps(row)]
        if row.is_reopened:
            lines.insert(0, say("matter.reopened"))
        lines.append(tell_lead(row))
        page.show_note(lines)


def _offer_matter(row: Any, talks: Talks) -> None:
    """The title of a matter, which opens it."""
    label = talks.name_matter(row)
    if st.button(page.write_plain(label), key=f"matter.{row.matter_id}", type="tertiary"):
        choice.change(talk="matters", matter=row.matter_id)
        st.rerun()


# -- matters -------------------------------------------------------------------------------


def _show_matters(build: load.Build, talks: Talks) -> None:
    ranked = rank_matters(talks.matters)
    if talks.matters.empty:
        page.show_note([say("talks.no_matters")])
        return
    chosen = choice.current().matter
    if chosen and chosen not in set(talks.matters["matter_id"]):
        st.warning(say("talks.matter_gone", name=page.write_plain(chosen)))
        choice.change(matter="")
    _pick_matter(talks)
    chosen = choice.current().matter
    if chosen:
        _show_matter(build, talks, chosen)
        return
    for level in LEVELS:
        rows = ranked[(ranked["level_now"] == level) & (ranked["state"] != "shelved")]
        told = talks.profile.levels[_code(talks, level)]
        head = say("talks.level", level=name_level(level), way=told.way, days=told.days)
        _show_matter_rows(head, rows, talks)
    _show_matter_rows(say("talks.shelved"), ranked[ranked["state"] == "shelved"], talks)
    closed = talks.matters[talks.matters["state"] == "closed"]
    with st.expander(say("talks.closed", count=len(closed))):
        _show_matter_rows("", closed.sort_values("closed_on", ascending=False), talks)
    everything = pd.concat([ranked, closed])
    taking.offer_table(
        "matters", say("talks.file.matters"), _head_matters(), _list_matters(everything, talks)
    )


def _code(talks: Talks, level: int) -> str:
    return list(talks.profile.levels)[level - 1]


def _head_matters() -> list[str]:
    names = ("matter", "limit", "place", "status", "leads", "raised")
    return [say(f"talks.{name}") for name in names]


def _list_matters(rows: pd.DataFrame, talks: Talks) -> list[list[str]]:
    return [
        [
            str(row.title),
            page.FLAG + tell_limit(row) if row.is_over else tell_limit(row),
            talks.place(row.compound_id),
            name_value("matter", row.status, say("none")),
            name_parties(row.leads),
            write_day(row.raised_on),
        ]
        for row in rows.itertuples()
    ]


def _show_matter_rows(head: str, rows: pd.DataFrame, talks: Talks) -> None:
    if head:
        page.show_heading(head, 3)
    if rows.empty:
        page.show_note([say("talks.no_such_matters")])
        return
    page.show_rows(
        _head_matters(),
        _list_matters(rows.head(ROWS_SHOWN), talks),
        mark="sq-gap",
        stacks=True,
    )
    if len(rows) > ROWS_SHOWN:
        page.show_note([say("talks.part_shown", shown=ROWS_SHOWN, count=len(rows))])
    lines = [
        say("headed", head=row.title, text=line)
        for row in rows.head(ROWS_SHOWN).itertuples()
        for line in tell_difference(row)
    ]
    page.show_note(lines)


def _pick_matter(talks: Talks) -> None:
    ordered = pd.concat(
        [rank_matters(talks.matters), talks.matters[talks.matters["state"] == "closed"]]
    )
    titles = {row.matter_id: talks.name_matter(row) for row in ordered.itertuples()}
    places = ["", *titles]
    at = choice.current().matter
    picked = st.selectbox(
        say("talks.pick"), places, index=places.index(at) if at in places else 0,
        format_func=lambda place: titles.get(place, say("talks.all_matters")),
        key=f"talks.matter.{at}",
    )  # fmt: skip
    if picked != at:
        choice.change(matter=picked)
        st.rerun()


def _show_matter(build: load.Build, talks: Talks, matter_id: str) -> None:
    """One matter: where it stands and why, its timeline, the evidence, and its pack."""
    from dashboard.briefing.evidence import (
        gather_evidence,
        list_decisions,
        list_duties,
        list_needs,
        tell_complaints,
        tell_place,
    )

    evidence = gather_evidence(talks, matter_id)
    row = evidence.row
    page.show_heading(talks.name_matter(row))
    page.show_facts(
        [
            (say("talks.status"), name_value("matter", row.status, say("none"))),
            (say("talks.level_now"), name_level(row.level_now)),
            (say("talks.urgency"), name_value("urgency", row.urgency, say("none"))),
            (say("talks.category"), name_value("category", row.category, say("none"))),
            (say("talks.households"), _tell_share(row.share)),
            (say("talks.meetings"), f"{row.meeting_count}"),
        ]
    )
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        page.show_heading(say("pack.why"), 3)
        reopened = [say("matter.reopened")] if row.is_reopened else []
        page.show_list((x,) for x in [*reopened, tell_limit(row), *tell_route(row, talks.profile)])
        vote = tell_vote(row)
        if vote:
            page.show_heading(say("pack.vote"), 3)
            page.show_list((line,) for line in vote)
        page.show_heading(say("pack.timeline"), 3)
        page.show_rows([say("pack.day"), say("pack.what")], list_timeline(talks, matter_id))
        page.show_note([say("timeline.note")])
    with right:
        page.show_heading(say("pack.evidence"), 3)
        page.show_note([tell_place(evidence), *tell_complaints(evidence)])
        if len(evidence.months):
            listed = list(pd.date_range(*evidence.months["month"].agg(["min", "max"]), freq="MS"))
            st.altair_chart(chart_months(evidence.months, listed), key="chart-matter")
        for name, lines in (
            ("needs", list_needs(evidence)),
            ("decisions", list_decisions(evidence)),
        ):
            page.show_heading(say(f"pack.{name}"), 3)
            page.show_list((line,) for line in lines) if lines else page.show_note(
                [say("pack.nothing")]
            )
        page.show_heading(say("pack.duties"), 3)
        duties = list_duties(evidence)
        if duties:
            heads = ("party", "role", "duty")
            page.show_rows([say(f"handbook.{head}") for head in heads], duties, stacks=True)
        else:
            page.show_note([say("pack.nothing")])
        _offer_map(row)
        _offer("pack", lambda: _write_pack(build, talks, [matter_id]), row.title)


def _tell_share(share: Any) -> str:
    return say("none") if pd.isna(share) else say("talks.share", pct=100 * share)


def _offer_map(row: Any) -> None:
    """The way to the compound on the map."""
    if page.can_open("map") and isinstance(row.compound_id, str):
        page.link("map", say("talks.on_map"), at=row.compound_id)


# -- needs ---------------------------------------------------------------------------------


def _show_needs(talks: Talks) -> None:
    if talks.needs.empty:
        page.show_note([say("talks.no_needs")])
        return
    page.show_heading(say("needs.list"))
    rows = talks.listed_needs
    rank = rows["urgency"].map({"高": 0, "中": 1, "低": 2}).fillna(3)
    is_open = ~rows["status"].isin(["已解决", "暂不能解决"])
    shown = rows.assign(rank=rank)[is_open].sort_values(
        ["rank", "household_count"], ascending=[True, False]
    )
    _show_need_rows(shown.head(NEEDS_SHOWN), talks)
    rest = shown.iloc[NEEDS_SHOWN:]
    if len(rest):
        with st.expander(say("talks.first.more", count=len(rest))):
            _show_need_rows(rest.head(10 * ROWS_SHOWN), talks)
    taking.offer_table("needs", say("talks.file.needs"), _head_needs(), _list_needs(rows, talks))
    _show_shared(talks)
    for match in ("complained_only", "said_only"):
        _show_match(talks, match)


def _show_need_rows(rows: pd.DataFrame, talks: Talks) -> None:
    page.show_rows(_head_needs(), _list_needs(rows, talks), stacks=True)


def _head_needs() -> list[str]:
    heads = ("content", "place", "category", "people", "households", "urgency", "status", "raised")
    return [say(f"needs.{head}") for head in heads]


def _list_needs(rows: pd.DataFrame, talks: Talks) -> list[list[str]]:
    return [
        [
            str(row.content),
            talks.place(row.compound_id),
            name_value("category", row.category),
            _whole(row.mention_count),
            _whole(row.household_count),
            name_value("urgency", row.urgency, say("none")),
            name_value("need", row.status, say("none")),
            write_day(row.raised_on),
        ]
        for row in rows.itertuples()
    ]


def _show_shared(talks: Talks) -> None:
    """Categories by how many compounds wait for the same."""
    table = talks.needs[talks.needs["open_count"] > 0]
    page.show_heading(say("needs.shared"))
    page.show_note([say("needs.shared_lead")])
    by_category = table.groupby("category").agg(
        compounds=("compound_id", "nunique"), needs=("open_count", "sum"),
        urgent=("urgent_count", "sum"), people=("mention_count", lambda n: n.sum(min_count=1)),
        all=("compound_count", "max"),
    )  # fmt: skip
    # What fits no category is no concern that compounds share.
    by_category["is_rest"] = by_category.index == talks.profile.categories[-1].name
    ordered = by_category.sort_values(["is_rest", "all", "needs"], ascending=[True, False, False])
    names = ("category", "compounds", "open", "urgent", "people", "where")
    taking.show_rows(
        "shared-needs",
        say("needs.shared"),
        [say(f"needs.{name}") for name in names],
        [
            [
                name_value("category", category), _whole(row["all"]), _whole(row["needs"]),
                _whole(row["urgent"]), _whole(row["people"]),
                say("listed").join(
                    talks.place(place) for place in table[table["category"] == category]["compound_id"]
                ),
            ]
            for category, row in ordered.iterrows()
        ],
        stacks=True,
    )  # fmt: skip


def _show_match(talks: Talks, match: str) -> None:
    """What is said but not complained about, or the reverse."""
    rows = talks.needs[talks.needs["match"] == match]
    rows = rows.sort_values(["complaint_count", "need_count"], ascending=False)
    told = talks.profile.needs
    page.show_heading(say(f"needs.{match}"))
    page.show_note([say(f"needs.{match}.lead", few=told["few_complaints"],
                        many=told["many_complaints"])])  # fmt: skip
    if rows.empty:
        page.show_note([say("needs.no_match")])
        return
    heads = ["place", "category", *(["needs"] if match == "said_only" else []), "complaints"]
    cells = [
        {
            "place": talks.place(row.compound_id),
            "category": name_value("category", row.category),
            "needs": _whole(row.need_count),
            "complaints": _whole(row.complaint_count),
        }
        for row in rows.head(PAIRS_SHOWN).itertuples()
    ]
    page.show_rows(
        [say(f"needs.{head}") for head in heads], [[row[head] for head in heads] for row in cells]
    )
    if len(rows) > PAIRS_SHOWN:
        page.show_note([say("talks.part_shown", shown=PAIRS_SHOWN, count=len(rows))])


def _whole(number: Any) -> str:
    return say("none") if pd.isna(number) else f"{int(number):,}"


# -- promises ------------------------------------------------------------------------------


def _show_promises(talks: Talks) -> None:
    if talks.promises.empty:
        page.show_note([say("talks.no_promises")])
    else:
        _show_promise_groups(talks)
    _show_meetings(talks)


def _show_meetings(talks: Talks) -> None:
    """The meetings on record, the newest first."""
    rows = talks.meetings.sort_values(["held_on", "item_no"], ascending=[False, True])
    promises = rows.groupby("meeting_id")["promise"].count()
    held = rows.drop_duplicates("meeting_id")
    if held.empty:
        return
    heads = ("day", "place", "kind", "people", "summary", "promises")
    with st.expander(say("talks.held", count=len(held))):
        taking.show_rows(
            "meetings",
            say("talks.file.meetings"),
            [say(f"talks.held.{head}") for head in heads],
            [
                [
                    write_day(row.held_on),
                    talks.place(row.compound_id),
                    name_value("meeting", row.kind),
                    _whole(row.attendee_count),
                    known(row.summary),
                    _whole(promises[row.meeting_id]),
                ]
                for row in held.head(ROWS_SHOWN).itertuples()
            ],
            stacks=True,
        )
        if len(held) > ROWS_SHOWN:
            page.show_note([say("talks.part_shown", shown=ROWS_SHOWN, count=len(held))])


def _show_promise_groups(talks: Talks) -> None:
    """Promises by party, then one by one, those that slipped first."""
    since = talks.promises["since_on"].dropna()
    spans = ("since", "all") if len(since) else ("all",)
    span = page.pick_kept(
        "span", say("promises.span"), spans,
        lambda name: say(f"promises.{name}", day=write_day(since.max())),
    )  # fmt: skip
    is_shown = _yes(talks.promises["is_news"]) if span == "since" else slice(None)
    shown = talks.promises[is_shown]
    _show_promise_counts(shown)
    for state in STATES:
        rows = rank_promises(shown[shown["state"] == state])
        if len(rows):
            page.show_heading(
                say("promises.group", state=say(f"promise.state.{state}"), count=len(rows)), 3
            )
            page.show_list(_describe_promise(row, talks) for row in rows.itertuples())
    heads = ("what", "party", "due", "kept", "state", "place", "kind", "held")
    taking.offer_table(
        "promises",
        say("talks.file.promises"),
        [say(f"promise.file.{name}") for name in heads],
        [_list_promise(row, talks) for row in shown.itertuples()],
        [(say("promises.span"), say(f"promises.{span}", day=write_day(since.max())))],
    )
    if span == "since":
        older = talks.promises[~_yes(talks.promises["is_news"])]
        older = rank_promises(older[older["state"] == "slipped"])
        if len(older):
            page.show_heading(say("promises.older", count=len(older)), 3)
            page.show_list(_describe_promise(row, talks) for row in older.itertuples())


def _show_promise_counts(promises: pd.DataFrame) -> None:
    counts = count_promises(promises)
    states = [state for state in STATES if counts[state].any()]
    page.show_rows(
        [say("handbook.party"), *(say(f"promise.state.{state}") for state in states)],
        [
            [name_value("party", party, say("talks.nobody")), *map(str, row[states])]
            for party, row in counts.iterrows()
        ],
        stacks=True,
    )


def _list_promise(row: Any, talks: Talks) -> list[str]:
    return [
        known(row.promise),
        name_value("party", row.party, say("talks.nobody")),
        write_day(row.due_on),
        write_day(row.kept_on),
        say(f"promise.state.{row.state}"),
        talks.place(row.compound_id),
        name_value("meeting", row.kind),
        write_day(row.held_on),
    ]


def _describe_promise(row: Any, talks: Talks) -> tuple[str, ...]:
    head = tell_promise_line(row)
    kind = name_value("meeting", row.kind)
    made = say(
        "promise.made", place=talks.place(row.compound_id), kind=kind, day=write_day(row.held_on)
    )
    return tuple(line for line in (head, made, tell_contradiction(row)) if line)


# -- duties and papers ---------------------------------------------------------------------


def _show_handbook(talks: Talks) -> None:
    if talks.handbook.empty:
        page.show_note([say("handbook.none")])
        return
    gaps = list_gaps(talks.handbook)
    page.show_heading(say("handbook.gaps"))
    page.show_list((gap,) for gap in gaps) if gaps else page.show_note([say("handbook.no_gaps")])
    page.show_heading(say("handbook.overview"))
    roles = ("leads", "supports", "supervisors")
    taking.show_rows(
        "handbook",
        say("talks.file.handbook"),
        [say("handbook.category"), *(say(f"handbook.{role}") for role in roles)],
        [
            [
                page.FLAG + name_value("category", row.category)
                if known(row.problem)
                else name_value("category", row.category),
                *(name_parties(getattr(row, role)) for role in roles),
            ]
            for row in talks.handbook.itertuples()
        ],
        mark="sq-gap",
        stacks=True,
    )
    for party, duties in talks.duties.groupby("party", sort=True):
        with st.expander(
            say(
                "handbook.duties_of",
                party=page.write_plain(name_value("party", party)),
                count=len(duties),
            )
        ):
            page.show_rows(
                [say(f"handbook.{name}") for name in ("category", "role", "duty")],
                [
                    [name_value("category", duty.category), name_value("role", duty.role),
                     known(duty.duty)]
                    for duty in duties.itertuples()
                ],
            )  # fmt: skip


def _pick_month(months: list[pd.Timestamp]) -> pd.Timestamp:
    """The month of the report, kept in the address; one that is not on record is said so."""
    written = [f"{month:%Y-%m}" for month in months]
    kept = choice.current().month
    if kept and kept not in written:
        st.warning(say("map.month_gone"))
    picked = st.selectbox(
        say("papers.month"), written, index=written.index(kept) if kept in written else 0,
        key=f"papers-month.{choice.mark()}",
    )  # fmt: skip
    choice.change(month="" if picked == written[0] else picked)
    return months[written.index(picked)]


def _show_papers(build: load.Build, talks: Talks) -> None:
    """Papers to download, each with a sentence on what is in it."""
    from dashboard.briefing.monthly import list_report_months, read_month, write_monthly

    months = list_report_months(talks)
    page.show_note([say("papers.lead")])
    if months:
        page.show_heading(say("papers.monthly"), 3)
        page.show_note([say("papers.monthly.lead")])
        month = _pick_month(months)
        told = read_month(build, talks, month)
        _offer("monthly", lambda: write_monthly(told), f"{month:%Y-%m}")
    waiting = rank_matters(talks.matters)
    waiting = waiting[(waiting["level_now"] == LEVELS[-1]) & (waiting["state"] == "open")]
    page.show_heading(say("papers.pack"), 3)
    page.show_note([say("papers.pack.lead", count=len(waiting))])
    if len(waiting):
        ids = list(waiting["matter_id"])
        _offer("pack", lambda: _write_pack(build, talks, ids), write_day(talks.today))
    page.show_heading(say("papers.handbook"), 3)
    page.show_note([say("papers.handbook.lead")])
    _offer("handbook", lambda: _write_handbook(talks), "")
    if talks.today is not None:
        since = talks.today - pd.DateOffset(months=3)
        page.show_heading(say("papers.publicity"), 3)
        page.show_note([say("papers.publicity.lead", day=write_day(since))])
        _offer("publicity", lambda: _write_publicity(talks, since), write_day(talks.today))


def _offer(kind: str, write: Callable[[], bytes], what: str) -> None:
    """A button with a paper behind it, which is written when it is wanted."""
    name = say("papers.file", paper=say(f"papers.{kind}"), what=what).strip()
    write_it = page.write_when_clicked(write, "paper", name)
    st.download_button(
        say("papers.get", paper=say(f"papers.{kind}")), write_it, f"{name}.docx", DOCX,
        key=f"paper-{kind}", on_click="ignore",
    )  # fmt: skip


def _write_pack(build: load.Build, talks: Talks, matter_ids: list[str]) -> bytes:
    from dashboard.briefing.pack import Ground, write_pack

    ground = Ground(load.shapes(build), load.frame(build, "out_cells"))
    return write_pack(talks, matter_ids, ground)


def _write_handbook(talks: Talks) -> bytes:
    from dashboard.briefing.handbook import write_handbook

    return write_handbook(talks)


def _write_publicity(talks: Talks, since: pd.Timestamp) -> bytes:
    from dashboard.briefing.publicity import write_publicity

    return write_publicity(talks, since)
