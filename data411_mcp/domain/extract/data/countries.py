"""Names of countries as pages write them, by ISO 3166-1 alpha-2 code.

One line a country: code, then names separated by `|`: English first, then endonyms and common
forms in other languages. Names that are also common words are left out.
"""

from __future__ import annotations

NAMES = """
US United States|United States of America|USA|U.S.A.|Estados Unidos|États-Unis|Vereinigte Staaten
CA Canada
GB United Kingdom|UK|U.K.|Great Britain|England|Scotland|Wales|Northern Ireland|Großbritannien
IE Ireland|Republic of Ireland|Irland|Irlande|Irlanda
AU Australia|Australien|Australie
NZ New Zealand|Neuseeland
DE Germany|Deutschland|Allemagne|Alemania|Germania|Duitsland|Tyskland|Alemanha
AT Austria|Österreich|Autriche|Oostenrijk
CH Switzerland|Schweiz|Suisse|Svizzera|Suiza|Zwitserland
LI Liechtenstein
LU Luxembourg|Luxemburg
FR France|Frankreich|Francia|Frankrijk|França
MC Monaco
BE Belgium|België|Belgique|Belgien|Bélgica
NL Netherlands|The Netherlands|Nederland|Niederlande|Pays-Bas|Holland|Países Bajos
IT Italy|Italia|Italien|Italie
ES Spain|España|Spanien|Espagne|Spagna|Spanje|Espanha
PT Portugal
AD Andorra
MT Malta
SE Sweden|Sverige|Schweden|Suède|Suecia
NO Norway|Norge|Norwegen|Norvège
DK Denmark|Danmark|Dänemark|Danemark
FI Finland|Suomi|Finnland
IS Iceland|Ísland
EE Estonia|Eesti
LV Latvia|Latvija
LT Lithuania|Lietuva
PL Poland|Polska|Polen|Pologne|Polonia
CZ Czech Republic|Czechia|Česká republika|Česko|Tschechien
SK Slovakia|Slovak Republic|Slovensko|Slovenská republika|Slowakei
HU Hungary|Magyarország|Ungarn|Hongrie
SI Slovenia|Slovenija|Slowenien
HR Croatia|Hrvatska|Kroatien
BA Bosnia and Herzegovina|Bosna i Hercegovina
RS Serbia|Srbija|Србија
ME Montenegro|Crna Gora
MK North Macedonia|Macedonia
AL Albania|Shqipëri
XK Kosovo
RO Romania|România|Rumänien|Roumanie
BG Bulgaria|България|Bulgarien
GR Greece|Ελλάδα|Hellas|Griechenland|Grèce
CY Cyprus|Κύπρος|Zypern
TR Turkey|Türkiye|Türkei|Turquie
UA Ukraine|Україна|Украина
BY Belarus|Беларусь|Республика Беларусь|Weißrussland
RU Russia|Russian Federation|Россия|Российская Федерация|Russland
MD Moldova
GE Republic of Georgia
AM Armenia
AZ Azerbaijan
KZ Kazakhstan|Казахстан
UZ Uzbekistan
KG Kyrgyzstan
TJ Tajikistan
TM Turkmenistan
MN Mongolia
IL Israel|ישראל
PS Palestine
JO Jordan
LB Lebanon|Liban
SY Syria
IQ Iraq
IR Iran
SA Saudi Arabia|KSA|السعودية
AE United Arab Emirates|UAE|U.A.E.|الإمارات
QA Qatar
KW Kuwait
BH Bahrain
OM Oman
YE Yemen
EG Egypt|مصر
MA Morocco|Maroc
DZ Algeria|Algérie
TN Tunisia|Tunisie
LY Libya
SD Sudan
ET Ethiopia
KE Kenya
UG Uganda
TZ Tanzania
RW Rwanda
GH Ghana
NG Nigeria
CI Côte d'Ivoire|Ivory Coast
SN Senegal|Sénégal
CM Cameroon|Cameroun
CD Democratic Republic of the Congo
AO Angola
MZ Mozambique|Moçambique
ZM Zambia
ZW Zimbabwe
BW Botswana
NA Namibia
ZA South Africa|Südafrika
MU Mauritius
MG Madagascar
MW Malawi
SC Seychelles
IN India|भारत|Indien
PK Pakistan
BD Bangladesh
LK Sri Lanka
NP Nepal
BT Bhutan
MV Maldives
AF Afghanistan
MM Myanmar
TH Thailand|ประเทศไทย
VN Vietnam|Viet Nam|Việt Nam
KH Cambodia
LA Laos
MY Malaysia
SG Singapore|Singapur|Singapour
ID Indonesia
PH Philippines
BN Brunei
CN China|PRC|P.R. China|PR China|P.R.China|People's Republic of China|中国|中國
HK Hong Kong|香港|Hongkong
MO Macau|Macao
TW Taiwan|台灣|台湾|R.O.C.
JP Japan|日本
KR South Korea|Korea|Republic of Korea|대한민국|한국
KP North Korea
FJ Fiji
PG Papua New Guinea
MX Mexico|México|Mexiko
GT Guatemala
BZ Belize
SV El Salvador
HN Honduras
NI Nicaragua
CR Costa Rica
PA Panama|Panamá
CU Cuba
DO Dominican Republic|República Dominicana
HT Haiti
JM Jamaica
BS Bahamas
BB Barbados
TT Trinidad and Tobago|Trinidad & Tobago
PR Puerto Rico
BM Bermuda
KY Cayman Islands
VG British Virgin Islands
CO Colombia
VE Venezuela
EC Ecuador
PE Peru|Perú
BO Bolivia
CL Chile
AR Argentina
UY Uruguay
PY Paraguay
BR Brazil|Brasil|Brasilien|Brésil
GY Guyana
SR Suriname
GI Gibraltar
IM Isle of Man
JE Jersey, Channel Islands
GG Guernsey
"""

