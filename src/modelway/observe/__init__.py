"""What happens, told to whoever asked, off the request's path."""
