"""The app: five read-only pages over one home, with a status strip on each."""

import streamlit as st

from apps.pages.status_strip import show_status
from cluster.settings import home

PAGES = {
    "Trading": (
        ("overview", "Overview", ":material/monitoring:"),
        ("positions", "Positions", ":material/account_balance_wallet:"),
        ("orders", "Orders", ":material/receipt_long:"),
    ),
    "Research": (
        ("models", "Models", ":material/deployed_code:"),
        ("sweeps", "Sweeps", ":material/tune:"),
    ),
}


def main() -> None:
    """Draw the chosen page under the status strip."""
    st.set_page_config(page_title="Ploutos", layout="wide")
    groups = {
        group: [
            st.Page(f"{name}.py", title=title, icon=icon, default=name == "overview")
            for name, title, icon in pages
        ]
        for group, pages in PAGES.items()
    }
    page = st.navigation(groups)
    show_status(home())
    st.title(page.title)
    page.run()


main()
