"""Sweeps: trials on Ray Tune, from a request to a bundle."""
