"""The API beside the pages, its protections, and the watched folder; without Streamlit."""
