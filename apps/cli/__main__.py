"""`python -m apps.cli` is `ploutos`."""

from apps.cli.cli import main

if __name__ == "__main__":
    main()
