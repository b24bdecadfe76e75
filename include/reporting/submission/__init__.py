"""From record relations to the files the bureau takes; shares no code with anything that reads them."""
