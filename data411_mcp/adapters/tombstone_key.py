"""The key of the tombstone hashes. It lives in the store, which several hosts may share; earlier
versions kept it in a file beside the store, and what was hashed with that key stays valid."""

from __future__ import annotations

import secrets
from pathlib import Path

import anyio

from data411_mcp.errors import StoreError
from data411_mcp.services.ports import Store

KEY_FILE = "tombstone.key"
KEY_BYTES = 32


async def tombstone_key(store: Store, data_dir: Path) -> bytes:
    """The store's key; the file's becomes it where the store has none yet. The file stays: it
    opens a copy of the store that an earlier version made. Raises StoreError."""
    fresh = await _key_in(data_dir / KEY_FILE) or secrets.token_bytes(KEY_BYTES)
    return await store.secret("tombstone", fresh)


async def _key_in(path: Path) -> bytes:
    """Empty when there is no file. One that cannot be read is no reason for a new key: the erased
    would come back."""
    try:
        return await anyio.Path(path).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(
            "The key of the erased persons' hashes cannot be read.",
            f"Make the file {KEY_FILE} in DATA411_DATA_DIR readable, and start again.",
        ) from error
