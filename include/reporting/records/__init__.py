"""From record relations to files: rules of the bureau, lines, journal and submission files."""
