"""The data-quality checks: evaluated, remembered, waived."""
