"""Where the bars of a sweep come from: a file, the lake, or the simulated market."""
