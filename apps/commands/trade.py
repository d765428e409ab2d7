"""`ploutos trade`: replays on the paper broker, and what their journals say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import MAX_SEED, Json, emit, row_table, talk

if TYPE_CHECKING:
    from apps.pages.session_view import SessionView
    from trade.session.replay import SessionReport
    from trade.session.replay_result import ReplayResult

app = typer.Typer(
    help="Replay a bundle on the paper broker and inspect its journal.", no_args_is_help=True
)

Session = Annotated[
    str | None, typer.Option("--session", help="A session's name; default: the one written last.")
]
DATE = ["%Y-%m-%d"]


@app.command("replay")
def replay(
    *,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=DATE, help="First date; default: the test window's."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=DATE, help="Last date, included; default: the test window's."),
    ] = None,
    bundle: Annotated[
        str | None, typer.Option(help="Default: the champion, else the newest, as serve up.")
    ] = None,
    bars: Annotated[Path | None, typer.Option(help="Bar file; default: the lake.")] = None,
    source: Annotated[str | None, typer.Option(help="Source in the lake.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Decide in this process, not over HTTP.")
    ] = False,
    risk: Annotated[bool, typer.Option(help="Risk gate, stop-loss and take-profit.")] = True,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A risk limit, as max_position=0.1; repeatable."),
    ] = None,
    session: Annotated[str | None, typer.Option(help="Name of the session.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with that session.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of the slippage stream.")] = 0,
    as_json: Json = False,
) -> None:
    """Trade a bundle over past bars with the built-in paper broker; decisions come over HTTP.

    Days that it was not trained on count as a reading of them, as in every walk.

    Example: ploutos trade replay --from 2025-03-03 --to 2025-03-14
    """
    from apps.cli.replaying import ReplayOptions, run_replay

    options = ReplayOptions(
        start=start.date() if start else None,
        end=end.date() if end else None,
        bundle=bundle,
        bars=bars,
        source=source,
        local=local,
        risk=risk,
        limits=tuple(limit or ()),
        session=session,
        resume=resume,
        seed=seed,
    )
    result, days = run_replay(options, _tell)
    document = {key: value for key, value in vars(result).items() if key != "equity_curve"}
    emit(document | {"from": days.first, "to": days.last, "parts": days.parts}, as_json)
    _exit_halted(result)


def _exit_halted(result: "ReplayResult") -> None:
    """End with exit code 5 where the session ended without entries."""
    from cluster.errors import RiskHaltedError

    whys = {
        "RUIN": f"the account is ruined, {result.final_equity:,.2f} USD are left",
        "DAILY_LOSS": "the loss breaker had ended the entries of its last day",
    }
    if result.halted:
        talk(f"session {result.session_id} ended halted: {whys[result.halted]}")
        raise typer.Exit(RiskHaltedError.exit_code)


def _tell(report: "SessionReport") -> None:
    talk(
        f"{report.day}  orders {report.orders:3}  fills {report.fills:3}  "
        f"denials {report.denials:3}  equity {report.equity:,.2f}"
    )


def _view(session: str | None) -> "SessionView":
    """The session of that name, by default the one written last.

    Raises:
        UsageError: there is none.
        DataError: its journal is damaged.
    """
    from apps.cli.readers import journal_paths, read_log
    from apps.pages.session_view import view_session
    from cluster.errors import DataError, UsageError
    from cluster.settings import home

    paths = [path for path in journal_paths(home()) if session in (None, path.stem)]
    if not paths:
        wanted = f"no session {session}" if session else "no session yet"
        raise UsageError(wanted, f"in {home().journal}", "ploutos trade replay --help")
    log = read_log(paths[0])
    view = view_session(log)
    if view is None:
        raise DataError(f"journal {paths[0]}", log.fault or "it is empty", "ploutos trade replay")
    if log.fault:
        talk(f"journal {log.session}: {log.fault}")
    return view


@app.command("status")
def status(session: Session = None, as_json: Json = False) -> None:
    """Show the account and the state of a session.

    Example: ploutos trade status
    """
    view = _view(session)
    state, meaning = view.status(datetime.now(UTC))
    emit(
        {
            "session": view.log.session,
            "label": view.label,
            "state": state,
            "meaning": meaning,
            "switched_off": view.switched_off,
            "bundle": view.summary["bundle_id"],
            "bars_to": view.bar_ts,
            "equity": view.equity,
            "cash": view.summary["cash"],
            "profit": view.profit,
            "drawdown": view.drawdown,
            "exposure": view.exposure,
            **view.stages,
            "denials_by_reason": dict(view.denials),
        },
        as_json,
    )


@app.command("positions")
def positions(session: Session = None, as_json: Json = False) -> None:
    """List open positions with their stops and targets.

    Example: ploutos trade positions --json
    """
    view = _view(session)
    _emit_rows("positions", list(view.positions), as_json, "no open positions")


@app.command("orders")
def orders(
    session: Session = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest rows printed.")] = 50,
    as_json: Json = False,
) -> None:
    """List orders and denials, newest first.

    Example: ploutos trade orders --limit 20
    """
    shown = ("bar_ts", "symbol", "side", "leg", "status", "quantity", "price", "fees", "reason")
    rows = [{key: row.get(key) for key in shown} for row in _view(session).orders[:limit]]
    _emit_rows("orders", rows, as_json, "no orders yet")


def _emit_rows(name: str, rows: list[dict[str, Any]], as_json: bool, empty: str) -> None:
    def render(console: Console) -> None:
        if rows:
            console.print(row_table(rows))
        else:
            console.print(empty)

    emit({name: rows}, as_json, render)
