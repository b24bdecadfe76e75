"""From record relations to the files the bureau takes; whoever reads them shares no code."""
