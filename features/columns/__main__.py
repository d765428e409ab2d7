"""`python -m features.columns` prints the table of docs/features.md."""

from features.catalog import markdown_table

if __name__ == "__main__":
    print(markdown_table(), end="")
