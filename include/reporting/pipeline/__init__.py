"""The steps of a month, and how they run under Airflow."""
