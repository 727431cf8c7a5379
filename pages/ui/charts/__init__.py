"""Arrays → Plotly figures, in one style; nothing here knows Streamlit."""
