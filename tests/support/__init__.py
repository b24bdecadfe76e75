"""What several test files share: books, servers on this machine, and what a month wrote."""
