"""Published tables beside ours, and studies of their own."""
