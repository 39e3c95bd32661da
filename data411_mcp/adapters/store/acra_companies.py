"""Singapore's register as a list of companies: the rows that `acra import` brought in. A table of
this machine: nobody at data.gov.sg is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from data411_mcp.domain.icp.acra import REGISTER_URL
from data411_mcp.domain.icp.registers import RegisteredCompany, RegisterWish
from data411_mcp.domain.legal_forms import legal_form
from data411_mcp.errors import LookupFailed, StoreError
from data411_mcp.services.ports.icp import AcraEntity, IcpStore

CODES_MAX = 3
ROWS_OF_COMPANY = 3  # looked at for one, as many are no companies
SINGAPORE = "SG"


@dataclass(frozen=True)
class AcraCompanies:
    """Implements `ports.icp.CompaniesByIndustry`. Its rows name no website."""

    icp: IcpStore
    name = "acra"

    async def companies(
        self, wish: RegisterWish, *, limit: int, deadline_seconds: float
    ) -> tuple[RegisteredCompany, ...]:
        if SINGAPORE not in wish.countries:
            return ()
        rows: list[AcraEntity] = []
        try:
            for code in wish.ssic[:CODES_MAX]:
                rows += await self.icp.acra_by_ssic(code, limit=ROWS_OF_COMPANY * limit)
        except StoreError as error:
            raise LookupFailed("store") from error
        rows.sort(key=lambda row: row.incorporated or date.min, reverse=True)
        # A sole proprietor's firm may be called like its owner, whom nobody is to search for.
        firms = [row for row in rows if legal_form(row.name) is not None]
        return tuple(_company(row) for row in firms[:limit])


def _company(row: AcraEntity) -> RegisteredCompany:
    trade = row.ssic_description.capitalize() or f"SSIC {row.ssic_code}"
    return RegisteredCompany(
        name=row.name,
        domain=None,
        said=f"{row.name}: {trade}. Registered in Singapore, UEN {row.uen}",
        url=REGISTER_URL + row.uen,
        country=SINGAPORE,
    )
