"""Arrays → Plotly figures, in one look; nothing here knows Streamlit."""
