"""The plain words of a summary: what prose may say beside the facts of the graph."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# May stand in a line that holds a contact fact, and may be written with a capital anywhere.
# No word that is also a name of people (Will, May, Mark, Day, Page, Street).
PLAIN = _words(
    """a about above actual additional address addresses after afternoon again all along already
    also an and any anyone are area as ask at available based be been before below best between both
    business but by call called calls can capital cell check citation city companies company
    confirm confirmed contact contacts contested country crm currently date decider deciders
    decides decision desk detail details did different direct directly do does domain done e-mail
    e-mails each either else email emails employees entity evidence export fact facts fax few find
    first following for form former found founded from full further gaps general given has have he
    headquartered headquarters her here him his hours how identified identity in include includes
    incorporated individual industry information is it its job kind known last later lead legal
    legally less line lines link linked linkedin links list listed located location mail mailbox
    main maker makers makes many matches missing mobile more most name named names near needed new
    next no none nor not note nothing now number numbers of off office offices official on once
    one only open operates or other others otherwise our out over overview own parent people per
    person personal phone phones postal postcode present profile profiles proof prove proved
    proven provider public published question reach reachable reached reaches reads ready
    reception record records register registered registration registry remains sales says see
    settle settled she should shown shows side sides since site sites so social source sources
    stale stand standing stands state stated states status still summary switchboard technology
    tel telephone than that the their them then there these they this those through title titles
    to toll-free trade trades trading under unknown unsettled until up uses using verified via was
    we web website websites well were what when where whether which while who whom whose with
    without work works write written year years yet you your zip"""
)
# Said of a person, they must be the person's own proven title.
ROLES = _words(
    """owner owners co-owner owns owned founder founders co-founder cofounder ceo cto cfo coo cmo
    cio chief president director directors principal partner partners manager managers managing
    manages proprietor chair chairman chairwoman chairperson officer officers executive secretary
    treasurer supervisor boss vp head heads leads runs led managed inhaber geschäftsführer gérant
    titolare gerente"""
)
# Claims that no statement of a graph makes, in small letters or in words instead of digits.
GRAVE = _words(
    """bankrupt bankruptcy insolvent insolvency liquidation liquidated dissolved defunct closed
    closing acquired merged sold fraud fraudulent scam sued lawsuit lawsuits litigation convicted
    arrested deceased died dead retired resigned fired sanctioned revenue revenues turnover profit
    profits losses valuation million millions billion billions thousand thousands hundred
    hundreds dozen dozens two three four five six seven eight nine ten eleven twelve thirteen
    fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy
    eighty ninety"""
)
NEGATIVE = _words("missing no none not nothing unknown still find")
