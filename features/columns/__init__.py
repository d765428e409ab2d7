"""The columns of the feature sets, one family a module, one small function a column."""
