"""`ploutos doctor`."""

from dataclasses import asdict

import typer
from rich.console import Console

from apps.cli.output import Json, emit, table


def doctor(as_json: Json = False) -> None:
    """Check this machine and this home; every line that fails says how to mend it.

    Exit code 1 when something essential fails.

    Example: ploutos doctor
    """
    from apps.doctor import examine
    from cluster.settings import home

    checks = examine(home())
    healthy = all(check.ok for check in checks if check.essential)

    def render(console: Console) -> None:
        rows = [
            ("ok" if check.ok else "FAIL" if check.essential else "warn", check.name, check.found)
            + (("",) if check.ok else (check.fix,))
            for check in checks
        ]
        console.print(table(("", "check", "found", "fix"), rows))

    emit({"healthy": healthy, "checks": [asdict(check) for check in checks]}, as_json, render)
    if not healthy:
        raise typer.Exit(1)
