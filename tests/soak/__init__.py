"""`make soak`: guests come and go for a long time, and nothing that the recorder holds grows."""
