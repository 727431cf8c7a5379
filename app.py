"""Pneumo: `streamlit run app.py`.

Streamlit imports this file as the server, with the API beside the pages; and runs it as a script,
the router, for every session.
"""

import streamlit as st

if __name__ == "__main__":
    from pages.ui.identity import pages_for_role

    # Pixels; sent before the navigation, whose sidebar otherwise sometimes opens at 300.
    st.set_page_config(initial_sidebar_state=200)
    # No icons: Streamlit makes the current page's the favicon and fetches it from gstatic.com.
    st.navigation(pages_for_role()).run()
else:
    from pages.ui.serving import lifespan, middleware, routes

    app = st.App(__file__, routes=routes(), middleware=middleware(), lifespan=lifespan)
