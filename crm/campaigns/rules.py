"""What is true of campaigns and goals, without the database."""
