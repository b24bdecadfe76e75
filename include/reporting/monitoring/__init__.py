"""Checks outside a month's run: the configuration, and the daily watch of the landing zone."""
