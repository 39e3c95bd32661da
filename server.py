"""What `mcp run server.py` and `python server.py` open: the server over stdio."""

from data411_mcp.serving import build_server
from data411_mcp.settings import Settings

mcp = build_server(Settings())

if __name__ == "__main__":
    mcp.run("stdio")
