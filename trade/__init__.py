"""Orders, risk, protection, journal and the trading session."""
