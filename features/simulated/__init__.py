"""The simulated market: bars whose edge, or lack of one, is known."""
