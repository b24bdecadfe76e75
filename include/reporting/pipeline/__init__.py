"""The month: its steps, and how they run under Airflow."""
