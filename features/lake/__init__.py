"""The lake: bars on disk as Parquet blocks, and DuckDB on top of them."""
