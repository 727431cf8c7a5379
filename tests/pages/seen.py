"""What a person sees of a page that Streamlit's own tester ran."""

import time


def html_of(page):
    """The page's own HTML, without its style sheet."""
    bodies = [element.proto.body for element in page.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style"))


def no_trace(page):
    """Whether the page shows no fault."""
    return not page.exception and "Traceback" not in html_of(page)


def drop(page, *files):
    """Drop files, (name, bytes), on the Diagnose page and let it run."""
    kinds = {"png": "image/png", "dcm": "application/dicom"}
    page.file_uploader[0].set_value(
        [(name, data, kinds.get(name[-3:], "application/octet-stream")) for name, data in files]
    )
    return page.run()


def wait_for(done):
    """Wait until `done()` is true of what another thread does."""
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, "Expected an end within a minute."
        time.sleep(0.01)


def button(page, label):
    """The button that says `label`."""
    return next(one for one in page.button if one.label == label)


def click_twice(page, clicked):
    """A double click on a button, the second click queued until the first has had its run."""
    clicked.click().run()
    states = page._tree.get_widget_states()
    states.widgets.append(clicked._widget_state)
    page._run(states)
