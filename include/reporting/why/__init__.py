"""Explain the reporting of one customer or account."""
