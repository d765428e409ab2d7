"""Brokers: the port, and the venues behind it."""
