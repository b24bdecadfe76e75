"""A synthetic lender: invented persons and accounts for demonstrations, tests and benchmarks."""
