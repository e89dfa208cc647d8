"""What is true of targets, posts and terms, without the database."""
