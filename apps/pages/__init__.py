"""One script a page; Streamlit runs them under the status strip."""
