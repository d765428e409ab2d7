"""Slots: a monthly scan picks symbols of each sector, and a plan says who sits where."""
