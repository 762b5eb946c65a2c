"""What the user sees of a running recorder."""
