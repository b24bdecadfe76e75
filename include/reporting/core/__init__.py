"""What all other packages use: settings, runs, files, configuration, errors."""
