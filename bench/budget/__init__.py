"""The budget of the main process: instructions for each message, compared with what they were (bench/budget.json)."""
