"""What writing to Odoo must do, whichever Odoo it is: the tests of this module run against the
twin in every version that we speak, and against a real server by `make test-odoo`."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from data411_mcp.adapters.odoo import OdooCrm
from data411_mcp.adapters.odoo_wire import OdooRpc
from data411_mcp.domain.icp import crm as records
from data411_mcp.domain.icp.values import ScoredLead
from data411_mcp.services.ports.icp import CrmRecord, CrmResult
from tests.icp.delivery import TENANT, a_contact, a_lead

SECONDS = 30.0


@dataclass
class Office:
    """An Odoo, what writes to it, and a name that keeps this test's companies apart. `rpc` is the
    hand of a person who works in the same Odoo."""

    crm: OdooCrm
    rpc: OdooRpc
    tag: str = field(default_factory=lambda: secrets.token_hex(5))

    @property
    def domain(self) -> str:
        return f"harbour-{self.tag}.example"

    def lead(self, **more: Any) -> ScoredLead:
        values: dict[str, Any] = {
            "domain": self.domain,
            "name": f"Harbour {self.tag}",
            "legal_name": f"Harbour {self.tag} Pte. Ltd.",
            "uen": f"2019{self.tag[:5]}A".upper(),
            "emails": (f"hello@{self.domain}",),
            "contacts": (a_contact(email=f"jane.tan@{self.domain}"),),
        }
        return a_lead(**(values | more))

    async def write(self, lead: ScoredLead, tenant: str = TENANT) -> list[CrmResult]:
        made = records.drafts(lead, tenant=tenant, made_by="job-1")
        return [await self.crm.upsert(r, deadline_seconds=SECONDS) for r in crm_records(made.all)]

    async def company(self, *fields: str) -> dict[str, Any]:
        rows = await self.rpc.search_read(
            "res.partner",
            [["website", "ilike", self.domain], ["is_company", "=", True]],
            list(fields),
            limit=50,
            archived=True,
        )
        assert len(rows) == 1
        return rows[0]

    async def people(self, *fields: str) -> list[dict[str, Any]]:
        company = await self.company("name")
        return await self.rpc.search_read(
            "res.partner", [["parent_id", "=", company["id"]]], list(fields), limit=50,
            archived=True,
        )  # fmt: skip

    async def opportunities(self, *fields: str) -> list[dict[str, Any]]:
        return await self.rpc.search_read(
            "crm.lead", [["website", "ilike", self.domain]], list(fields), limit=50, archived=True
        )

    async def put_away(self) -> None:
        """Archive what this test has made."""
        for model, name in (
            ("crm.lead", "website"), ("res.partner", "website"), ("res.partner", "email"),
        ):  # fmt: skip
            found = await self.rpc.search_read(
                model, [[name, "ilike", self.domain]], ["id"], limit=500, archived=False
            )
            for row in found:
                await self.rpc.write(model, row["id"], {"active": False})


def crm_records(drafts: Sequence[records.Draft]) -> list[CrmRecord]:
    return [
        CrmRecord(d.model, d.external_id, d.values, d.match, d.parent, d.parent_field, d.note_html)
        for d in drafts
    ]


class OdooContract:
    """Subclasses give the fixture `office`."""

    async def test_a_lead_arrives_as_company_person_and_opportunity(self, office: Office) -> None:
        results = await office.write(office.lead())
        assert [r.created for r in results] == [True, True, True]
        company = await office.company("name", "website", "email", "city", "country_id")
        assert company["name"] == office.lead().company.legal_name
        assert company["website"].rstrip("/") == f"https://{office.domain}"
        assert company["email"] == f"hello@{office.domain}"
        assert company["country_id"][1] == "Singapore"
        (person,) = await office.people("name", "email", "function", "is_company")
        assert (person["name"], person["function"]) == ("Jane Tan", "Managing Director")
        assert person["is_company"] is False
        (lead,) = await office.opportunities("type", "email_from", "partner_id", "description")
        assert lead["type"] == "opportunity"
        assert lead["email_from"] == f"jane.tan@{office.domain}"
        assert lead["partner_id"][0] == person["id"]
        assert "Score 83" in lead["description"]

    async def test_writing_twice_changes_nothing_and_says_so(self, office: Office) -> None:
        first = await office.write(office.lead())
        again = await office.write(office.lead())
        assert [r.record_id for r in first] == [r.record_id for r in again]
        assert not any(r.created for r in again)
        assert {c.action for r in again for c in r.changes} <= {"keep"}
        assert len(await office.people("name")) == 1
        assert len(await office.opportunities("name")) == 1

    async def test_defect_17_a_company_without_a_number_is_not_made_twice(
        self, office: Office
    ) -> None:
        bare = office.lead(uen="")
        await office.write(bare)
        await office.write(office.lead(uen="", name="Harbour renamed", legal_name="Renamed Ltd"))
        await office.company("name")  # one
        assert len(await office.opportunities("name")) == 1

    async def test_defect_17_a_company_that_a_person_entered_is_found_by_its_website(
        self, office: Office
    ) -> None:
        theirs = await office.rpc.create(
            "res.partner",
            {
                "name": "Entered by hand",
                "is_company": True,
                "website": f"http://www.{office.domain}/home",
            },
        )
        results = await office.write(office.lead(uen=""))
        assert results[0].record_id == theirs
        assert not results[0].created
        company = await office.company("name", "email", "city")
        assert company["name"] == "Entered by hand"
        assert company["email"] == f"hello@{office.domain}"
        assert company["city"] == "Singapore"
        again = await office.write(office.lead(uen="", domain=office.domain))
        assert again[0].record_id == theirs

    async def test_a_company_that_a_person_entered_is_found_by_its_address(
        self, office: Office
    ) -> None:
        """Without a website: there is nothing else that it could be found by."""
        other = f"Sales <office@not{office.domain}>"
        for name, email in (("Another", other), ("By hand", f"Info@{office.domain}")):
            values = {"name": name, "is_company": True, "email": email}
            theirs = await office.rpc.create("res.partner", values)
        results = await office.write(office.lead(uen=""))
        assert results[0].record_id == theirs
        company = await office.company("name", "email")
        assert (company["name"], company["email"]) == ("By hand", f"Info@{office.domain}")

    async def test_an_address_does_not_stand_against_another_website(self, office: Office) -> None:
        values = {
            "name": "The parent",
            "is_company": True,
            "email": f"group@{office.domain}",
            "website": f"https://group-{office.tag}.example",
        }
        theirs = await office.rpc.create("res.partner", values)
        results = await office.write(office.lead(uen=""))
        assert results[0].created
        assert results[0].record_id != theirs

    async def test_a_short_domain_is_found_among_all_that_end_like_it(self, office: Office) -> None:
        for number in range(120):
            website = f"https://{number}x{office.domain}"
            values = {"name": f"Other {number}", "is_company": True, "website": website}
            await office.rpc.create("res.partner", values)
        values = {"name": "By hand", "is_company": True, "website": f"http://www.{office.domain}/a"}
        theirs = await office.rpc.create("res.partner", values)
        assert (await office.write(office.lead(uen="")))[0].record_id == theirs

    async def test_an_opportunity_that_a_person_works_on_is_not_made_again(
        self, office: Office
    ) -> None:
        """Theirs, or one that ours was merged into: what was merged away took its id along."""
        results = await office.write(office.lead(contacts=()))
        values = {
            "name": "Harbour: my deal",
            "type": "opportunity",
            "partner_id": results[0].record_id,
            "website": f"https://www.{office.domain}",
        }
        theirs = await office.rpc.create("crm.lead", values)
        fresh = crm_records(records.drafts(office.lead(), tenant="two").all)
        lead = replace(fresh[2], parent=crm_records(records.drafts(
            office.lead(), tenant=TENANT).all)[0].external_id)  # fmt: skip
        found = await office.crm.upsert(lead, deadline_seconds=SECONDS)
        assert (found.created, found.record_id) == (False, theirs)
        assert len(await office.opportunities("name")) == 2

    async def test_a_lead_that_a_person_hung_elsewhere_brings_no_address_along(
        self, office: Office
    ) -> None:
        results = await office.write(office.lead())
        values = {"name": "Their colleague", "parent_id": results[0].record_id}
        theirs = await office.rpc.create("res.partner", values)
        moved = {"partner_id": theirs, "email_from": False, "phone": False, "contact_name": False}
        await office.rpc.write("crm.lead", results[-1].record_id, moved)
        again = await office.write(office.lead())
        assert again[-1].record_id == results[-1].record_id
        people = {p["name"]: p["email"] for p in await office.people("name", "email")}
        assert not people["Their colleague"]
        assert people["Jane Tan"] == f"jane.tan@{office.domain}"

    async def test_an_opportunity_that_was_won_or_put_away_is_left_alone(
        self, office: Office
    ) -> None:
        results = await office.write(office.lead(contacts=()))
        for more in ({"probability": 100.0}, {"active": False}):
            values = {
                "name": "Harbour: last year",
                "type": "opportunity",
                "partner_id": results[0].record_id,
                "website": f"https://www.{office.domain}",
            }
            await office.rpc.create("crm.lead", values | more)
        draft = records.drafts(office.lead(contacts=()), tenant="two").lead
        mine = crm_records(records.drafts(office.lead(), tenant=TENANT).all)[0].external_id
        lead = replace(crm_records([draft])[0], parent=mine)
        assert (await office.crm.upsert(lead, deadline_seconds=SECONDS)).created

    async def test_a_company_of_a_similar_website_is_another_company(self, office: Office) -> None:
        theirs = await office.rpc.create(
            "res.partner",
            {"name": "Not ours", "is_company": True, "website": f"https://not{office.domain}"},
        )
        results = await office.write(office.lead(uen=""))
        assert results[0].created
        assert results[0].record_id != theirs

    async def test_a_value_that_a_person_has_changed_stays(self, office: Office) -> None:
        results = await office.write(office.lead())
        await office.rpc.write(
            "res.partner", results[0].record_id, {"phone": "+65 6000 9999", "city": "Jurong"}
        )
        newer = office.lead(phones=("+65 6000 1234",), city="Singapore")
        changed = await office.write(newer)
        company = await office.company("phone", "city")
        assert (company["phone"], company["city"]) == ("+65 6000 9999", "Jurong")
        kept = {c.field: c for c in changed[0].changes}
        assert kept["city"].action == "keep"
        assert kept["city"].before == "Jurong"

    async def test_a_company_changed_beyond_recognition_is_still_the_same(
        self, office: Office
    ) -> None:
        """Nothing that it could be found by is left but the external id, and another process
        than the one that made it comes by."""
        results = await office.write(office.lead(contacts=()))
        theirs = {
            "name": "Renamed by hand",
            "website": f"https://moved-{office.tag}.example",
            "company_registry": "moved",
            "ref": "C-0042",
        }
        await office.rpc.write("res.partner", results[0].record_id, theirs)
        other = replace(office, crm=OdooCrm(office.crm.http, office.crm.protocol))
        again = await other.write(office.lead(contacts=()))
        assert [r.record_id for r in again] == [r.record_id for r in results]
        assert not any(r.created for r in again)
        (row,) = await office.rpc.search_read(
            "res.partner", [["id", "=", results[0].record_id]], list(theirs), limit=1,
            archived=True,
        )  # fmt: skip
        assert {name: row[name].rstrip("/") for name in theirs} == theirs

    async def test_a_company_that_a_person_entered_is_found_again_under_another_website(
        self, office: Office
    ) -> None:
        theirs = await office.rpc.create(
            "res.partner",
            {"name": "By hand", "is_company": True, "website": f"https://{office.domain}"},
        )
        await office.write(office.lead(uen="", contacts=()))
        await office.rpc.write("res.partner", theirs, {"website": "https://moved.example"})
        other = replace(office, crm=OdooCrm(office.crm.http, office.crm.protocol))
        again = await other.write(office.lead(uen="", contacts=()))
        assert again[0].record_id == theirs

    async def test_only_empty_fields_are_filled_and_each_is_named(self, office: Office) -> None:
        await office.write(office.lead(phones=(), city="", contacts=()))
        filled = await office.write(office.lead(contacts=()))
        actions = {c.field: c.action for c in filled[0].changes}
        assert actions["phone"] == actions["city"] == "fill"
        assert actions["name"] == actions["website"] == "keep"
        company = await office.company("phone", "city")
        assert company["city"] == "Singapore"
        assert company["phone"].replace(" ", "") == "+6560000000"

    async def test_the_persons_address_never_becomes_the_companys(self, office: Office) -> None:
        await office.write(office.lead())
        company = await office.company("email", "phone")
        assert company["email"] == f"hello@{office.domain}"

    async def test_the_lead_does_not_overwrite_the_address_that_the_crm_has_of_the_person(
        self, office: Office
    ) -> None:
        """Odoo copies a lead's address to its partner where they differ."""
        results = await office.write(office.lead(contacts=()))
        known = f"jt@{office.domain}"
        await office.rpc.create(
            "res.partner",
            {
                "name": "jane tan",
                "parent_id": results[0].record_id,
                "email": known,
                "phone": "+65 6000 9999",
            },
        )
        person = crm_records(records.drafts(office.lead(), tenant=TENANT).all)[1]
        found = await office.crm.upsert(person, deadline_seconds=SECONDS)
        assert not found.created
        fresh = crm_records(records.drafts(office.lead(), tenant="two").all)[2]
        lead = replace(fresh, parent=person.external_id)
        assert (await office.crm.upsert(lead, deadline_seconds=SECONDS)).created
        (row,) = await office.people("email", "phone")
        assert (row["email"], row["phone"]) == (known, "+65 6000 9999")

    async def test_a_preview_writes_nothing_and_says_what_would_be_done(
        self, office: Office
    ) -> None:
        made = crm_records(records.drafts(office.lead(), tenant=TENANT).all)
        changes = await office.crm.preview(made, deadline_seconds=SECONDS)
        assert {c.action for c in changes} == {"create"}
        assert {c.model for c in changes} == {"res.partner", "crm.lead"}
        assert await office.opportunities("name") == []
        await office.write(office.lead(city=""))
        after = await office.crm.preview(made, deadline_seconds=SECONDS)
        assert {c.field for c in after if c.action == "fill"} >= {"city"}
        assert not any(c.action == "create" for c in after)
        assert not (await office.company("city"))["city"]

    async def test_the_chatter_says_where_it_was_read_and_only_when_something_was_written(
        self, office: Office
    ) -> None:
        results = await office.write(office.lead())
        await office.write(office.lead())
        for model, result in zip(("res.partner", "res.partner", "crm.lead"), results, strict=True):
            notes = await office.rpc.search_read(
                "mail.message",
                [
                    ["model", "=", model],
                    ["res_id", "=", result.record_id],
                    ["body", "ilike", records.NOTE_MARK],
                ],
                ["body"],
                limit=10,
                archived=False,
            )
            assert len(notes) == 1
            assert "&lt;p&gt;" not in notes[0]["body"]
            assert "https://harbour.example/contact-us" in notes[0]["body"]

    async def test_a_colleague_comes_to_the_same_company(self, office: Office) -> None:
        await office.write(office.lead())
        second = a_contact("Ana Cruz", email=f"ana@{office.domain}", phone="")
        both = office.lead(contacts=(a_contact(email=f"jane.tan@{office.domain}"), second))
        results = await office.write(both)
        assert [r.created for r in results] == [False, False, True, False]
        assert sorted(p["name"] for p in await office.people("name")) == ["Ana Cruz", "Jane Tan"]

    async def test_a_person_is_found_by_address_whatever_the_name_looks_like(
        self, office: Office
    ) -> None:
        results = await office.write(office.lead(contacts=()))
        theirs = await office.rpc.create(
            "res.partner",
            {
                "name": "Tan, Jane (Ms)",
                "parent_id": results[0].record_id,
                "email": f"Jane.Tan@{office.domain}",
            },
        )
        again = await office.write(office.lead())
        assert again[1].record_id == theirs
        (person,) = await office.people("name", "function")
        assert person["name"] == "Tan, Jane (Ms)"
        assert person["function"] == "Managing Director"

    async def test_a_name_with_markup_wildcards_and_controls_is_written_as_text(
        self, office: Office
    ) -> None:
        hostile = office.lead(
            legal_name="Ha%rb_our\x00 <script>alert(1)</script>",
            contacts=(a_contact("O%_Neill <b>", email=f"o_n@{office.domain}"),),
            uen="",
        )
        await office.write(hostile)
        again = await office.write(hostile)
        assert not any(r.created for r in again)
        (lead,) = await office.opportunities("description")
        assert "<script" not in lead["description"]

    @pytest.mark.parametrize("kind", ["name", "email", "phone"])
    async def test_an_erased_person_is_gone_from_our_records_and_others_are_counted(
        self, office: Office, kind: str
    ) -> None:
        name, phone = f"Jane {office.tag} Tan", f"+6560{int(office.tag[:4], 16):06d}"
        spoken = f"{phone[:3]} {phone[3:7]} {phone[7:]}"
        email = f"jane.tan@{office.domain}"
        person = a_contact(name, email=email, phone=spoken)
        results = await office.write(office.lead(contacts=(person,)))
        values = {"name": name, "email": email, "phone": spoken}
        theirs = await office.rpc.create("res.partner", values)
        known = {"name": name.lower(), "email": email, "phone": phone}
        done = await office.crm.erase(kind, known[kind], deadline_seconds=SECONDS)
        assert (done.records, done.left) == (2, 1)
        (row,) = await office.people("name", "email", "phone", "function")
        assert (row["name"], row["email"], row["phone"], row["function"]) == (
            "Erased", False, False, False,
        )  # fmt: skip
        (lead,) = await office.opportunities("contact_name", "email_from", "phone")
        assert {lead[field] for field in ("contact_name", "email_from", "phone")} == {False}
        assert (await office.company("email"))["email"] == f"hello@{office.domain}"
        (left,) = await office.rpc.search_read(
            "res.partner", [["id", "=", theirs]], ["email"], limit=1, archived=True
        )
        assert left["email"] == email
        await office.rpc.write("res.partner", theirs, {"active": False})
        again = await office.crm.erase(kind, known[kind], deadline_seconds=SECONDS)
        assert again.records == 0
        assert results[0].record_id == (await office.company("name"))["id"]

    async def test_two_tenants_write_two_records(self, office: Office) -> None:
        """Defect 15: what one tenant's run found is not filled into another's record."""
        first = await office.write(office.lead(), tenant="one")
        second = await office.write(office.lead(), tenant="two")
        assert not {r.record_id for r in first} & {r.record_id for r in second}


@contextlib.asynccontextmanager
async def opened(crm: OdooCrm) -> AsyncIterator[Office]:
    """The office of an open CRM; skips where the server has no CRM."""
    rpc = await crm._connected()
    if "type" not in await rpc.fields_get("crm.lead"):
        pytest.skip("this Odoo has no CRM app")
    yield Office(crm, rpc)
