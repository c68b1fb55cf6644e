"""Times of fresh processes: their cells, their times, and the disturbances of each."""
