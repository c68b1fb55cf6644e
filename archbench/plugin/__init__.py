"""What pytest knows where archbench is installed."""
