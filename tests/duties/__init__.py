"""The duties of a data furnisher, each as a test that can fail; docs/duties.md maps them."""
