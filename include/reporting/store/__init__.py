"""What months leave to each other: build stores, the published tables, what is carried forward."""
