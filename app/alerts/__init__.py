"""Notices what is wrong, tells people in plain words, and sends them the leads that do not reach AgencyHandy."""
