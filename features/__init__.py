"""From bars to a feature table that sees the past only."""
