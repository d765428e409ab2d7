"""`python -m features.columns` prints the tables of docs/features.md."""

from features.catalog import markdown_table

if __name__ == "__main__":
    print(markdown_table())
    print(markdown_table("sectors", beyond="v6"), end="")
