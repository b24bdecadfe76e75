"""The answer that a customer hears: what of them is reported, why, and how to dispute it."""
