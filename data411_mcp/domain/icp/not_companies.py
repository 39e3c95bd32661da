"""Hosts that searches bring up and that are nobody's lead. Ours; add a row where one is missing."""

from __future__ import annotations

_BY_REASON = {
    "directory": """
        crunchbase.com zoominfo.com dnb.com owler.com apollo.io rocketreach.co kompass.com
        europages.com europages.co.uk thomasnet.com yelp.com yellowpages.com yell.com manta.com
        opencorporates.com sgpbusiness.com recordowl.com streetdirectory.com singaporebusiness.com
        greenbook.sg thegreenbook.com yellowpages.com.sg sgp.com.sg companies.sg bizfile.sg
        g2.com capterra.com getapp.com softwareadvice.com trustradius.com trustpilot.com
        clutch.co goodfirms.co sortlist.com designrush.com builtwith.com stackshare.io
        glassdoor.com glassdoor.sg indeed.com jobstreet.com jobstreet.com.sg jobsdb.com
        mycareersfuture.sg monster.com ziprecruiter.com seek.com.au f6s.com wellfound.com angel.co
        producthunt.com tracxn.com pitchbook.com cbinsights.com craft.co growjo.com leadiq.com
        signalhire.com lusha.com theorg.com alibaba.com made-in-china.com globalsources.com
        indiamart.com tradeindia.com justdial.com exportersindia.com ec21.com tradekey.com
        10times.com tradefairdates.com expotobi.com eventbrite.com eventseye.com cantonfair.net
        interpack.com exhibitorsvoice.com expodatabase.com tripadvisor.com foursquare.com
        booking.com agoda.com hotfrog.com cylex.net bbb.org chamberofcommerce.com northdata.com
        northdata.de bloomberg.com companieshouse.gov.uk ensun.io inven.ai goodfirms.com
        topsingaporefirms.com thebestsingapore.com bestinsingapore.co bestinsingapore.com
        tropicalsingapore.com funempire.com ycombinator.com startupsingapore.sg failory.com
        seedtable.com beststartup.asia beststartup.sg bizdirlib.com emis.com dataaxleusa.com
        panjiva.com importyeti.com volza.com lead411.com datanyze.com similarweb.com
    """,
    "news": """
        reuters.com cnn.com bbc.com bbc.co.uk nytimes.com wsj.com ft.com forbes.com
        businessinsider.com cnbc.com straitstimes.com businesstimes.com.sg channelnewsasia.com
        todayonline.com asiaone.com mothership.sg zaobao.com.sg techinasia.com techcrunch.com
        e27.co vulcanpost.com theguardian.com economist.com fortune.com inc.com entrepreneur.com
        venturebeat.com wired.com theverge.com prnewswire.com businesswire.com globenewswire.com
        yahoo.com msn.com medium.com substack.com nikkei.com scmp.com thestar.com.my
        theedgesingapore.com axios.com apnews.com nbcnews.com usatoday.com washingtonpost.com
        dealstreetasia.com tradewindsnews.com supplychaindive.com freightwaves.com
    """,
    "standards_body": """
        w3.org ietf.org iso.org iec.ch ieee.org itu.int ifrs.org iasb.org ilo.org oecd.org
        who.int un.org wto.org imf.org worldbank.org unece.org iata.org icao.int imo.org
        gs1.org ansi.org bsigroup.com din.de astm.org nfpa.org etsi.org fasb.org aicpa.org
        weforum.org unesco.org unicef.org wipo.int adb.org asean.org europa.eu iana.org icann.org
    """,
    "reference": """
        wikipedia.org wikidata.org wikimedia.org wiktionary.org wikihow.com britannica.com
        investopedia.com merriam-webster.com dictionary.com statista.com
        grandviewresearch.com marketsandmarkets.com mordorintelligence.com
        fortunebusinessinsights.com alliedmarketresearch.com researchandmarkets.com
        gminsights.com imarcgroup.com ibisworld.com gartner.com forrester.com idc.com
        umbrex.com researchgate.net sciencedirect.com springer.com scribd.com
        slideshare.net quora.com reddit.com stackoverflow.com stackexchange.com github.com
        archive.org academia.edu arxiv.org coursera.org udemy.com hbr.org
        deloitte.com pwc.com kpmg.com ey.com mckinsey.com bcg.com accenture.com
    """,
    "shared_host": """
        google.com google.com.sg apple.com microsoft.com bing.com duckduckgo.com amazon.com
        amazon.sg shopee.sg lazada.sg carousell.sg carousell.com qoo10.sg whatsapp.com telegram.org
        t.me wa.me discord.com reddit.com vimeo.com snapchat.com wechat.com line.me
        bit.ly tinyurl.com t.co goo.gl ow.ly lnkd.in is.gd buff.ly cutt.ly rebrand.ly
        jina.ai tavily.com cloudflare.com w3schools.com gravatar.com googleapis.com
        gstatic.com schema.org ogp.me wordpress.org paypal.com stripe.com
    """,
}
DENIED = {host: reason for reason, hosts in _BY_REASON.items() for host in hosts.split()}

# A name under one of these is a government, a school or an organisation of states.
DENIED_SUFFIXES = dict.fromkeys(
    (
        "gov gov.sg gov.uk gov.au gov.in gov.my gov.cn gov.hk gov.ph gov.vn go.id go.jp go.kr go.th"
        " gouv.fr gc.ca govt.nz gob.mx gov.br mil int edu edu.sg edu.my edu.au edu.hk ac.uk ac.jp"
        " parliament.uk nhs.uk police.uk"
    ).split(),
    "government",
)

# Names that everybody knows: `3ddoordash.com` and `2fshopee.sg` are leaks of an address.
LEAK_BRANDS = frozenset(
    """
    doordash shopee lazada amazon google facebook linkedin instagram youtube twitter grab foodpanda
    deliveroo ubereats uber airbnb netflix microsoft apple reddit wikipedia carousell
    github medium pinterest tiktok whatsapp paypal ebay alibaba booking agoda tripadvisor yelp
    crunchbase
    """.split()
)
# What `2f…` and `3d…` may go on as: 2fast, 2factor, 3ddesign.
F_WORDS = tuple(
    """
    fab face fact fair fam fan far fash fast fat fav fed fee fel fest fi- fib fie fig fil fin fir
    fis fit fiv fix fla fle fli flo flu fly foc fol foo for fou fox fra fre fri fro fru ful fun fur
    fut fx
    """.split()
)  # fmt: skip
D_WORDS = tuple(
    """
    dat dec deep del dem den dep des dev dia die dig dim dis doc dom dot dra dre dri dro dru dyn
    """.split()
)
