"""What all commands share: their options, their output, their progress."""
