"""The history of the log's tables, for Alembic; `readings.database` runs it at first use."""
