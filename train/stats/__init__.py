"""Numbers of a return path, and how sure one can be of them."""
