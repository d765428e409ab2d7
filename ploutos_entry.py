"""The `ploutos` script. Its name is nobody else's: a folder `apps` or `train` may well be.

Our own folder comes first on the path, before PYTHONPATH and what lies in the current folder.
"""

import sys
from pathlib import Path


def main() -> None:
    """Run `ploutos` with our own packages."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from apps.cli.cli import main as run

    run()
