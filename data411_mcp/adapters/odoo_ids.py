"""Which record of Odoo has which external id.

The table of external ids (`ir.model.data`) can be read by every user of older versions, and only
by an administrator of access rights since Odoo 19. A bot should not be one. Without the table,
`load` in the mode of a module update still creates a record with its id, or finds the one that
has it without writing to it; and what it found is told from what it made by the record's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from data411_mcp.adapters.odoo_wire import OdooRpc
from data411_mcp.domain.icp.crm import COMPANY, MODULE
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.services.ports.icp import CrmRecord

log = structlog.get_logger(__name__)

TABLE = "ir.model.data"
OWN_KEY = "ref"  # of res.partner: the reference that people see and can search by


@dataclass
class ExternalIds:
    """`blind`: the user may not read the table. `seen` are ids that this process wrote or found;
    a record that was deleted since then is noticed when it is read."""

    blind: bool = False
    seen: dict[str, int] = field(default_factory=dict)

    async def look_up(
        self, rpc: OdooRpc, model: str, external_id: str, *, quietly: bool
    ) -> int | None:
        """The record's number, or None where there is none. `quietly`: None also where only a
        call would tell that Odoo logs as an error when the id is free."""
        if not self.blind:
            try:
                return await _in_table(rpc, model, external_id)
            except VendorUnusable as error:
                if error.reason != "forbidden":
                    raise
                self.blind = True
                log.info("crm_external_ids_hidden")
        if external_id in self.seen:
            return self.seen[external_id]
        if quietly:
            return None
        found = await rpc.reference(external_id)
        if found is not None:
            self.seen[external_id] = found
        return found

    def noticed(self, external_id: str, record_id: int) -> None:
        self.seen[external_id] = record_id

    def gone(self, external_id: str) -> None:
        self.seen.pop(external_id, None)

    async def newest(self, rpc: OdooRpc, model: str) -> int:
        """The highest number of the model's records; 0 where there is none."""
        rows = await rpc.search_read(model, [], ["id"], limit=1, archived=True, order="id desc")
        return int(rows[0]["id"]) if rows else 0

    async def ours(self, rpc: OdooRpc, model: str, ids: Sequence[int]) -> set[int]:
        """Those of the records that have an external id of ours already."""
        if not ids:
            return set()
        named = await rpc.external_ids(model, ids)
        mark = f"{MODULE}."
        return {i for i, names in named.items() if any(name.startswith(mark) for name in names)}

    async def link(self, rpc: OdooRpc, record: CrmRecord, record_id: int, *, free: bool) -> None:
        """Give a record that was there before its external id; or, where the user may not, our
        key as its reference, if it has none (`free`). Otherwise its match finds it again."""
        self.noticed(record.external_id, record_id)
        if not self.blind:
            module, _, name = record.external_id.partition(".")
            values = {"module": module, "name": name, "model": record.model, "res_id": record_id}
            try:
                await rpc.create(TABLE, {**values, "noupdate": True})
                return
            except (VendorUnusable, LookupFailed) as error:
                # Not allowed, or somebody was faster: the external id is unique.
                if error.reason not in ("forbidden", "refused_value"):
                    raise
                log.info("crm_link_refused", model=record.model, reason=error.reason)
        if free and record.model == COMPANY:
            await rpc.write(record.model, record_id, {OWN_KEY: record.external_id})


async def _in_table(rpc: OdooRpc, model: str, external_id: str) -> int | None:
    module, _, name = external_id.partition(".")
    wanted = [["module", "=", module], ["name", "=", name], ["model", "=", model]]
    rows = await rpc.search_read(TABLE, wanted, ["res_id"], limit=1, archived=False)
    return int(rows[0]["res_id"]) if rows and isinstance(rows[0].get("res_id"), int) else None
