"""The `ploutos` command: nouns are imported when called, errors become one clear message."""

import math
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from apps.cli.failure import report_failure
from cluster.entry.prepare import prepare_process
from cluster.entry.streams import drop_stdout

NOUNS = {
    "demo": "Run the whole line once: bars to paper orders, with an honest verdict.",
    "data": "Import, check, query and simulate bars.",
    "universe": "S&P 500 members of any day, and the best of each sector.",
    "features": "Show the feature columns and probe them for look-ahead.",
    "env": "Replay golden files through the V6 environment.",
    "tune": "Run, resume and inspect sweeps.",
    "judge": "Walk forward over folds, or judge a bundle on bars it has never seen.",
    "model": "List, show, verify and promote policy bundles.",
    "backtest": "Walk a bundle through episodes and stress tests it has not trained on.",
    "diagnose": "Ask what a bundle does well and badly: its timing.",
    "serve": "Serve a policy bundle over HTTP.",
    "trade": "Replay a bundle on the paper broker and inspect its journal.",
    "report": "List and open reports.",
    "app": "Open the app in the browser.",
    "bench": "Measure the environment and the features on this machine.",
    "job": "Run a sweep as a Ray job on a cluster.",
    "doctor": "Check this machine and say how to mend what is wrong.",
    "version": "Print the version.",
}
DATA_NOUNS = {"data", "universe", "features"}  # in apps/commands/data


class Nouns(TyperGroup):
    """The root group: lists every noun without importing it, loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, summary in NOUNS.items():
            self.commands[name] = TyperCommand(name, help=summary)

    def list_commands(self, ctx: Any) -> list[str]:
        """The nouns in the order in which a new user needs them."""
        return list(NOUNS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the noun that `args` names, then let the group resolve it."""
        if args[0] in NOUNS:
            self.commands[args[0]] = load_noun(args[0])
        return super().resolve_command(ctx, args)


def load_noun(name: str) -> Any:
    """The command, or the group of verbs, of one noun, from the file of its name."""
    folder = "apps.commands.data" if name in DATA_NOUNS else "apps.commands"
    module = import_module(f"{folder}.{name}")
    app = getattr(module, "app", None)
    if app is None:  # a noun without verbs: one function of the same name
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(name, help=module.__dict__[name].__doc__)(module.__dict__[name])
    command = typer.main.get_command(app)
    command.name = name
    for verb in getattr(command, "commands", {name: command}).values():
        for parameter in verb.params:
            parameter.callback = parameter.callback or _usable
    return command


def _usable(context: Any, parameter: Any, value: Any) -> Any:
    """Refuse what no command can reckon with or look for: NaN, infinity, half a character."""
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, float) and not math.isfinite(one):
            raise typer.BadParameter(f"{one} is not a finite number.", context, parameter)
        try:
            whole = "\0" not in str(one).encode().decode()
        except UnicodeEncodeError:
            whole = False
        if not whole:
            raise typer.BadParameter("it is not UTF-8 text.", context, parameter)
    return value


app = typer.Typer(
    cls=Nouns,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: ploutos demo",
)


@app.callback()
def ploutos() -> None:
    """Train, judge and paper-trade PPO policies. Paper trading only: no live orders.

    Every command takes --json: one JSON document on stdout, talk on stderr.
    Exit codes: 0 ok, 1 failed, 2 usage, 3 credentials or configuration, 4 locked,
    5 halted by risk, 6 verdict negative, 130 interrupted.
    """


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are printed, not raised."""
    command = typer.main.get_command(app)
    try:
        result = command.main(
            args=list(args) or ["--help"], prog_name="ploutos", standalone_mode=False
        )
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) went away
        drop_stdout()
        return 1
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # panics of Polars are no Exception
        return report_failure(error, as_json="--json" in args, help_command=_help_of(args))
    return result if isinstance(result, int) else 0


def _help_of(args: Sequence[str]) -> str:
    """The help of the command that a line calls."""
    noun = args[0] if args and args[0] in NOUNS else ""
    verbs = getattr(load_noun(noun), "commands", {}) if noun else {}
    words = ["ploutos", *filter(None, [noun]), *(verb for verb in args[1:2] if verb in verbs)]
    return f"{' '.join(words)} --help"


def main() -> None:
    """Entry point of the console script; SIGTERM cleans up as Ctrl-C does."""
    prepare_process()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))
