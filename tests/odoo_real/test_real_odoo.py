"""The same behaviour against a real Odoo, given by its address and a key: `make test-odoo`.

It writes records of companies that do not exist and puts them away (archives them) afterwards.
Use a database made for this."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from data411_mcp.adapters.odoo import open_crm
from data411_mcp.network import Network
from data411_mcp.settings import Settings
from tests.icp.odoo_contract import OdooContract, Office, opened

# Not the product's own settings: a test run must never write to a production CRM by accident.
URL, KEY = "ODOO_TEST_URL", "ODOO_TEST_KEY"
DATABASE, LOGIN, PROTOCOL = "ODOO_TEST_DB", "ODOO_TEST_LOGIN", "ODOO_TEST_PROTOCOL"


def missing() -> list[str]:
    return [name for name in (URL, KEY) if not os.environ.get(name)]


if missing():
    pytest.skip(f"no real Odoo: {', '.join(missing())} not set", allow_module_level=True)


class TestRealOdoo(OdooContract):
    @pytest.fixture
    async def office(self) -> AsyncIterator[Office]:
        settings = Settings(
            odoo_url=os.environ[URL],
            odoo_api_key=SecretStr(os.environ[KEY]),
            odoo_db=os.environ.get(DATABASE),
            odoo_login=os.environ.get(LOGIN),
            odoo_protocol=os.environ.get(PROTOCOL) or "auto",
        )
        async with open_crm(settings, Network()) as crm, opened(crm) as office:
            try:
                yield office
            finally:
                await office.put_away()
