"""What every other room builds on: the course folder, notebooks, files, errors."""
