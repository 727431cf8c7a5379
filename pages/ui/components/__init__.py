"""Custom components: Python, script, style and example together."""
