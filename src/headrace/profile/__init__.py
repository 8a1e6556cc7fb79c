"""Profiles: what a table holds, as JSON of a stated shape, in words, and as a page.

from headrace.profile import Profile
Profile.read(Path("weather.json"))      # in a notebook: its page
"""

from .report import SCHEMA, Profile

__all__ = ["SCHEMA", "Profile"]
