"""The demo: the whole line once, bars to paper orders."""
