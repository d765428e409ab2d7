"""`python -m apps.cli` is `ploutos`, with our own packages before those of the current folder."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from apps.cli.cli import main

    main()
