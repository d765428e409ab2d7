"""Bars: their columns, checks, files, interval and place on the exchange clock."""
