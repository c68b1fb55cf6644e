"""What the gates tell a CI system: a summary, annotations, JUnit's XML."""
