"""The policy port of the trader, and who answers behind it."""
