"""Pneumo's router: `streamlit run app.py`."""

import streamlit as st

# Pixels; sent before the navigation, whose sidebar otherwise sometimes opens at the default 300.
st.set_page_config(initial_sidebar_state=200)
# No icons: Streamlit makes the current page's the favicon and fetches it from fonts.gstatic.com.
st.navigation(
    [
        st.Page("pages/diagnose.py", title="Diagnose", default=True),
        st.Page("pages/dataset.py", title="Dataset"),
        st.Page("pages/training.py", title="Training"),
        st.Page("pages/metrics.py", title="Metrics"),
        st.Page("pages/models.py", title="Models"),
    ]
).run()
