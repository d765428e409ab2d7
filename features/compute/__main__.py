"""`python -m features.compute` prints docs/reference/features.md."""

from features.compute.catalog import reference_page

if __name__ == "__main__":
    print(reference_page(), end="")
