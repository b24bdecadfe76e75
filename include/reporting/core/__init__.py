"""What everything rests on: settings, runs, files, configuration, errors."""
