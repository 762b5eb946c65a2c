"""Settings of all tests."""

from hypothesis import settings

# How long an example takes on a busy computer says nothing; performance is measured in bench/.
settings.register_profile("roomtape", deadline=None)
settings.load_profile("roomtape")
