"""What the market's loops cost beside other environments and engines."""
