"""The child process: one peer connection that writes files. The only code that imports gi."""
