"""Who must act, in which words, and by which way they hear of it."""
