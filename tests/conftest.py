"""Shared by all tests; its place lets them import the oracle as ``oracle``."""
