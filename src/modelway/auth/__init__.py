"""Credentials that must be fetched or computed: signatures for AWS, tokens for Google and Azure.

A key that is sent as it stands needs none of this. Sources are looked for when the first request is
signed, never at import or construction.
"""

from modelway.auth.aws import AwsSettings, aws_region, aws_signer
from modelway.auth.bearer import callback_signer
from modelway.auth.entra import EntraSettings, entra_signer
from modelway.auth.google import GoogleSettings, google_project, google_signer
from modelway.auth.surroundings import Surroundings

__all__ = [
    "AwsSettings",
    "EntraSettings",
    "GoogleSettings",
    "Surroundings",
    "aws_region",
    "aws_signer",
    "callback_signer",
    "entra_signer",
    "google_project",
    "google_signer",
]
