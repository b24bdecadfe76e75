"""Alerts: who must act, the text of the message, and where it is sent."""
