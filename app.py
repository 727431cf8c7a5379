"""Pneumo's router: `streamlit run app.py`."""

import streamlit as st

st.navigation(
    [
        st.Page("pages/diagnose.py", title="Diagnose", default=True),
        st.Page("pages/dataset.py", title="Dataset"),
        st.Page("pages/training.py", title="Training"),
        st.Page("pages/metrics.py", title="Metrics"),
        st.Page("pages/models.py", title="Models"),
    ]
).run()
