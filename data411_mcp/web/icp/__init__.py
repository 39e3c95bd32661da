"""The ICP finder over HTTP: its own routes, the event stream, threads and runs."""
