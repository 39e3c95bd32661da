"""Well-known cities by country: the most populous, capitals and business places.

One record a country: code, then names separated by `|`; a line that starts with `|` goes on with
the one above. Where two countries share a name, the
larger city has it. Used to name the city of an address and as weak evidence for the country.
"""

from __future__ import annotations

CITIES = """
US New York|New York City|Los Angeles|Chicago|Houston|Phoenix|Philadelphia|San Antonio|San Diego
|Dallas|San Jose|Austin|Jacksonville|Fort Worth|Columbus|Charlotte|San Francisco|Indianapolis
|Seattle|Denver|Washington|Boston|El Paso|Nashville|Detroit|Oklahoma City|Portland|Las Vegas
|Memphis|Louisville|Baltimore|Milwaukee|Albuquerque|Tucson|Fresno|Sacramento|Kansas City|Mesa
|Atlanta|Omaha|Colorado Springs|Raleigh|Long Beach|Virginia Beach|Miami|Oakland|Minneapolis|Tulsa
|Tampa|Arlington|New Orleans|Wichita|Bakersfield|Cleveland|Aurora|Anaheim|Honolulu|Santa Ana
|Riverside|Corpus Christi|Lexington|Henderson|Stockton|Saint Paul|St. Paul|Cincinnati|St. Louis
|Saint Louis|Pittsburgh|Greensboro|Anchorage|Plano|Orlando|Irvine|Newark|Durham|Chula Vista|Toledo
|Fort Wayne|St. Petersburg|Laredo|Jersey City|Chandler|Madison|Lubbock|Scottsdale|Reno|Buffalo
|Gilbert|Glendale|Winston-Salem|Chesapeake|Norfolk|Fremont|Garland|Irving|Hialeah|Richmond|Boise
|Spokane|Baton Rouge|Tacoma|San Bernardino|Modesto|Fontana|Des Moines|Moreno Valley|Santa Clarita
|Fayetteville|Rochester|Oxnard|Port St. Lucie|Grand Rapids|Huntsville|Salt Lake City|Frisco
|Yonkers|Amarillo|Huntington Beach|McKinney|Montgomery|Augusta|Akron|Little Rock|Tempe
|Overland Park|Grand Prairie|Tallahassee|Cape Coral|Knoxville|Shreveport|Worcester|Ontario
|Vancouver|Sioux Falls|Chattanooga|Brownsville|Fort Lauderdale|Providence|Newport News
|Rancho Cucamonga|Santa Rosa|Peoria|Oceanside|Elk Grove|Salem|Pembroke Pines|Eugene|Garden Grove
|Cary|Fort Collins|Corona|Springfield|Jackson|Alexandria|Hayward|Clarksville|Lancaster|Lakewood
|Palmdale|Salinas|Hollywood|Pasadena|Sunnyvale|Macon|Killeen|Dayton|Naperville|Joliet|Bellevue
|Rockford|Savannah|Paterson|Bridgeport|Torrance|McAllen|Syracuse|Mesquite|Fullerton|Roseville
|Murfreesboro|Thornton|Surprise|Pasadena|Olathe|Carrollton|Miramar|Charleston|Warren
|Sterling Heights|Hampton|Gainesville|Coral Springs|Santa Clara|Cedar Rapids|New Haven|Stamford
|Hartford|Waco|Topeka|Concord|Columbia|Visalia|Simi Valley|Athens|Lafayette|Evansville|Ann Arbor
|Berkeley|Santa Monica|Beverly Hills|Palo Alto|Mountain View|Cambridge|Boulder|Cupertino|Redmond
|Redwood City|San Mateo|Santa Barbara|Santa Cruz|Burbank|Costa Mesa|Newport Beach|Carlsbad
|Boca Raton|West Palm Beach|Naples|Sarasota|Clearwater|Fort Myers|Pensacola|Daytona Beach
|Charlottesville|Annapolis|Bethesda|Rockville|Silver Spring|Reston|McLean|Wilmington|Princeton
|Hoboken|White Plains|Brooklyn|Queens|Bronx|Staten Island|Manhattan|Albany|Ithaca|Burlington
|Manchester|Nashua|Portsmouth|Bangor|Lowell|Quincy|Newton|Waltham|Harrisburg|Allentown|Erie
|Scranton|Asheville|Greenville|Myrtle Beach|Birmingham|Tuscaloosa|Jackson|Biloxi|Bloomington
|South Bend|Evanston|Schaumburg|Green Bay|Duluth|Fargo|Bismarck|Lincoln|Billings|Missoula|Bozeman
|Cheyenne|Provo|Ogden|Park City|Santa Fe|Flagstaff|Bend|Olympia|Everett|Kirkland|Juneau|Fairbanks
|Petaluma|Napa|Monterey|Carmel|San Rafael|Walnut Creek|Pleasanton|San Luis Obispo|Ventura
|Thousand Oaks|Malibu|Culver City|El Segundo|Encino|Sherman Oaks|Woodland Hills|Temecula
|Palm Springs|La Jolla
CA Toronto|Montreal|Montréal|Vancouver|Calgary|Edmonton|Ottawa|Winnipeg|Quebec City|Québec
|Hamilton|Kitchener|Halifax|Victoria|Saskatoon|Regina|Mississauga|Brampton|Markham|Vaughan
|Richmond Hill|Oakville|Burlington|Oshawa|Barrie|Guelph|Kelowna|Surrey|Burnaby|Richmond
|North Vancouver|West Vancouver|Coquitlam|Langley|Abbotsford|Nanaimo|Kamloops|Laval|Longueuil
|Gatineau|Sherbrooke|Trois-Rivières|Moncton|Fredericton|Saint John|St. John's|Charlottetown
|Etobicoke|Scarborough|North York|Thunder Bay|Sudbury|Waterloo|Niagara Falls|St. Catharines
|Red Deer|Lethbridge|Medicine Hat|Whistler|Yellowknife|Whitehorse|Peterborough|Ajax|Pickering
|Newmarket|Concord|Delta
GB London|Birmingham|Manchester|Glasgow|Liverpool|Leeds|Sheffield|Edinburgh|Bristol|Cardiff
|Leicester|Coventry|Bradford|Belfast|Nottingham|Newcastle|Newcastle upon Tyne|Hull
|Kingston upon Hull|Plymouth|Stoke-on-Trent|Wolverhampton|Derby|Southampton|Portsmouth|Brighton
|Brighton and Hove|Hove|Reading|Northampton|Luton|Aberdeen|Dundee|Swansea|Milton Keynes|Norwich
|Oxford|Cambridge|York|Bournemouth|Poole|Swindon|Peterborough|Ipswich|Middlesbrough|Blackpool
|Bolton|Stockport|Sunderland|Huddersfield|Exeter|Gloucester|Cheltenham|Bath|Chester|Warrington
|Preston|Blackburn|Burnley|Oldham|Rochdale|Bury|Wigan|Salford|Wakefield|Halifax|Doncaster
|Rotherham|Barnsley|Lincoln|Grimsby|Scunthorpe|Telford|Shrewsbury|Worcester|Hereford|Walsall
|Dudley|Solihull|Redditch|Leamington Spa|Royal Leamington Spa|Warwick|Rugby|Stratford-upon-Avon
|Colchester|Chelmsford|Southend-on-Sea|Basildon|Harlow|Brentwood|Romford|Ilford|Enfield|Harrow
|Croydon|Bromley|Kingston upon Thames|Richmond|Twickenham|Uxbridge|Slough|Maidenhead|Windsor
|Bracknell|Basingstoke|Guildford|Woking|Farnborough|Aldershot|Camberley|Crawley|Redhill|Reigate
|Horsham|Worthing|Eastbourne|Hastings|Tunbridge Wells|Royal Tunbridge Wells|Tonbridge|Sevenoaks
|Maidstone|Canterbury|Ashford|Dover|Dartford|Gravesend|Watford|St Albans|Hemel Hempstead|Stevenage
|Hatfield|Welwyn Garden City|Hertford|Bedford|Aylesbury|High Wycombe|Banbury|Taunton|Yeovil
|Torquay|Truro|Salisbury|Winchester|Andover|Newbury|Harrogate|Scarborough|Darlington|Durham
|Gateshead|Carlisle|Lancaster|Kendal|Inverness|Perth|Stirling|Falkirk|Paisley|Livingston
|Kilmarnock|Ayr|Newport|Wrexham|Bangor|Derry|Londonderry|Lisburn|Newry|Kettering|Corby
|Loughborough|Mansfield|Chesterfield|Macclesfield|Crewe|Altrincham|Kidderminster|Stafford|Tamworth
|Burton upon Trent|Bury St Edmunds|King's Lynn|Great Yarmouth|Lowestoft|Epsom|Esher|Weybridge
|Leatherhead|Dorking
IE Dublin|Cork|Galway|Limerick|Waterford|Kilkenny|Sligo|Drogheda|Dundalk|Swords|Bray|Navan|Ennis
|Tralee|Killarney|Athlone|Letterkenny|Wexford|Naas|Mullingar|Carlow|Tullamore|Castlebar|Clonmel
AU Sydney|Melbourne|Brisbane|Adelaide|Canberra|Hobart|Darwin|Gold Coast|Newcastle|Wollongong
|Geelong|Townsville|Cairns|Toowoomba|Ballarat|Bendigo|Launceston|Mackay|Rockhampton|Fremantle
|Parramatta|North Sydney|Sunshine Coast|Albury|Wagga Wagga|Bunbury|Mascot|St Kilda
NZ Auckland|Wellington|Christchurch|Hamilton|Dunedin|Tauranga|Palmerston North|Napier|Nelson
|Rotorua|Queenstown|Whangarei|Invercargill|New Plymouth|Lower Hutt
DE Berlin|Hamburg|München|Munich|Köln|Cologne|Frankfurt|Frankfurt am Main|Stuttgart|Düsseldorf
|Dortmund|Essen|Leipzig|Bremen|Dresden|Hannover|Hanover|Nürnberg|Nuremberg|Duisburg|Bochum
|Wuppertal|Bielefeld|Bonn|Münster|Karlsruhe|Mannheim|Augsburg|Wiesbaden|Mönchengladbach
|Gelsenkirchen|Aachen|Braunschweig|Chemnitz|Kiel|Halle|Magdeburg|Freiburg|Krefeld|Mainz|Lübeck
|Erfurt|Oberhausen|Rostock|Kassel|Hagen|Potsdam|Saarbrücken|Hamm|Ludwigshafen|Oldenburg|Osnabrück
|Leverkusen|Heidelberg|Darmstadt|Solingen|Regensburg|Paderborn|Ingolstadt|Würzburg|Ulm|Heilbronn
|Wolfsburg|Göttingen|Pforzheim|Offenbach|Koblenz|Jena|Trier|Erlangen|Bamberg|Bayreuth|Konstanz
|Passau|Landshut|Rosenheim|Siegen|Gießen|Marburg|Fulda|Flensburg|Schwerin|Cottbus|Gera|Weimar
|Reutlingen|Tübingen|Ludwigsburg|Esslingen|Neuss|Ratingen
AT Wien|Vienna|Graz|Linz|Salzburg|Innsbruck|Klagenfurt|Villach|Wels|St. Pölten|Dornbirn|Steyr
|Bregenz|Feldkirch|Wiener Neustadt|Leoben|Krems|Eisenstadt|Kufstein
CH Zürich|Zurich|Genève|Geneva|Genf|Basel|Bern|Lausanne|Winterthur|Luzern|Lucerne|St. Gallen
|Lugano|Biel|Bienne|Thun|Fribourg|Schaffhausen|Chur|Neuchâtel|Sion|Zug|Aarau|Solothurn|Baden|Olten
|Rapperswil|Davos|Bellinzona|Locarno|Montreux|Vevey
LU Luxembourg|Esch-sur-Alzette|Differdange
FR Paris|Marseille|Lyon|Toulouse|Nice|Nantes|Strasbourg|Montpellier|Bordeaux|Lille|Rennes|Reims
|Le Havre|Saint-Étienne|Toulon|Grenoble|Dijon|Angers|Nîmes|Villeurbanne|Le Mans|Aix-en-Provence
|Clermont-Ferrand|Brest|Tours|Limoges|Amiens|Perpignan|Metz|Besançon|Orléans|Mulhouse|Rouen|Caen
|Nancy|Saint-Denis|Boulogne-Billancourt|Argenteuil|Montreuil|Roubaix|Tourcoing|Avignon|Poitiers
|Versailles|Nanterre|Courbevoie|Levallois-Perret|Neuilly-sur-Seine|Issy-les-Moulineaux|Antibes
|Cannes|La Rochelle|Pau|Bayonne|Biarritz|Annecy|Chambéry|Colmar|Lorient|Quimper|Vannes|Troyes
|Valence|Sophia Antipolis|Puteaux
BE Bruxelles|Brussel|Brussels|Antwerpen|Antwerp|Gent|Ghent|Charleroi|Liège|Luik|Brugge|Bruges
|Namur|Leuven|Mons|Mechelen|Aalst|Kortrijk|Hasselt|Oostende|Genk|Roeselare|Turnhout|Waterloo
|Zaventem
NL Amsterdam|Rotterdam|Den Haag|The Hague|'s-Gravenhage|Utrecht|Eindhoven|Tilburg|Groningen|Almere
|Breda|Nijmegen|Enschede|Haarlem|Arnhem|Zaandam|Amersfoort|Apeldoorn|'s-Hertogenbosch|Den Bosch
|Hoofddorp|Maastricht|Leiden|Dordrecht|Zoetermeer|Zwolle|Deventer|Delft|Alkmaar|Heerlen|Venlo
|Leeuwarden|Hilversum|Amstelveen|Roosendaal|Schiphol|Gouda|Helmond|Hengelo|Assen|Emmen|Middelburg
|Lelystad|Veenendaal|Nieuwegein|Rijswijk|Ede|Zeist
IT Roma|Rome|Milano|Milan|Napoli|Naples|Torino|Turin|Palermo|Genova|Genoa|Bologna|Firenze|Florence
|Bari|Catania|Venezia|Venice|Verona|Messina|Padova|Padua|Trieste|Brescia|Parma|Prato|Modena
|Reggio Emilia|Reggio Calabria|Perugia|Ravenna|Livorno|Cagliari|Foggia|Rimini|Salerno|Ferrara
|Sassari|Monza|Bergamo|Trento|Vicenza|Bolzano|Novara|Piacenza|Ancona|Udine|Treviso|Varese|Como
|Lecce|Pescara|Pisa|Lucca|Siena|Arezzo|Cremona|Mantova|Pavia|Lecco|La Spezia|Savona|Asti|Cuneo
|Alessandria
ES Madrid|Barcelona|Valencia|Sevilla|Seville|Zaragoza|Málaga|Malaga|Murcia|Palma|Palma de Mallorca
|Las Palmas|Bilbao|Alicante|Córdoba|Valladolid|Vigo|Gijón|Granada|La Coruña|A Coruña|Vitoria
|Vitoria-Gasteiz|Elche|Oviedo|Badalona|Cartagena|Terrassa|Sabadell|Jerez de la Frontera|Pamplona
|Almería|San Sebastián|Donostia|Burgos|Santander|Castellón|Albacete|Logroño|Badajoz|Salamanca
|Huelva|Lleida|Tarragona|León|Cádiz|Jaén|Ourense|Girona|Lugo|Cáceres|Marbella|Toledo|Guadalajara
|Segovia|Ávila|Palencia|Zamora|Soria|Huesca|Teruel|Cuenca|Pontevedra|Santiago de Compostela
|Alcalá de Henares|Getafe|Alcobendas|Pozuelo de Alarcón|Las Rozas|Mataró|Reus|Ibiza|Boecillo
PT Lisboa|Lisbon|Porto|Oporto|Braga|Coimbra|Funchal|Setúbal|Aveiro|Faro|Évora|Leiria|Guimarães
|Viseu|Vila Nova de Gaia|Matosinhos|Maia|Cascais|Oeiras|Sintra|Almada|Amadora|Trofa|Famalicão
|Vila Nova de Famalicão|Barcelos|Viana do Castelo|Santarém|Portimão
SE Stockholm|Göteborg|Gothenburg|Malmö|Uppsala|Västerås|Örebro|Linköping|Helsingborg|Jönköping
|Norrköping|Lund|Umeå|Gävle|Borås|Södertälje|Eskilstuna|Karlstad|Halmstad|Växjö|Sundsvall|Solna
|Kista|Luleå|Trollhättan|Östersund|Kalmar|Kristianstad|Skövde
NO Oslo|Bergen|Trondheim|Stavanger|Drammen|Fredrikstad|Kristiansand|Sandnes|Tromsø|Sarpsborg|Skien
|Ålesund|Sandefjord|Haugesund|Tønsberg|Moss|Bodø|Lillehammer|Hamar|Lysaker|Fornebu
DK København|Copenhagen|Kopenhagen|Aarhus|Århus|Odense|Aalborg|Ålborg|Esbjerg|Randers|Kolding
|Horsens|Vejle|Roskilde|Herning|Helsingør|Silkeborg|Næstved|Fredericia|Viborg|Frederiksberg
|Hellerup|Lyngby|Ballerup|Hvidovre|Glostrup|Svendborg
FI Helsinki|Helsingfors|Espoo|Tampere|Vantaa|Oulu|Turku|Jyväskylä|Lahti|Kuopio|Pori|Joensuu
|Lappeenranta|Vaasa|Rovaniemi|Hämeenlinna|Seinäjoki|Kotka
IS Reykjavík|Reykjavik|Kópavogur|Akureyri
EE Tallinn|Tartu|Pärnu
LV Riga|Rīga|Daugavpils|Jūrmala
LT Vilnius|Kaunas|Klaipėda|Šiauliai
PL Warszawa|Warsaw|Kraków|Krakow|Łódź|Lodz|Wrocław|Wroclaw|Poznań|Poznan|Gdańsk|Gdansk|Szczecin
|Bydgoszcz|Lublin|Białystok|Katowice|Gdynia|Częstochowa|Radom|Sosnowiec|Toruń|Kielce|Rzeszów
|Gliwice|Zabrze|Olsztyn|Bielsko-Biała|Bytom|Zielona Góra|Rybnik|Opole|Tychy|Sopot|Płock|Elbląg
|Tarnów|Kalisz|Koszalin|Legnica
CZ Praha|Prague|Brno|Ostrava|Plzeň|Pilsen|Liberec|Olomouc|České Budějovice|Hradec Králové
|Pardubice|Ústí nad Labem|Zlín|Jihlava|Karlovy Vary|Opava|Teplice
SK Bratislava|Košice|Kosice|Prešov|Žilina|Nitra|Banská Bystrica|Trnava|Martin|Trenčín|Poprad
|Piešťany|Zvolen
HU Budapest|Debrecen|Szeged|Miskolc|Pécs|Győr|Nyíregyháza|Kecskemét|Székesfehérvár|Szombathely
|Sopron|Eger
SI Ljubljana|Maribor|Celje|Kranj|Koper|Novo Mesto
HR Zagreb|Split|Rijeka|Osijek|Zadar|Pula|Dubrovnik|Varaždin
BA Sarajevo|Banja Luka|Mostar|Tuzla
RS Beograd|Belgrade|Београд|Novi Sad|Niš|Kragujevac|Subotica
MK Skopje
AL Tirana|Tiranë
RO București|Bucuresti|Bucharest|Cluj-Napoca|Timișoara|Timisoara|Iași|Iasi|Constanța|Craiova
|Brașov|Brasov|Galați|Ploiești|Oradea|Sibiu|Arad|Pitești
BG Sofia|София|Plovdiv|Пловдив|Varna|Варна|Burgas|Бургас|Ruse
GR Athens|Athina|Αθήνα|Thessaloniki|Θεσσαλονίκη|Patras|Πάτρα|Piraeus|Πειραιάς|Heraklion|Ηράκλειο
|Larissa|Volos|Rhodes|Marousi
CY Nicosia|Limassol|Larnaca|Paphos
TR Istanbul|İstanbul|Ankara|İzmir|Izmir|Bursa|Antalya|Adana|Konya|Gaziantep|Kayseri|Mersin|Kocaeli
UA Kyiv|Kiev|Київ|Киев|Kharkiv|Харків|Харьков|Odesa|Odessa|Одеса|Одесса|Dnipro|Дніпро
|Днепропетровск|Lviv|Львів|Львов|Donetsk|Донецк|Zaporizhzhia|Запорожье
BY Minsk|Минск|Мінск|Gomel|Гомель|Могилев|Витебск|Гродно|Брест
RU Moscow|Москва|Saint Petersburg|St. Petersburg|Санкт-Петербург|Novosibirsk|Новосибирск
|Yekaterinburg|Екатеринбург|Kazan|Казань|Нижний Новгород|Nizhny Novgorod|Челябинск|Самара|Samara
|Омск|Ростов-на-Дону|Уфа|Красноярск|Воронеж|Пермь|Волгоград|Краснодар|Саратов|Тюмень|Тольятти
|Ижевск|Барнаул|Иркутск|Хабаровск|Ярославль|Владивосток|Томск|Тула|Калининград
KZ Almaty|Алматы|Astana|Астана
IL Tel Aviv|Tel-Aviv|Jerusalem|Haifa|Rishon LeZion|Petah Tikva|Netanya|Beer Sheva|Ramat Gan
|Herzliya|Ra'anana
JO Amman
LB Beirut|Beyrouth
SA Riyadh|Jeddah|Dammam|Mecca|Medina|Al Khobar
AE Dubai|Abu Dhabi|Sharjah|Ajman|Ras Al Khaimah|Fujairah
QA Doha
KW Kuwait City
BH Manama
OM Muscat
EG Cairo|Giza
MA Casablanca|Rabat|Marrakech|Tangier|Tanger|Fès|Agadir
DZ Algiers|Alger|Oran
TN Tunis|Sfax|Sousse
KE Nairobi|Mombasa|Kisumu
UG Kampala
TZ Dar es Salaam|Arusha
GH Accra|Kumasi
NG Lagos|Abuja|Ibadan|Port Harcourt|Kano
SN Dakar
ET Addis Ababa
ZW Harare
ZM Lusaka
BW Gaborone
NA Windhoek
ZA Johannesburg|Cape Town|Kaapstad|Durban|Pretoria|Port Elizabeth|Gqeberha|Bloemfontein
|East London|Sandton|Centurion|Randburg|Midrand|Stellenbosch|Pietermaritzburg|Polokwane|Nelspruit
|Umhlanga
MU Port Louis
IN Mumbai|Bombay|New Mumbai|Navi Mumbai|Delhi|New Delhi|Bangalore|Bengaluru|Hyderabad|Ahmedabad
|Chennai|Kolkata|Calcutta|Surat|Pune|Jaipur|Lucknow|Kanpur|Nagpur|Indore|Thane|Bhopal
|Visakhapatnam|Patna|Vadodara|Baroda|Ghaziabad|Ludhiana|Agra|Nashik|Faridabad|Meerut|Rajkot
|Varanasi|Srinagar|Aurangabad|Amritsar|Allahabad|Ranchi|Coimbatore|Jabalpur|Gwalior|Vijayawada
|Jodhpur|Madurai|Raipur|Kota|Guwahati|Chandigarh|Mysore|Mysuru|Gurgaon|Gurugram|Noida|Jalandhar
|Kochi|Cochin|Thiruvananthapuram|Trivandrum|Bhubaneswar|Dehradun|Mangalore|Udaipur|Moradabad
|Panaji|Secunderabad|Kozhikode|Mohali|Panchkula|Jamshedpur
PK Karachi|Lahore|Faisalabad|Rawalpindi|Gujranwala|Peshawar|Multan|Islamabad|Quetta|Sialkot
BD Dhaka|Chittagong|Sylhet
LK Colombo|Kandy
NP Kathmandu
TH Bangkok|Chiang Mai|Phuket|Pattaya|Nonthaburi
VN Hanoi|Ha Noi|Hà Nội|Ho Chi Minh City|Hồ Chí Minh|Da Nang|Đà Nẵng|Saigon
KH Phnom Penh|Siem Reap
MM Yangon
MY Kuala Lumpur|Petaling Jaya|Johor Bahru|Penang|George Town|Shah Alam|Subang Jaya|Ipoh|Kuching
|Kota Kinabalu|Melaka|Klang|Cyberjaya|Puchong|Selangor
SG Singapore
ID Jakarta|Surabaya|Bandung|Medan|Denpasar|Semarang|Yogyakarta|Tangerang|Bekasi
PH Manila|Quezon City|Makati|Makati City|Cebu City|Cebu|Davao City|Taguig|Pasig|Pasig City
|Mandaluyong
CN Beijing|Shanghai|Guangzhou|Shenzhen|Chengdu|Hangzhou|Wuhan|Nanjing|Tianjin|Chongqing|Suzhou
|Qingdao|Xi'an|Dalian|Shenyang|Dongguan|Ningbo|Xiamen|Wuxi|Changsha|Zhengzhou|Jinan|Foshan|Kunming
|Fuzhou|Harbin|Hefei|Wenzhou|Zhuhai|北京|上海|广州|深圳|成都|杭州|武汉|南京|天津|重庆|苏州|青岛
HK Hong Kong|Kowloon|Wanchai|Wan Chai|Tsim Sha Tsui|Kwun Tong|Causeway Bay|Mong Kok|Tsuen Wan
MO Macau
TW Taipei|Kaohsiung|Taichung|Tainan|Hsinchu|New Taipei City|台北|臺北|高雄|台中
JP Tokyo|Osaka|Yokohama|Nagoya|Sapporo|Kobe|Kyoto|Fukuoka|Kawasaki|Saitama|Hiroshima|Sendai|Chiba
|Shizuoka|東京|大阪|横浜|名古屋|札幌|神戸|京都|福岡|東京都|大阪市
KR Seoul|Busan|Incheon|Daegu|Daejeon|Gwangju|Suwon|Ulsan|Seongnam|서울|부산|인천
MX Mexico City|Ciudad de México|México D.F.|Guadalajara|Monterrey|Puebla|Tijuana|León
|Ciudad Juárez|Cancún|Cancun|Querétaro|Mérida|San Luis Potosí|Toluca|Chihuahua|Aguascalientes
|Hermosillo|Saltillo|Zapopan|Playa del Carmen
GT Guatemala City
CR San José
PA Panama City|Ciudad de Panamá
DO Santo Domingo
JM Kingston|Montego Bay
BS Nassau
TT Port of Spain
PR San Juan
CO Bogotá|Bogota|Medellín|Medellin|Cali|Barranquilla|Bucaramanga|Cartagena de Indias
VE Caracas|Maracaibo
EC Quito|Guayaquil
PE Lima|Arequipa|Trujillo
BO La Paz|Santa Cruz de la Sierra
CL Santiago|Santiago de Chile|Valparaíso|Concepción|Viña del Mar|Las Condes|Providencia
AR Buenos Aires|Rosario|Mendoza|La Plata|Mar del Plata|San Miguel de Tucumán
UY Montevideo
PY Asunción
BR São Paulo|Sao Paulo|Rio de Janeiro|Brasília|Brasilia|Salvador|Fortaleza|Belo Horizonte|Manaus
|Curitiba|Recife|Porto Alegre|Belém|Goiânia|Guarulhos|Campinas|São Luís|Maceió|Natal|Teresina
|Campo Grande|João Pessoa|Osasco|Santo André|São Bernardo do Campo|Ribeirão Preto|Uberlândia
|Sorocaba|Florianópolis|Joinville|Londrina|Vitória|Cuiabá|Aracaju|Niterói|Santos|Blumenau
|Caxias do Sul|Maringá|Barueri|São José dos Campos
"""
