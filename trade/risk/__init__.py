"""The risk gate: limits, correlation, and how much may be bought."""
