"""A synthetic lender: a book of invented persons and accounts for demonstrations, tests and benchmarks."""
