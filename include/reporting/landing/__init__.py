"""The delivered feeds: which files they are, whether they are whole, and the rows they hold."""
