"""What arrived → who it is about. Pure; one short file a provider; no source knows another."""

from app.errors import SourceError
from app.sources.anything import JSON
from app.sources.base import Inbound, Source
from app.sources.basin import BASIN
from app.sources.bodies import load
from app.sources.calcom import CALCOM
from app.sources.calendly import CALENDLY
from app.sources.cognito import COGNITO
from app.sources.crisp import CRISP
from app.sources.elementor import ELEMENTOR
from app.sources.fillout import FILLOUT
from app.sources.fluent import FLUENT
from app.sources.formbricks import FORMBRICKS
from app.sources.forminit import FORMINIT
from app.sources.formspree import FORMSPREE
from app.sources.formstack import FORMSTACK
from app.sources.framer import FRAMER
from app.sources.google_ads import GOOGLE_ADS
from app.sources.gravity import GRAVITY
from app.sources.heyflow import HEYFLOW
from app.sources.heyform import HEYFORM
from app.sources.html import HTML
from app.sources.hubspot import HUBSPOT
from app.sources.intercom import INTERCOM
from app.sources.jotform import JOTFORM
from app.sources.linkedin import LINKEDIN
from app.sources.mailchimp import MAILCHIMP
from app.sources.manychat import MANYCHAT
from app.sources.meta import META
from app.sources.netlify import NETLIFY
from app.sources.opnform import OPNFORM
from app.sources.own import OWN
from app.sources.paperform import PAPERFORM
from app.sources.shopify import SHOPIFY
from app.sources.surveymonkey import SURVEYMONKEY
from app.sources.tally import TALLY
from app.sources.tawk import TAWK
from app.sources.typeform import TYPEFORM
from app.sources.unbounce import UNBOUNCE
from app.sources.webflow import WEBFLOW
from app.sources.wix import WIX
from app.sources.woocommerce import WOOCOMMERCE
from app.sources.wpforms import WPFORMS
from app.sources.wufoo import WUFOO
from app.sources.zapier import ZAPIER
from app.sources.zoho_forms import ZOHO_FORMS

ALL = (
    HTML, JSON, ZAPIER,
    BASIN, CALCOM, CALENDLY, COGNITO, CRISP, ELEMENTOR, FILLOUT, FLUENT, FORMBRICKS, FORMINIT, FORMSPREE, FORMSTACK,
    FRAMER, GOOGLE_ADS, GRAVITY, HEYFLOW, HEYFORM, HUBSPOT, INTERCOM, JOTFORM, LINKEDIN, MAILCHIMP, MANYCHAT, META,
    NETLIFY, OPNFORM, PAPERFORM, SHOPIFY, SURVEYMONKEY, TALLY, TAWK, TYPEFORM, UNBOUNCE, WEBFLOW, WIX, WOOCOMMERCE,
    WPFORMS, WUFOO, ZOHO_FORMS,
)  # fmt: skip
SOURCES: dict[str, Source] = {name: source for source in ALL for name in (source.name, *source.also)}
"""Every source by each name that relay.toml may call it."""
NAMES = ("auto", *SOURCES)


def source_of(name: str, inbound: Inbound) -> Source:
    """The source of that name; for `auto` the one that the request looks like, else `json`."""
    if name == OWN.name:
        return OWN
    if name != "auto":
        return SOURCES[name]
    try:
        data = load(inbound).tree if inbound.body else None
    except SourceError:
        data = None
    return next((source for source in ALL if source.looks_like(inbound, data)), JSON)
