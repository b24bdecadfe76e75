"""From record relations to files: the bureau's rules, the lines, the journal, the files."""
