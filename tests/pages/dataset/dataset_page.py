"""The Dataset page as its tests see it."""

FILMS = 48


def html_of(page):
    bodies = [element.proto.body for element in page.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style"))


def no_trace(page):
    return not page.exception and "Traceback" not in html_of(page)


def button(page, label):
    return next(one for one in page.button if one.label == label)
