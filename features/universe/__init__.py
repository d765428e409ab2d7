"""The universe: who was in the S&P 500 on a day, in which sector, and where that is known from."""
