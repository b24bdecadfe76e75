"""What months hand on to each other: build stores, published tables, carried-forward relations."""
