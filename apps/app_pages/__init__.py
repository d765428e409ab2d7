"""One script a page, run under the status strip.

Not called `pages`: Streamlit would take a folder of that name for its own older navigation.
"""
