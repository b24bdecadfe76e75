"""The HTML pages: checks of a month, all months side by side, dbt's documentation."""
