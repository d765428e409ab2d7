"""Bars from vendors, each a file that asks by the vendor's own client library."""
