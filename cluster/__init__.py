"""Settings, files, starting and attaching to Ray, and job submission."""
