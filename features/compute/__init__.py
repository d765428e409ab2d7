"""From checked bars to a feature table, whole or bar by bar, and probes for look-ahead."""
