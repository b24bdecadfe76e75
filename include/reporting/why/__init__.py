"""One customer or account, one answer."""
