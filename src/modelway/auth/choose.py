"""Settings → the signer that they are for."""

from __future__ import annotations

from modelway.auth.aws import AwsSettings, aws_signer
from modelway.auth.entra import EntraSettings, entra_signer
from modelway.auth.google import GoogleSettings, google_signer
from modelway.auth.surroundings import Surroundings
from modelway.ports import Signer


def signer(settings: AwsSettings | GoogleSettings | EntraSettings, around: Surroundings) -> Signer:
    """The signer of these settings. Nothing is looked for before a request is signed."""
    match settings:
        case AwsSettings():
            return aws_signer(settings, around)
        case GoogleSettings():
            return google_signer(settings, around)
        case EntraSettings():
            return entra_signer(settings, around)
