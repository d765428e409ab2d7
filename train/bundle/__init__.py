"""The policy bundle on disk: what it is, what it proves and what it may do."""
