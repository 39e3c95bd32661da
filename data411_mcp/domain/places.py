"""States and provinces under both their names, for comparing places."""

from __future__ import annotations

_US = """AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|
DE Delaware|DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|
IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|
MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|
NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|NC North Carolina|ND North Dakota|
OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|PR Puerto Rico|RI Rhode Island|SC South Carolina|
SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|
WV West Virginia|WI Wisconsin|WY Wyoming"""
_CA = """AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|
NS Nova Scotia|NT Northwest Territories|NU Nunavut|ON Ontario|PE Prince Edward Island|QC Quebec|
SK Saskatchewan|YT Yukon"""
_AU = """NSW New South Wales|VIC Victoria|QLD Queensland|SA South Australia|
TAS Tasmania|ACT Australian Capital Territory"""

# Western Australia and the Northern Territory share their short names with others: left out.
_NAMES: dict[str, str] = {}
for _table in (_US, _CA, _AU):
    for _row in _table.replace("\n", "").split("|"):
        _short, _, _long = _row.partition(" ")
        _NAMES[_short.casefold()] = _long.casefold()


def state_name(state: str) -> str:
    """`IL` → `illinois`; any other spelling folded."""
    folded = " ".join(state.replace(".", "").casefold().split())
    return _NAMES.get(folded, folded)


def state_spellings(state: str) -> tuple[str, ...]:
    """The short and the long name of a state, folded."""
    name = state_name(state)
    return (name, *(short for short, long in _NAMES.items() if long == name))


def same_state(a: str | None, b: str | None) -> bool:
    """Equal, or one of them is not known."""
    if not a or not b:
        return True
    return state_name(a) == state_name(b)
