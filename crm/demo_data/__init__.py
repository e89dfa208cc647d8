"""What the demo tells: invented chapters and people, and a school year of their work."""
