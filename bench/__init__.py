"""Side by side with Celery, doing the same work in the same run: `make bench`, or `python -m bench --help`."""
