"""What is true of members, chapters and roles, without the database."""
