"""`ploutos serve`: the policy endpoint of this home."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from apps.cli.output import Json, emit, table, talk

if TYPE_CHECKING:
    from serve.schema import ActRequest
    from serve.state import ServeState

app = typer.Typer(help="Serve a policy bundle over HTTP.", no_args_is_help=True)


@app.command("up")
def up(
    bundle: Annotated[
        str | None,
        typer.Argument(metavar="[BUNDLE]", help="Id or folder; default: champion, or newest."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8700,
    as_json: Json = False,
) -> None:
    """Serve a bundle on 127.0.0.1 in the background; returns once it answers.

    Example: ploutos serve up --port 8700
    """
    from apps.cli.readers import find_bundle
    from cluster.settings import home
    from serve.control import serve_up
    from train.bundle.stages import bundle_to_serve

    folder, which = (find_bundle(home(), bundle), "") if bundle else bundle_to_serve(home())
    talk(f"starting the endpoint for bundle {folder.name}{f' ({which})' if which else ''}")
    state = serve_up(folder, home=home(), port=port)
    emit(_document(state), as_json)


def _document(state: "ServeState") -> dict[str, str]:
    """What a user needs to know of the endpoint; never the token itself."""
    return {
        "url": state.url,
        "bundle": state.bundle_id,
        "pid": str(state.pid),
        "token": str(state.token_path),
        "log": str(state.log_path),
        "started": state.started.isoformat(),
    }


@app.command("status")
def status(as_json: Json = False) -> None:
    """Show what is being served; exit code 1 when nothing answers.

    Example: ploutos serve status
    """
    from cluster.settings import home
    from serve.control import is_ready, serve_status

    state = serve_status(home())
    if state is None:
        emit(
            {"serving": False},
            as_json,
            lambda console: console.print("nothing is being served; next: ploutos serve up"),
        )
        raise typer.Exit(1)
    ready = is_ready(state)
    emit({"serving": True, "ready": ready, **_document(state)}, as_json)
    if not ready:
        raise typer.Exit(1)


@app.command("down")
def down(as_json: Json = False) -> None:
    """End the endpoint and every process it started; nothing to end is a success.

    Example: ploutos serve down
    """
    from cluster.settings import home
    from serve.control import serve_down

    ended = serve_down(home())
    emit({"ended": ended.bundle_id if ended else None}, as_json)


@app.command("call")
def call(
    request: Annotated[
        Path | None, typer.Option(help="JSON body; default: features of 0, all cash.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Bearer token; default: the endpoint's own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask the endpoint for one decision.

    Example: ploutos serve call --json
    """
    from apps.cli.endpoint import connected_client, neutral_request

    with connected_client(token_file) as client:
        body = _read_request(request) if request else neutral_request(client.model())
        answer = client.act(body)

    def render(console: Console) -> None:
        names = ("HOLD", "BUY", "SELL")
        rows = [
            (symbol, names[action], *odds)
            for symbol, action, odds in zip(
                body.symbols, answer.actions, answer.probabilities, strict=True
            )
        ]
        console.print(table(("symbol", "action", *names), rows))
        console.print(f"bundle {answer.bundle_id}, {answer.latency_ms:.1f} ms in the endpoint")

    emit({"symbols": body.symbols, **answer.model_dump()}, as_json, render)


def _read_request(path: Path) -> "ActRequest":
    from pydantic import ValidationError

    from cluster.errors import UsageError
    from serve.schema import ActRequest

    try:
        return ActRequest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot read {path}", error.strerror or "", f"ls {path.parent}"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path} is no request", f"{place}: {first['msg']}", "see POST /v1/act in docs/"
        ) from error
