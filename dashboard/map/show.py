"""Puts the map in the page: a constant ground, and the change of this run."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit_folium import st_folium

from dashboard.map.assets import refuse_outside
from dashboard.map.base import HEIGHT, make_map
from dashboard.map.layers import Painted, make_groups


def show_map(
    painted: Painted,
    shapes: str,
    on_pick: Callable[[str], None],
    on_month: Callable[[str], None] = lambda _month: None,
    name: str = "",
) -> None:
    """Show the map with the outlines of an address.

    A click on a compound calls `on_pick` with its id before the page runs again, and a month that
    was stopped at calls `on_month`. Two maps on one page need a `name` each.

    The page asks streamlit-folium for nothing back, so that moving the map costs no run; our own
    script sends the one value that matters, the id of the compound that was clicked.
    """
    ground, groups, key = make_map(), make_groups(painted, shapes), f"map-{name}"
    for part in (ground, *groups):
        refuse_outside(part)

    def hear() -> None:
        said = st.session_state.get(key) or {}
        if isinstance(picked := said.get("picked"), str):
            on_pick(picked)
        if isinstance(month := said.get("month"), str):
            on_month(month)

    st_folium(
        ground,
        key=key,
        height=HEIGHT,
        use_container_width=True,
        returned_objects=[],
        feature_group_to_add=groups,
        on_change=hear,
    )
