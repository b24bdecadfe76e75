"""The other side: a simulator of the credit bureau's system, for tests and demonstrations."""
