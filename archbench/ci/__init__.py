"""What a CI job installs: a project's dependencies, and nothing of its own code."""
