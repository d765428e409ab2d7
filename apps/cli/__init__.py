"""The `ploutos` command: its root, its output, its errors, and what several nouns share."""
