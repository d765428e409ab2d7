"""The policy behind an HTTP endpoint."""
