"""Legal forms of organisations by country: the table that legal_forms.py reads."""

from __future__ import annotations

# canonical | country | variants. A leading "^" marks a form that may also stand before the name.
LEGAL_FORMS = """
LLC||Limited Liability Company;Limited Liability Co;Ltd Liability Co
LC|US|
PLLC|US|Professional Limited Liability Company
Inc.||Inc;Incorporated;Incorporation
Corp.||Corp;Corporation
Co.||Co;Company
Co., Inc.|US|Co Inc;Company Inc
Co., LLC|US|Co LLC;Company LLC
LLP||Limited Liability Partnership
LLLP|US|Limited Liability Limited Partnership
LP||Limited Partnership
PC|US|Professional Corporation
APC|US|A Professional Corporation;Professional Law Corporation;A Professional Law Corporation;APLC
PA|US|Professional Association
PS|US|Professional Service Corporation
PSC|US|
Chartered|US|Chtd
N.A.|US|National Association
P.L.|US|
Ltd||Limited;Ltd.;Lmtd
Co., Ltd.||Co Ltd;Company Limited;Company Ltd;Co Limited
PLC||Public Limited Company
CIC|GB|Community Interest Company
CIO|GB|Charitable Incorporated Organisation
Cyf|GB|Cyfyngedig
CCC|GB|
Unltd|GB|Unlimited
Ltd & Co. KG|DE|Ltd & Co KG;Limited & Co KG
DAC|IE|Designated Activity Company
CLG|IE|Company Limited by Guarantee
Teoranta|IE|Teo
UC|IE|Unlimited Company
ULC|CA|Unlimited Liability Company;Unlimited Liability Corporation
Ltée|CA|Limitée;Ltee
Inc./Ltée|CA|
Enr.|CA|Enregistrée
s.e.n.c.|CA|senc;Société en nom collectif
s.e.n.c.r.l.|CA|sencrl
Pty Ltd|AU|Pty Limited;Proprietary Limited;Pty;Proprietary Ltd
(Pty) Ltd|ZA|(Pty) Limited;(Proprietary) Limited
CC|ZA|Close Corporation
NPC|ZA|
RF (Pty) Ltd|ZA|
NL|AU|No Liability
Pte. Ltd.|SG|Pte Ltd;Pte Limited;Private Limited Company;Pte
Pvt. Ltd.|IN|Pvt Ltd;Private Limited;(P) Ltd;P Ltd
Pvt. Ltd.|IN|Pvt Limited;Private Ltd;(Pvt) Ltd;(Private) Limited
OPC Pvt. Ltd.|IN|(OPC) Pvt Ltd;(OPC) Private Limited
^Sdn. Bhd.|MY|Sdn Bhd;Sendirian Berhad
Bhd.|MY|Bhd;Berhad
PLT|MY|
^PT|ID|Perseroan Terbatas
Tbk|ID|Terbuka
^CV|ID|
^UD|ID|
GmbH||Gesellschaft mit beschränkter Haftung;Ges m b H;GesmbH;mbH
gGmbH|DE|gemeinnützige GmbH
GmbH & Co. KG|DE|GmbH & Co KG;GmbH und Co KG;GmbH + Co KG
GmbH & Co. KG|DE|GmbH u Co KG;mbH & Co KG;GmbH & Cie KG;GmbH & CoKG
GmbH & Co. KGaA|DE|GmbH & Co KGaA
GmbH & Co. OHG|DE|GmbH & Co OHG
UG|DE|UG (haftungsbeschränkt);UG haftungsbeschränkt;Unternehmergesellschaft
UG & Co. KG|DE|UG (haftungsbeschränkt) & Co KG;UG & Co KG
AG||Aktiengesellschaft
gAG|DE|gemeinnützige AG
AG & Co. KG|DE|AG & Co KG
AG & Co. KGaA|DE|AG & Co KGaA
SE & Co. KG|DE|SE & Co KG
SE & Co. KGaA|DE|SE & Co KGaA
KG||Kommanditgesellschaft
KGaA|DE|Kommanditgesellschaft auf Aktien
OHG|DE|Offene Handelsgesellschaft
& Co. KG|DE|& Co KG;& Cie KG
GbR|DE|Gesellschaft bürgerlichen Rechts
eGbR|DE|
e.K.|DE|e K;eingetragener Kaufmann;eingetragene Kauffrau;e Kfm;e Kfr;Inh
PartG|DE|Partnerschaftsgesellschaft
PartG mbB|DE|PartGmbB;Part mbB;Partnerschaft mbB;Partnerschaftsgesellschaft mbB;mbB
eG|DE|eingetragene Genossenschaft
e.V.|DE|e V;eingetragener Verein
VVaG|DE|
OG|AT|Offene Gesellschaft
e.U.|AT|e U;eingetragenes Einzelunternehmen
KlG|CH|Kollektivgesellschaft
Sàrl|CH|Sàrl;S à r l
SE||Societas Europaea
^SARL|FR|Société à responsabilité limitée;SARLU
EURL|FR|Entreprise unipersonnelle à responsabilité limitée
^SAS|FR|Société par actions simplifiée
^SASU|FR|Société par actions simplifiée unipersonnelle
^SA||Société anonyme;Sociedad anónima;Sociedade anónima;Società anonima
SNC||Société en nom collectif;Società in nome collettivo
SCS||Société en commandite simple
SCA||Société en commandite par actions
^SCI|FR|Société civile immobilière
SCOP|FR|
GIE|FR|Groupement d'intérêt économique
SELARL|FR|
EIRL|FR|
^SCP|FR|Société civile professionnelle
S.à r.l.|LU|S à r l
S.à r.l.-S|LU|
ASBL|BE|Association sans but lucratif
SRL||Società a responsabilità limitata
SRL||Sociedad de responsabilidad limitada;Société à responsabilité limitée (SRL)
S.r.l.s.|IT|srls;Società a responsabilità limitata semplificata
S.r.l. Unipersonale|IT|srl unipersonale;srl a socio unico;srl con socio unico;srl soc unip
S.p.A.|IT|SpA;Società per azioni;Soc per azioni
S.a.s.|IT|Società in accomandita semplice
S.n.c.|IT|
S.a.p.A.|IT|Società in accomandita per azioni
S.s.|IT|Società semplice
Soc. coop.|IT|Società cooperativa;Soc Coop a r l;Soc coop arl;Scarl;Scrl;s c a r l;Coop a r l
Onlus|IT|
S.L.|ES|SL;Sociedad limitada
S.L.U.|ES|SLU;Sociedad limitada unipersonal
S.L.L.|ES|SLL
S.L.P.|ES|SLP
S.L.N.E.|ES|SLNE
S.A.U.|ES|SAU
S.A.L.|ES|SAL
C.B.|ES|Comunidad de bienes
S. Coop.|ES|Sociedad cooperativa;S Coop And;Coop V
S.C.C.L.|ES|SCCL
S.A. de C.V.|MX|SA de CV;Sociedad anónima de capital variable
S.A.B. de C.V.|MX|SAB de CV
S.A.P.I. de C.V.|MX|SAPI de CV
S. de R.L. de C.V.|MX|S de RL de CV
S. de R.L.|MX|S de RL
S.C.|MX|Sociedad civil
A.C.|MX|Asociación civil
S.A.S.|CO|
E.I.R.L.|PE|
S.A.C.|PE|SAC
S.A.A.|PE|SAA
C.A.|VE|Compañía anónima
Cía. Ltda.|EC|Cia Ltda;Compañía limitada;y Cía Ltda;e Cía Ltda
SpA|CL|Sociedad por acciones
S.R.L. (AR)|AR|
Lda|PT|Limitada;Sociedade por quotas
Unipessoal Lda|PT|Sociedade unipessoal Lda;Unip Lda
Ltda|BR|
Ltda. ME|BR|Ltda ME;Ltda EPP
S/A|BR|
EIRELI|BR|EIRELI ME;EIRELI EPP
MEI|BR|
SGPS|PT|SGPS SA
B.V.|NL|BV;Besloten vennootschap
N.V.||NV;Naamloze vennootschap
V.O.F.|NL|VOF;Vennootschap onder firma
C.V.|NL|Commanditaire vennootschap
B.V.B.A.|BE|BVBA
C.V.B.A.|BE|CVBA
S.P.R.L.|BE|SPRL
Comm. V|BE|CommV
VZW|BE|Vereniging zonder winstoogmerk
U.A.|NL|Coöperatie U A
^A/S|DK|Aktieselskab
^ApS|DK|Anpartsselskab
I/S|DK|Interessentskab
K/S|DK|Kommanditselskab
P/S|DK|
IVS|DK|Iværksætterselskab
A.M.B.A.|DK|AmbA
^AB|SE|Aktiebolag;AB (publ);Aktiebolag (publ)
HB|SE|Handelsbolag
KB|SE|Kommanditbolag
EF|SE|Ekonomisk förening;ek för
^AS|NO|Aksjeselskap
ASA|NO|Allmennaksjeselskap
ANS|NO|
DA|NO|
SA (NO)|NO|Samvirkeforetak
^Oy|FI|Osakeyhtiö
^Oyj|FI|
Oy Ab|FI|
Ky|FI|Kommandiittiyhtiö
Tmi|FI|Toiminimi
ehf.|IS|ehf
hf.|IS|Hlutafélag
^OÜ|EE|Osaühing
^AS (EE)|EE|Aktsiaselts
^SIA|LV|Sabiedrība ar ierobežotu atbildību
^UAB|LT|Uždaroji akcinė bendrovė
^MB|LT|Mažoji bendrija
s.r.o.|CZ|sro;spol s r o;společnost s ručením omezeným;spoločnosť s ručením obmedzeným
a.s.|CZ|akciová společnost;akciová spoločnosť
v.o.s.|CZ|vos
k.s.|CZ|komanditní společnost
z.s.|CZ|
Sp. z o.o.|PL|sp zoo;sp z oo;spółka z ograniczoną odpowiedzialnością;spółka z o o
Sp. z o.o. sp.k.|PL|sp z oo sp k;sp zoo spk;spółka z ograniczoną odpowiedzialnością sp k
Sp.k.|PL|sp k;spółka komandytowa
Sp.j.|PL|sp j;spółka jawna
S.A. (PL)|PL|Spółka akcyjna
S.K.A.|PL|
P.S.A.|PL|Prosta spółka akcyjna
s.c.|PL|spółka cywilna
^Kft.|HU|Kft;Korlátolt felelősségű társaság
Bt.|HU|Bt;Betéti társaság
Zrt.|HU|Zrt;Zártkörűen működő részvénytársaság
Nyrt.|HU|Nyrt
Rt.|HU|Részvénytársaság
^S.C. S.R.L.|RO|
S.R.L.-D.|RO|srld
PFA|RO|Persoană fizică autorizată
d.o.o.||doo;društvo s ograničenom odgovornošću
d.o.o.||društvo sa ograničenom odgovornošću;družba z omejeno odgovornostjo
j.d.o.o.|HR|jdoo
d.d.||dioničko društvo;delniška družba
a.d.|RS|akcionarsko društvo
s.p.|SI|samostojni podjetnik
^ООД|BG|OOD;Дружество с ограничена отговорност
^ЕООД|BG|EOOD
^АД|BG|AD
^ЕТ|BG|ET
^ЕАД|BG|EAD
^ДООЕЛ|MK|DOOEL
Sh.p.k.|AL|shpk
^ΕΠΕ|GR|E.P.E.
^ΑΕ|GR|A.E.;Ανώνυμη Εταιρεία
^ΙΚΕ|GR|I.K.E.;P.C. (GR)
^ΟΕ|GR|O.E.
Ltd. Şti.|TR|Ltd Şti;Ltd Sti;Limited Şirketi
Ltd. Şti.|TR|Tic Ltd Şti;San ve Tic Ltd Şti;San Tic Ltd Şti;Ticaret Limited Şirketi
A.Ş.|TR|AŞ;Anonim Şirketi;San ve Tic A Ş;Tic A Ş
^ООО|RU|OOO;Общество с ограниченной ответственностью
^ОАО|RU|OAO;Открытое акционерное общество
^ЗАО|RU|ZAO;Закрытое акционерное общество
^ПАО|RU|PAO;Публичное акционерное общество
^АО|RU|Акционерное общество
^ИП|RU|Индивидуальный предприниматель
^ФГУП|RU|
^ТОВ|UA|TOV;Товариство з обмеженою відповідальністю
^ПАТ|UA|Публічне акціонерне товариство
^ПрАТ|UA|Приватне акціонерне товариство
^ФОП|UA|
^ЧУП|BY|Частное унитарное предприятие;ЧТУП;УП
^ОДО|BY|
^ТОО|KZ|TOO;Товарищество с ограниченной ответственностью
JSC||Joint Stock Company;Joint-Stock Company;CJSC;OJSC;PJSC
FZE|AE|Free Zone Establishment
FZCO|AE|
FZ-LLC|AE|FZ LLC;FZLLC
FZC|AE|
DMCC|AE|
W.L.L.|BH|WLL;With Limited Liability
S.P.C.|BH|
K.S.C.|KW|KSC;KSCP
Q.S.C.|QA|QSC
S.A.E.|EG|SAE
S.A.O.G.|OM|SAOG
S.A.L. (LB)|LB|
בע"מ|IL|בע״מ
Ltd. (IL)|IL|
^株式会社|JP|
^有限会社|JP|
^合同会社|JP|
^合資会社|JP|
^一般社団法人|JP|
K.K.|JP|KK;Kabushiki Kaisha;Kabushiki Gaisha
G.K.|JP|Godo Kaisha
Y.K.|JP|Yugen Kaisha
^주식회사|KR|(주)
^유한회사|KR|
股份有限公司|CN|
有限责任公司|CN|有限責任公司
有限公司|CN|
^Công ty TNHH|VN|Công ty Trách nhiệm hữu hạn
^Công ty TNHH MTV|VN|Công ty TNHH Một thành viên
^Công ty Cổ phần|VN|CTCP
^บริษัท|TH|
จำกัด|TH|
จำกัด (มหาชน)|TH|
PCL|TH|Public Company Limited;Public Co Ltd
^DNTN|VN|
GIE (MA)|MA|
^Limited Company|KE|
LLP (IN)|IN|
Nig. Ltd|NG|Nig Ltd;Nigeria Limited
Coop||Co-operative Limited;Cooperative Ltd
Coop||Co-op Ltd;Cooperative Society;Co-operative Society Limited
"""
