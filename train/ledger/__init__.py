"""The ledger: every trial that ever ran and every reading of a test window."""
