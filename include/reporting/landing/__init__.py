"""The delivered feeds: their files, the check of their structure, and how their rows are read."""
