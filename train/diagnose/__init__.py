"""What a result hides: timing, stress, leaks."""
