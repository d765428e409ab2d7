"""`python -m features.columns` prints docs/reference/features.md."""

from features.catalog import reference_page

if __name__ == "__main__":
    print(reference_page(), end="")
