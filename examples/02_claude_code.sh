#!/bin/sh
# Adds the server to Claude Code, for you in every project. Run it in the checkout after `make
# setup`. Keys that are set in this shell go along; without any, the keyless slots work.
set -eu
server="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/data411-mcp"
set -- mcp add data411 --scope user
for key in OPENROUTER_API_KEY TAVILY_API_KEY JINA_API_KEY; do
  value=$(printenv "$key" || true)
  if [ -n "$value" ]; then
    set -- "$@" --env "$key=$value"
  fi
done
exec claude "$@" -- "$server" serve
