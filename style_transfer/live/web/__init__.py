"""The browser page: its server, its viewers, and the one painter that serves them in turn."""
