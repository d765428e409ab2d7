"""The Streamlit app: its pages, its charts, and the process that serves them."""
