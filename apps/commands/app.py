"""`ploutos app`: the Streamlit app over this home."""

from typing import Annotated

import typer

from apps.cli.output import Json, emit, talk

app = typer.Typer(help="Open the app in the browser.", no_args_is_help=True)


@app.callback()
def app_noun() -> None:
    """Open the app in the browser."""


@app.command("open")
def open_app(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the default browser.")] = True,
    as_json: Json = False,
) -> None:
    """Serve the app on 127.0.0.1 until Ctrl-C; it reads journal, ledger and bundles only.

    Example: ploutos app open --port 8501
    """
    from apps.pages.app_process import start_app
    from cluster.settings import home

    root = home().root
    with start_app(root, port) as running:
        emit(
            {"url": running.url, "home": root, "pid": running.process.pid},
            as_json,
            lambda console: console.print(f"{running.url}  (reads {root}; Ctrl-C ends it)"),
        )
        if browser:
            typer.launch(running.url)
        code = running.wait()
        talk(f"the app ended with exit code {code}")
    raise typer.Exit(1 if code else 0)
