"""Messages between the main process and its children, version 1."""
