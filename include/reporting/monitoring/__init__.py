"""What is looked at outside a month: the configuration, and the landing zone every morning."""
