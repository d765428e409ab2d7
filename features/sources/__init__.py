"""Bars from vendors: Alpaca, Yahoo and Polygon, each by its own client library."""
