"""The strip on top of every page: what kind of money, who trades, how old the data is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import streamlit as st

from apps.cli.readers import journal_paths, newest_bar, read_log
from apps.pages.session_view import SessionView, view_session
from cluster.errors import PloutosError
from cluster.settings import Home

_Color = Literal["violet", "gray", "blue", "orange", "red"]
_LABEL_COLORS: dict[str, _Color] = {"SIMULATED": "violet", "REPLAY": "gray", "PAPER": "blue"}
_STATE_COLORS: dict[str, _Color] = {
    "RUNNING": "blue",
    "ENDED": "gray",
    "HALTED": "orange",
    "STOPPED": "orange",
    "RUINED": "red",
}


def show_status(home: Home) -> None:
    """Draw the strip."""
    now = datetime.now(UTC)
    view, fault = current_session(home)
    with st.container(horizontal=True, vertical_alignment="center"):
        if view is None:
            st.badge("NO SESSION", color="gray")
            st.caption("paper trading only")
        else:
            _show_session(view, now)
        newest = newest_bar(home)
        if newest is not None:
            st.caption(f"lake to {newest.ts:%Y-%m-%d %H:%M} UTC ({newest.source})")
    if fault:
        st.warning(f"Journal: {fault}", icon=":material/warning:")


def current_session(home: Home) -> tuple[SessionView | None, str]:
    """The session written last, and what is wrong with its journal."""
    paths = journal_paths(home)
    if not paths:
        return None, ""
    try:
        found = paths[0].stat()
    except FileNotFoundError:
        return None, f"{paths[0].name} is gone"
    return _folded(paths[0], found.st_mtime_ns, found.st_size)


@st.cache_resource(max_entries=4, show_spinner=False)
def _folded(path: Path, mtime_ns: int, size: int) -> tuple[SessionView | None, str]:
    """Fold a journal once for every state that it is in."""
    log = read_log(path)
    try:
        return view_session(log), log.fault
    except PloutosError as error:
        return None, f"{error.what}: {error.why}"


def _show_session(view: SessionView, now: datetime) -> None:
    state, meaning = view.status(now)
    st.badge(view.label, color=_LABEL_COLORS.get(view.label, "gray"))
    st.badge(state, color=_STATE_COLORS[state], help=meaning)
    if view.switched_off:
        st.badge("RISK OFF", color="red", help=f"this session runs without {view.switched_off}")
    written = view.log.last_written
    told = [f"session {view.log.session}"]
    if view.bar_ts is not None:
        told.append(f"bars to {view.bar_ts:%Y-%m-%d %H:%M} UTC ({age(now - view.bar_ts)} old)")
    if written is not None:
        told.append(f"journal written {age(now - written)} ago")
    st.caption(" · ".join(told))


def age(span: timedelta) -> str:
    """A span in its largest unit: `12 s`, `5 min`, `3 h`, `41 days`."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size * (2 if unit == "days" else 1):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
