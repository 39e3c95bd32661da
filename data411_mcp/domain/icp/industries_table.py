"""Trades and markets, and the words by which a company's own text shows each:
`slug | label |`, then on indented lines its phrases. Plurals are found by their singular. A phrase
with `*` at its end is said by many trades and counts half. The list is ours; add a trade or a
phrase where one is missing."""

INDUSTRIES = """
accounting|Accounting and bookkeeping|
  accounting; accountant; bookkeeping; bookkeeper; general ledger; month end close; financial
  close; accounts payable; accounts receivable; invoicing*; tax return; tax filing; tax
  compliance; audit firm; auditor*; cpa; cfo*; erp*; expense report; reconciliation; corporate
  secretarial
advertising|Advertising|
  advertising; advertiser; ad campaign; ad network; ad platform; adtech; ad tech; paid media;
  media buying; creative agency; ad creative; ads; programmatic; sponsorship*; retargeting;
  brand*
aerospace|Aerospace and aviation|
  aerospace; aircraft; airplane; aviation; airline; airport; pilot*; flight; jet; rocket;
  propulsion; spacecraft; satellite; launch vehicle; orbit; orbital; space; evtol; helicopter;
  hypersonic; avionics; nasa; lunar
agriculture|Agriculture and farming|
  agriculture; agricultural; farm; farmer; farming; farmland; crop; livestock; cattle; dairy;
  poultry; aquaculture; fertilizer; pesticide; harvest; seedling; soil; grower; agritech;
  agtech; greenhouse; irrigation
ai-infrastructure|AI infrastructure and tooling|
  llm; large language model; foundation model; model training; fine tuning; fine tune;
  inference; mlops; llmops; gpu; machine learning engineer; ml engineer; ml team; ml model;
  prompt; evals; vector database; rag; training data; data labeling; annotation*; labeled data;
  synthetic data; ai agent*; model deployment; embedding
it-operations|IT operations and monitoring|
  aiops; observability; monitoring*; incident; on call; root cause; downtime; outage; alert*;
  log management; sre; site reliability; it team; it operation; it support; it service; itsm;
  help desk; infrastructure monitoring; devops; mttr; debug*; telemetry
analytics|Analytics and business intelligence|
  analytics; business intelligence; dashboard; data analysis; data analyst; metric; insight*;
  product analytics; reporting tool; kpi; bi tool; forecasting*; data driven*; data science;
  data scientist; ab testing; data warehouse*; sql*
architecture|Architecture and design of buildings|
  architectural; architect*; interior design; interior designer; building design; bim; cad;
  blueprint; floor plan; floorplan
automotive|Automotive|
  automotive; automaker; car; auto repair; car dealer; dealership; vehicle; used car; auto part;
  oem*; motorcycle; car rental; mechanic*; garage*; fleet*; truck*; tire; ev*
banking|Banking|
  bank; banking; neobank; challenger bank; bank account; checking account; savings account;
  debit card; deposit account; credit union; digital bank; business account; core banking;
  banking as a service; baas; fdic; unbanked; underbanked; savings*; mobile wallet*; money
  transfer*
beauty|Beauty and personal care|
  beauty; cosmetic; skincare; skin care; haircare; makeup; salon; barber; hair; fragrance; nail
  salon; spa; facial*
biotech|Biotechnology|
  biotech; biotechnology; gene; genetic; genome; genomic; dna; rna; crispr; cell therapy; gene
  therapy; synthetic biology; protein; enzyme; microbe; bioengineering; molecular; antibody;
  stem cell; cell line; lab automation; biology; biologist; wet lab; microbiome;
  biomanufacturing; bioinformatics; sequencing; organism
blockchain|Blockchain and crypto|
  blockchain; crypto; cryptocurrency; bitcoin; ethereum; web3; defi; nft; dao; stablecoin; smart
  contract; on chain; onchain; token*; wallet*; decentralized; solana; staking; usdc
carbon|Carbon and climate|
  climate; climate change; carbon; co2; carbon capture; carbon removal; carbon credit; carbon
  footprint; emission; decarbonize; decarbonization; greenhouse gas; net zero; sustainability;
  sustainable; esg; offset*; clean energy; renewable; carbon neutral; environmental*; global
  warming; climate tech; recycling*; waste*
chemicals|Chemicals and materials|
  chemical; chemistry; chemist; polymer; plastic; adhesive; coating; catalyst; material science;
  advanced material; nanomaterial; graphene; resin; petrochemical; specialty chemical; alloy
childcare|Childcare and parenting|
  childcare; child care; daycare; preschool; parent; parenting; babysitter; nanny; baby;
  toddler; newborn; kid*; family*; mom
cloud|Cloud computing|
  cloud computing; cloud infrastructure; cloud cost; cloud provider; aws; azure; gcp; google
  cloud; kubernetes; serverless; container; docker; virtual machine; cloud native; data center*;
  compute; multi cloud; cloud; hosting; deploy*; terraform; infrastructure as code; provisioning
community|Communities and networks|
  community; communities; social network; forum; member*; networking*; meetup; discord; club;
  membership; friend; social app; connect people; creators*; group chat; slack community
compliance|Compliance and risk|
  compliance; regulatory; regulation; regtech; soc 2; hipaa; gdpr; iso 27001; aml; anti money
  laundering; kyc; know your customer; audit*; governance; grc; risk management; sanction;
  policy management; pci; regulator
computer-vision|Computer vision|
  computer vision; image recognition; object detection; camera; visual inspection; video
  analytics; facial recognition; image; lidar; 3d scan; ocr*; visual data; satellite imagery;
  image processing; perception; imaging
construction|Construction|
  construction; contractor; subcontractor; general contractor; jobsite; job site; construction
  site; building material; civil engineering; renovation; remodeling; concrete; scaffolding;
  excavation; roofing; homebuilder; home builder; construction company; permit*; prefab;
  building*; drywall
consulting|Consulting and professional services|
  consulting; consultant; consultancy; advisory; professional service; management consulting;
  strategy consulting; business advisory
consumer-goods|Consumer goods|
  consumer good; consumer product; cpg; fmcg; household; consumer brand; direct to consumer;
  d2c; dtc; toy; kitchenware; home goods; subscription box
consumer-health|Consumer health and wellness|
  wellness; fitness; workout; gym; nutrition; diet; weight loss; sleep; supplement; personal
  trainer; healthy; fertility; women health; menopause; hormone; longevity; wearable; exercise;
  skin; at home test; health coach; meditation*; period; sexual health; vitamin; preventive;
  dental; telehealth*; consumer health; biomarker; blood test
creator-economy|Creator economy|
  creator; influencer; content creator; youtuber; streamer; fan; podcast; podcaster; newsletter;
  monetize; patreon; tiktok; instagram; audience; follower; merch; twitch; brand deal
crm-sales|Sales and CRM|
  sales; sales team; salesperson; sales rep; crm; salesforce; sdr; bdr; outbound; cold email;
  prospecting; prospect; pipeline*; lead generation; lead; quota; account executive; revenue
  team; go to market; gtm; demo*; closing deal; deal; sales cycle; sales call; b2b sales;
  revenue operation; revops; cold call; win rate; sales enablement; sales engagement
customer-support|Customer service and support|
  customer support; customer service; support team; support ticket; ticket; call center; contact
  center; chatbot; helpdesk; support agent; customer success; customer experience; live chat;
  zendesk; voice agent*; customer inquiry; resolve*; cx; intercom; customer question
cybersecurity|Cybersecurity|
  cybersecurity; cyber security; security team; security; vulnerability; penetration test;
  pentest; pentesting; ransomware; malware; phishing; threat; attack; attacker; hacker; breach;
  zero trust; firewall; siem; soc analyst; endpoint security; appsec; application security;
  identity management; encryption; encrypted; authentication; access control; secrets
  management; ciso; security posture; secure*; privacy*; exploit
data-engineering|Data engineering and infrastructure|
  data engineering; data engineer; data pipeline; etl; elt; data warehouse; data lake; database;
  postgres; snowflake; dbt; data stack; data integration; data infrastructure; data platform;
  data quality; data catalog; data team; streaming data; kafka; sql; data lineage; data source;
  big data; structured data; unstructured data; schema; data connector; spark; data
  observability; bigquery; web scraping
data-visualization|Data visualisation|
  data visualization; visualization; visualize; chart; graph; spreadsheet; notebook; dashboard;
  map*; interactive*; plot; excel; reporting
defence|Defence and public safety|
  defense; military; department of defense; dod; national security; army; navy; air force;
  weapon; missile; police; law enforcement; public safety; first responder; border; tactical;
  warfighter; surveillance; fire department
delivery|Delivery and last mile|
  delivery; last mile; courier; food delivery; grocery delivery; same day; parcel; package
  delivery; delivery driver; deliver*; on demand delivery; couriers; dispatch; rider; express
design|Design tools|
  design; designer; design tool; prototype; prototyping; figma; ui design; ux; user interface;
  mockup; wireframe; graphic design; logo; illustration; animation; canvas; adobe; photoshop; 3d
  design; design system; visual editor; creative*
developer-tools|Developer tools|
  developer; developers; software engineer; engineering team; code; codebase; coding;
  programmer; ide; sdk; api; api*; pull request; code review; github; git; ci cd; cicd;
  continuous integration; testing*; open source; frontend; backend; debugging; devtool;
  framework; javascript; python; react; typescript; programming; software development; test
  automation; developer experience
devsecops|DevSecOps|
  devsecops; devops; application security; appsec; code security; software supply chain;
  container security; cloud security; vulnerability; sbom; secret scanning; static analysis;
  security engineer; shift left; open source security; kubernetes; api security; ci cd;
  dependency; remediation
documents|Documents and paperwork|
  document; documents; pdf; paperwork; contract; form; document processing; document management;
  ocr; data extraction; extract data; e signature; esignature; signature; docs; doc; word
  document; knowledge base; wiki; file; template; data entry; documentation; invoice*; note
  taking; notes
drones|Drones|
  drone; uav; unmanned; quadcopter; aerial; counter drone; drone delivery; autonomous aircraft;
  aerial imagery
ecommerce|E-commerce|
  ecommerce; e commerce; online store; online shopping; shopify; amazon seller; merchant;
  shopper; checkout; marketplace seller; online retail; online retailer; storefront; cart;
  dropshipping; seller; d2c; dtc brand; product catalog; conversion rate; fulfillment*; brands;
  sku; shopping; return*; amazon; woocommerce; online merchants; marketplaces*
education|Education|
  education; student; teacher; school; classroom; university; college; learning; curriculum;
  tutor; tutoring; k 12; k12; homework; course; edtech; learner; academic; campus; educator;
  teaching; degree; lesson; exam; test prep; bootcamp; higher education; learn; instructor;
  professor; kids learn; upskilling; training program*; language learning; math; literacy;
  scholarship; student loan
elearning|Online learning|
  elearning; e learning; online course; online learning; online education; online class;
  learning platform; lms; learning management system; corporate training; employee training;
  upskilling; cohort; bootcamp; language learning; learn; learner; live class; tutoring; tutor;
  course; virtual classroom; study; flashcard; student; skill; interactive lesson; personalized
  learning; microlearning
electronics|Electronics and semiconductors|
  electronics; semiconductor; chip; circuit; circuit board; pcb; integrated circuit; processor;
  fpga; asic; sensor*; embedded; silicon; wafer; lithography; photonics; consumer electronics;
  hardware engineer; microcontroller; transistor; component*
energy|Energy and utilities|
  energy; electricity; power grid; grid; utility; utilities; solar; solar panel; wind power;
  wind turbine; nuclear; fusion; fission; reactor; geothermal; hydrogen; battery; batteries;
  energy storage; oil and gas; oil; natural gas; power plant; kwh; megawatt; renewable energy;
  heat pump; electrification; fuel; energy efficiency; power*; charging; ev charging;
  transmission line; hvac*; electric bill
engineering-services|Engineering services|
  engineering service; mechanical engineering; electrical engineering; structural engineering;
  mechanical engineer; engineering firm; hardware design; cad; simulation; plm; systems
  engineering; technical drawing
entertainment|Entertainment|
  entertainment; movie; film; tv; television; hollywood; theater; concert; live event;
  ticketing; streaming; comedy; celebrity; fan*; show*; studio*; storytelling; anime; fiction
environmental-services|Waste, water and environment|
  recycling; waste; waste management; landfill; wastewater; water treatment; water; water
  quality; pollution; environmental; compost; circular economy; recycle; remediation*; ocean;
  forest; wildfire; biodiversity; air quality
events|Events and meetings|
  event; event planning; conference; wedding; venue; ticket*; event organizer; exhibition;
  webinar; catering; party; banquet; corporate event; attendee
facilities|Facilities management|
  facility management; facilities management; cleaning service; janitorial; building
  maintenance; property maintenance; security guard; facility; pest control; hvac; elevator;
  field service*; maintenance*; workplace; cleaning; office space; coworking
fashion|Fashion and apparel|
  fashion; apparel; clothing; clothes; garment; shoe; sneaker; footwear; jewelry; jewellery;
  textile; wardrobe; luxury; dress; outfit; streetwear; handbag; denim; stylist
finance|Financial services|
  financial; finance; fintech; financial service; cfo; financial institution; treasury; cash
  flow; capital; investment; financial advisor; financial data; financial planning; wealth;
  hedge fund; private equity; asset manager; fund; fp a; fundraising; budget; budgeting;
  personal finance; credit; money; working capital; accounting*; banker; wall street; financial
  statement; spend management; finance team; revenue based
fire-safety|Fire and workplace safety|
  fire safety; fire protection; workplace safety; safety equipment; sprinkler; safety training;
  occupational safety; ppe; protective equipment; worker safety
food-beverage|Food and beverage|
  food; beverage; drink; coffee; tea; snack; meat; plant based; alternative protein; cultivated
  meat; beer; brewery; wine; winery; bakery; ingredient; flavor; recipe; meal; meal kit;
  protein*; food company; food brand; spice; alcohol; spirit*; fruit; vegetable; vegan; juice;
  chocolate; f b; seafood; egg
freight|Freight and shipping|
  freight; shipping; shipper; carrier; freight forwarder; freight forwarding; freight broker;
  trucking; trucker; cargo; ocean freight; air freight; customs; customs clearance; container
  shipping; haulage; truckload; ltl; 3pl; vessel; port; maritime; logistics; import; export;
  drayage; truck driver
gaming|Games|
  game; gaming; gamer; video game; mobile game; game developer; game studio; esports; player;
  multiplayer; rpg; gameplay; unity; unreal; game engine; play; playing; casual game; indie
  game; roblox; minecraft; metaverse; fantasy sport; board game; virtual world; steam; quest
genomics|Genomics and diagnostics|
  genomics; genome; genetic test; sequencing; dna sequencing; diagnostic; diagnostics;
  biomarker; liquid biopsy; early detection; genetic; lab test; point of care; pathology;
  biopsy; dna test; screening*; molecular diagnostic; cancer detection; blood test
government|Government and civic|
  government; public sector; city; cities; municipality; municipal; local government; federal;
  agency*; civic; citizen; voter; voting; political; election; campaign*; politician; state and
  local; govtech; public policy; democracy; permitting; procurement*
grocery|Grocery|
  grocery; groceries; supermarket; convenience store; corner store; kirana; fresh produce; mom
  and pop store; grocer; dark store; quick commerce; pantry; produce
hardware|Hardware and devices|
  hardware; device; consumer hardware; gadget; smart home; hardware product; 3d printing; 3d
  printer; wearable device; smart device; hardware startup; robotics*; appliance; headset; smart
  glasses; prototyping*
healthcare-it|Healthcare IT|
  ehr; emr; electronic health record; medical record; health record; hospital; clinic; clinical
  workflow; provider; patient; physician; medical billing; revenue cycle; prior authorization;
  claims*; hipaa; healthcare provider; health system; care team; clinician; patient data;
  healthcare data; interoperability; medical coding; scribe; medical practice; healthcare;
  health plan; payer; nurse; doctor; practice management; fax; health data
healthcare|Healthcare services|
  healthcare; health care; patient; doctor; physician; hospital; clinic; clinician; primary
  care; medical; medicine; care; nurse; nursing; treatment; telehealth; telemedicine; virtual
  care; health; health plan; health system; urgent care; surgery; surgical; chronic; chronic
  condition; diabetes; physical therapy; caregiver; home care; senior care; elder care; elderly;
  cancer; cancer patient; disease; care provider; prescription; medication; pharmacy; dentist;
  dental clinic; specialist*; diagnosis; specialty care; medicare; medicaid; outpatient;
  therapy; provider; health tech; kidney; cardiology; autism; hospice
home-services|Home services|
  home service; plumber; plumbing; electrician; handyman; landscaping; lawn; home repair; home
  improvement; homeowner; house cleaning; moving company; cleaner; home maintenance; roofing;
  trades; hvac; pest; home renovation; contractors*
hospitality|Hotels and hospitality|
  hotel; hospitality; hotelier; resort; guest; vacation rental; airbnb; short term rental;
  booking; hostel; property manager*; restaurant*; front desk; stay*; lodging
hr|Human resources|
  hr; human resources; hr team; payroll; employee; employee benefit; benefits; people team;
  onboarding; workforce; employee engagement; performance review; performance management; hris;
  workplace; remote team; compensation; employer; peo; employer of record; time tracking;
  manager*; employee experience; culture; team building; contractors*; people operation; remote
  work; leave management; org chart; shift; hourly worker; coaching*; frontline worker; global
  team; remote employee
industrial-equipment|Industrial equipment and machinery|
  machinery; industrial equipment; industrial; machine tool; pump; valve; compressor; crane;
  heavy equipment; conveyor; welding; motor; bearing; hydraulic; industrial automation; spare
  part; equipment rental; generator; equipment; tooling; boiler; hvac equipment; distributor*;
  forklift
insurance|Insurance|
  insurance; insurer; insured; insurtech; insurance carrier; policyholder; underwriting;
  underwriter; insurance broker; reinsurance; claim; premium; health insurance; life insurance;
  auto insurance; car insurance; insurance company; insurance agent; coverage; actuary;
  warranty; actuarial; home insurance; insurance policy; insurance agency; insure; broker*
iot|Internet of things|
  iot; internet of things; connected device; sensor; smart home; smart device; smart city; edge
  device; edge computing; embedded; firmware; wireless; bluetooth; lora; lorawan; smart meter;
  smart lock; telematics; remote monitoring; device; gateway; predictive maintenance; smart
  building; wifi; connectivity; industrial iot; hardware*; asset tracking
investment|Investing and wealth|
  investment; invest; investor; investing; stock; stock market; portfolio; wealth management;
  asset management; private equity; venture capital; hedge fund; mutual fund; brokerage; retail
  investor; trading; trader; etf; equity; financial advisor; robo advisor; retirement; 401k; vc;
  angel investor; cap table; savings; alternative asset; startup investing; limited partner;
  crowdfunding
legal|Legal|
  legal; law firm; lawyer; attorney; contract; contract management; litigation; paralegal; legal
  team; legal document; legal service; law; court; patent; intellectual property; trademark;
  immigration; immigration lawyer; compliance*; in house counsel; general counsel; legaltech;
  legal tech; legal work; plaintiff; clause; visa; notary; nda; case law; legal research;
  injury; counsel; incorporation; divorce; estate planning
lending|Lending and credit|
  loan; lending; lender; mortgage; credit; borrower; underwriting; credit score; credit card;
  consumer credit; small business loan; bnpl; buy now pay later; debt; debt collection;
  refinance; student loan; credit bureau; collections; line of credit; financing; microfinance;
  payday; home equity; installment; factoring; working capital
localisation|Translation and localisation|
  translation; translate; translator; localization; multilingual; interpreter; interpreting;
  language service; subtitle; dubbing
logistics|Logistics and warehousing|
  logistics; warehouse; warehousing; fulfillment; distribution center; supply chain; 3pl;
  inventory; last mile; freight; shipping; transport; fleet; route optimization; delivery;
  forwarder; pallet; order fulfillment; cold chain; storage; shipment; transportation; cold
  storage; container*; logistics company; carriers; wms; tms
manufacturing|Manufacturing|
  manufacturing; manufacturer; factory; factories; production line; assembly line; cnc;
  machining; machine shop; injection molding; fabrication; 3d printing; additive manufacturing;
  industrial; quality control; oem; shop floor; contract manufacturing; precision engineering;
  metal; steel; manufacture; plant*; machined part; lean manufacturing; robot arm; industrial
  robot; mes; tooling; supplier*; production*; sheet metal; manufacturing process
marketing|Marketing|
  marketing; marketer; marketing team; digital marketing; seo; email marketing; content
  marketing; social media; campaign; influencer marketing; growth marketing; brand; martech;
  lead generation; attribution; customer acquisition; landing page; marketing agency; marketing
  automation; copywriting; public relations; referral*; personalization; customer data; loyalty;
  segment*; google ads; search engine; engagement; sms marketing; advertising; audience; content
  creation
marketplace|Marketplaces|
  marketplace; two sided; buyer and seller; buyer; seller; vetted; b2b marketplace; classifieds;
  auction; sourcing; on demand; listing; peer to peer; secondhand; resale; second hand; used
  goods; rent*; wholesale marketplace; supplier
media|Media and publishing|
  media; news; publisher; publishing; journalism; journalist; newspaper; magazine; editorial;
  podcast; broadcaster; broadcast; radio; article; storytelling; media company; tv; streaming;
  newsletter; content; music; audio; reader; writer; video content; newsroom; reporter; story;
  entertainment; book; film; voice over
medical-devices|Medical devices|
  medical device; implant; surgical robot; surgical; surgery; catheter; prosthetic; fda; 510 k;
  ultrasound; mri; imaging; medical imaging; wearable; x ray; pacemaker; monitor*; brain
  computer interface; device; neurotechnology; neurostimulation; diagnostic device; hearing aid;
  surgeon; radiology; radiologist; clinical trial*; defibrillator; robotics*
mental-health|Mental health|
  mental health; therapy; therapist; psychiatrist; psychiatry; psychologist; depression;
  anxiety; behavioral health; counseling; addiction; meditation; mindfulness; adhd; emotional;
  stress; wellbeing; well being; mental wellness; psychedelic; trauma; suicide; ptsd; recovery;
  substance use; mental; loneliness; self care; journaling; coaching*; autism; eating disorder;
  rehab; opioid; alcohol use
mining|Mining and metals|
  mining; mine; mineral; metal; lithium; copper; gold; ore; exploration; critical mineral; rare
  earth; steel; extraction; smelting; mining company; cobalt; metallurgy
mobility|Transport and mobility|
  transportation; mobility; ride hailing; ride sharing; rideshare; scooter; e scooter; bike;
  bicycle; e bike; electric vehicle; ev; public transit; transit; bus; train; rail; taxi; cab;
  commute; commuter; parking; autonomous vehicle; self driving; car sharing; passenger; driver;
  vehicle; traffic; carpool; autonomous driving; shuttle; road; motorbike; electric motorcycle;
  car; trip; autonomous truck; freight rail; boat; ferry; micromobility
music|Music and audio|
  music; musician; artist; song; record label; concert; audio; sound; band; playlist; dj;
  producer*; spotify; vocal; instrument; karaoke; album
nonprofit|Non-profit and charity|
  nonprofit; non profit; charity; donation; donor; fundraising; ngo; philanthropy; social
  impact; volunteer; foundation; humanitarian; refugee; cause; church; poverty
oil-gas|Oil, gas and offshore|
  oil and gas; offshore; drilling; petroleum; upstream; oilfield; subsea; marine engineering;
  refinery; shipyard; pipeline inspection; rig; lng
packaging|Packaging and printing|
  packaging; printing; label printing; carton; corrugated; print shop; packaging material;
  bottle; sustainable packaging
payments|Payments|
  payment; payments; pay; payment processing; payment gateway; card; credit card; checkout;
  merchant; pos; point of sale; remittance; cross border payment; payout; stripe; money
  transfer; transaction; invoice; invoicing; ach; wire transfer; bank transfer; accept payment;
  virtual card; subscription billing; billing; card issuing; corporate card; wallet; payroll*;
  chargeback; send money; fx; foreign exchange; currency; settlement; bill payment; vendor
  payment; pix; upi; mobile money; gift card; tap to pay; qr; prepaid card
pets|Pets and veterinary|
  pet; dog; cat; veterinary; veterinarian; vet; pet owner; pet food; puppy; animal; animal
  health; pet care
pharma|Pharmaceuticals and drug discovery|
  pharma; pharmaceutical; drug; drug discovery; drug development; therapeutics; therapeutic;
  clinical trial; small molecule; biopharma; antibody; vaccine; preclinical; fda; oncology;
  cancer; tumor; drug candidate; disease; clinical research; cro; therapy; immunotherapy;
  treatment; life science; biologics; neurodegenerative; alzheimer; patient recruitment; gene
  therapy; cure; rare disease; peptide; novel drug; drug delivery; antibiotic; target*
procurement|Procurement|
  procurement; purchasing; vendor management; supplier; sourcing; rfp; spend; purchase order;
  buyer; procure; strategic sourcing; vendor; tender; b2b purchasing; request for quote; rfq;
  contract negotiation; spend management
productivity|Productivity and collaboration|
  productivity; collaboration; project management; task; task management; note taking; notes;
  calendar; meeting; scheduling; email; inbox; workspace; team communication; slack; to do list;
  knowledge management; knowledge worker; remote team; meeting notes; chat; wiki; notion;
  schedule; document collaboration; teamwork; whiteboard; time management; asynchronous;
  personal assistant; ai assistant; browser; teams; search*
proptech|Real estate technology|
  real estate; property; home buyer; home buying; homebuyer; homeowner; landlord; tenant;
  renter; rent; rental; apartment; property management; property manager; realtor; real estate
  agent; house; housing; home; lease; leasing; multifamily; commercial real estate; mortgage;
  broker; brokerage; building; buy a home; mls; zillow; property owner; real estate developer;
  real estate investor; listing; land; vacation rental; construction*; down payment; home sale;
  eviction; zoning; condo; roommate; coliving
quality|Testing, inspection and certification|
  inspection; certification; calibration; laboratory testing; quality assurance; testing
  service; non destructive; accreditation; quality management; test lab
real-estate|Real estate|
  real estate; property developer; property agency; commercial property; office building;
  residential property; realty; estate agent; property investment; real estate agency;
  condominium; landlord; reit
recruiting|Recruiting and staffing|
  recruiting; recruiter; recruitment; hiring; hire; talent; candidate; job; job seeker;
  applicant; applicant tracking; ats; staffing; staffing agency; interview; interviewing;
  resume; job board; sourcing; talent acquisition; headhunter; freelancer; freelance; workforce;
  career; job application; technical interview; employer; temp; gig worker; hiring manager; job
  search; cv; screening; engineers hire; remote developer; contractor; skill assessment; new
  hire; remote talent; blue collar; offshore talent
restaurants|Restaurants and food service|
  restaurant; chef; kitchen; ghost kitchen; cloud kitchen; food service; foodservice; cafe;
  menu; diner; dining; bar; catering; takeout; food delivery; franchise; online ordering;
  reservation; commissary; restaurant owner; meal; cook; waiter; food truck; quick service;
  bubble tea
retail|Retail|
  retail; retailer; brick and mortar; store; shop; shopper; point of sale; merchandising; in
  store; department store; boutique; shelf; retail chain; wholesale; wholesaler; consumer brand;
  checkout; local store; inventory; physical retail; loyalty*; mall
robotics|Robotics|
  robot; robotics; robotic; robotic arm; autonomous; autonomous robot; humanoid; cobot;
  manipulation; gripper; drone*; automation*; actuators; warehouse robot; teleoperation;
  autonomous vehicle; lidar; amr; motion planning; ros; mobile robot; robot operating; service
  robot
rpa|Process automation|
  rpa; robotic process automation; workflow automation; process automation; automate;
  automating; automation; workflow; back office; repetitive task; manual task; repetitive;
  manual work; no code; nocode; low code; zapier; data entry; automated workflow; business
  process; bot; ai agent; ai worker; ai employee; browser automation; manual process; digital
  worker; legacy system; tedious; copy paste; operations team; integration*; scripts;
  outsourcing; ops team; business user; paperwork
saas|Business software|
  saas; enterprise software; business software; software platform; software as a service;
  vertical saas; vertical software; erp; software company; it service*; software vendor; all in
  one software; operating system for*
social-media|Social media and apps|
  social media; social app; social network; social networking; tiktok; instagram; facebook;
  snapchat; twitter; gen z; friend; dating; dating app; messaging app; group chat; share video;
  share photo; meme; short video; video chat; teen; chat; follower; feed; content sharing;
  social platform
sports|Sports|
  sport; athlete; football; soccer; basketball; baseball; golf; team sport; coach; league;
  sports betting; fantasy; tennis; cricket; stadium; training*; sports fan; yoga; running;
  pickleball; cycling; tournament
supply-chain|Supply chain|
  supply chain; procurement; supplier; inventory; inventory management; warehouse; warehousing;
  freight; logistics; shipping; demand forecasting; demand planning; distributor; wholesale;
  wholesaler; purchase order; import; customs; fulfillment; distribution; factory*;
  manufacturer; sourcing; trade; cross border; global trade; shipment; retailer*; supply; b2b
  commerce; trade finance; order management; supply chain visibility; traceability; erp;
  shipper; carrier; container; cold chain; raw material; tariff; commodity; stock out; fmcg;
  replenishment; trading company
telecom|Telecommunications|
  telecom; telecommunications; broadband; internet service; 5g; mobile network; esim; sms; phone
  number; voip; isp; fiber; carrier; wireless; network operator; phone call; call; connectivity;
  rural internet; satellite internet; cell tower; cellular; spectrum; sim card
textiles|Textiles|
  textile; fabric; yarn; weaving; garment manufacturing; dyeing; leather; knitwear
trading|Trading and distribution|
  trading company; wholesale; wholesaler; distributor; distribution; import; importer; export;
  exporter; reseller; dealer*; stockist; commodity; trading house
travel|Travel and tourism|
  travel; traveler; traveller; tourism; tourist; trip; hotel; flight; vacation; airline;
  booking; itinerary; tour; tour operator; travel agency; travel agent; business travel;
  corporate travel; airbnb; destination; hostel; holiday; car rental; adventure; cruise;
  camping; visa; luggage; accommodation; hospitality
utilities-metering|Metering and utilities services|
  smart meter; water utility; electric utility; metering; utility bill; gas utility; district
  cooling; sub metering
venture|Start-up services|
  startup; founder; accelerator; incubator; venture capital; fundraising; early stage; pitch
  deck; startup founder; angel investor; company formation; cofounder; incorporate
video|Video|
  video; video editing; video editor; video content; livestream; live stream; live streaming;
  livestreaming; streaming; video call; video conferencing; video conference; webinar; youtube;
  video platform; film; filmmaker; animation; avatar; video production; short video; screen
  recording; zoom; record; recording; video chat; footage; clip; camera; movie; podcast; vfx;
  editing; video generation; virtual event; watch; video creation; video message; shoot
vr-ar|Virtual and augmented reality|
  virtual reality; augmented reality; vr; ar; mixed reality; metaverse; 3d; headset; immersive;
  spatial; xr; avatar; hologram; oculus; vision pro; smart glasses; extended reality; 3d model
voice|Voice and speech|
  voice; speech; speech recognition; text to speech; voice assistant; voice agent; phone agent;
  conversational; transcription; transcribe; phone call; call; voice ai; natural language;
  dictation; speech to text; voicemail
"""
