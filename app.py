"""Pneumo's router: `streamlit run app.py`."""

import streamlit as st

# Pixels; sent before the navigation, whose sidebar otherwise sometimes opens at the default 300.
st.set_page_config(initial_sidebar_state=200)
st.navigation(
    [
        st.Page("pages/diagnose.py", title="Diagnose", icon=":material/radiology:", default=True),
        st.Page("pages/dataset.py", title="Dataset", icon=":material/photo_library:"),
        st.Page("pages/training.py", title="Training", icon=":material/model_training:"),
        st.Page("pages/metrics.py", title="Metrics", icon=":material/monitoring:"),
        st.Page("pages/models.py", title="Models", icon=":material/inventory_2:"),
    ]
).run()
