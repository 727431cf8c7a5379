"""One file a version of the tables, oldest first; a published one is never changed."""