# Region names (ISO 3166-2) with their postal abbreviations: only where addresses carry them.
US_STATES = """
AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|
DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|
KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|
MN Minnesota|MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|
NJ New Jersey|NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|
OR Oregon|PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|
TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming|
PR Puerto Rico
"""
CA_PROVINCES = """
AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|
NL Newfoundland|NS Nova Scotia|NT Northwest Territories|NU Nunavut|ON Ontario|
PE Prince Edward Island|QC Quebec|QC Québec|PQ Quebec|SK Saskatchewan|YT Yukon
"""
AU_STATES = """
NSW New South Wales|VIC Victoria|QLD Queensland|WA Western Australia|SA South Australia|
TAS Tasmania|ACT Australian Capital Territory|NT Northern Territory
"""
GB_COUNTIES = """
Avon|Bedfordshire|Beds|Berkshire|Berks|Buckinghamshire|Bucks|Cambridgeshire|Cambs|Cheshire|
Cleveland|Cornwall|County Durham|Co Durham|Cumbria|Derbyshire|Devon|Dorset|East Sussex|
East Yorkshire|East Riding of Yorkshire|Essex|Gloucestershire|Glos|Greater London|
Greater Manchester|Hampshire|Hants|Herefordshire|Hertfordshire|Herts|Kent|Lancashire|Lancs|
Leicestershire|Leics|Lincolnshire|Lincs|Merseyside|Middlesex|Middx|Norfolk|North Yorkshire|
Northamptonshire|Northants|Northumberland|Nottinghamshire|Notts|Oxfordshire|Oxon|Rutland|
Shropshire|Somerset|South Yorkshire|Staffordshire|Staffs|Suffolk|Surrey|Sussex|Tyne and Wear|
Tyne & Wear|Warwickshire|Warks|West Midlands|West Sussex|West Yorkshire|Wiltshire|Wilts|
Worcestershire|Worcs|Yorkshire|Clwyd|Dyfed|Gwent|Gwynedd|Powys|Mid Glamorgan|South Glamorgan|
West Glamorgan|Vale of Glamorgan|Aberdeenshire|Angus|Argyll|Ayrshire|Clackmannanshire|Fife|
Lanarkshire|North Lanarkshire|South Lanarkshire|Midlothian|West Lothian|East Lothian|Moray|
Perthshire|Renfrewshire|Stirlingshire|Strathclyde|County Antrim|Co Antrim|County Armagh|
Co Armagh|County Down|Co Down|County Fermanagh|County Londonderry|County Tyrone|Isle of Wight|
Anglesey|Pembrokeshire|Carmarthenshire|Monmouthshire|Flintshire|Denbighshire
"""
# Post town of a UK postcode area, where one area belongs to one town.
GB_AREAS = """
AB Aberdeen|AL St Albans|B Birmingham|BA Bath|BB Blackburn|BD Bradford|BH Bournemouth|BL Bolton|
BN Brighton|BR Bromley|BS Bristol|BT Belfast|CA Carlisle|CB Cambridge|CF Cardiff|CH Chester|
CM Chelmsford|CO Colchester|CR Croydon|CT Canterbury|CV Coventry|CW Crewe|DA Dartford|DD Dundee|
DE Derby|DG Dumfries|DH Durham|DL Darlington|DN Doncaster|DT Dorchester|DY Dudley|E London|
EC London|EH Edinburgh|EN Enfield|EX Exeter|FK Falkirk|FY Blackpool|G Glasgow|GL Gloucester|
GU Guildford|HA Harrow|HD Huddersfield|HG Harrogate|HP Hemel Hempstead|HR Hereford|HU Hull|
HX Halifax|IG Ilford|IP Ipswich|IV Inverness|KA Kilmarnock|KT Kingston upon Thames|
KY Kirkcaldy|L Liverpool|LA Lancaster|LD Llandrindod Wells|LE Leicester|LL Llandudno|
LN Lincoln|LS Leeds|LU Luton|M Manchester|ME Rochester|MK Milton Keynes|ML Motherwell|N London|
NE Newcastle upon Tyne|NG Nottingham|NN Northampton|NP Newport|NR Norwich|NW London|OL Oldham|
OX Oxford|PA Paisley|PE Peterborough|PH Perth|PL Plymouth|PO Portsmouth|PR Preston|RG Reading|
RH Redhill|RM Romford|S Sheffield|SA Swansea|SE London|SG Stevenage|SK Stockport|SL Slough|
SM Sutton|SN Swindon|SO Southampton|SP Salisbury|SR Sunderland|SS Southend-on-Sea|
ST Stoke-on-Trent|SW London|SY Shrewsbury|TA Taunton|TD Galashiels|TF Telford|TN Tonbridge|
TQ Torquay|TR Truro|TS Middlesbrough|TW Twickenham|UB Southall|W London|WA Warrington|
WC London|WD Watford|WF Wakefield|WN Wigan|WR Worcester|WS Walsall|WV Wolverhampton|YO York
"""
