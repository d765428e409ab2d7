"""Nouns about data: bars, the universe, features."""
