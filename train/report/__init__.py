"""The report of a verdict: one HTML file that needs nothing else."""
