"""dbt, on DuckDB or on Spark."""
