"""What columns are made with: the column decorator, rolling windows, compiled kernels."""
