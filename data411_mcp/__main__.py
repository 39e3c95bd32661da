from data411_mcp.cli import main

main()
