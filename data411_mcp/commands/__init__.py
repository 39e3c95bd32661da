"""The bodies of the commands, by what they are about. Each is imported when it is called."""
