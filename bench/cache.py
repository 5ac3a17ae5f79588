"""cache: answers from the cache, beside dnsdist and Unbound, on one core each; few names and many."""

import relay


def run(settings):
    yield relay.compare(settings, "answers per second of one core from the cache: 1,000 names", 1000, cached=True)
    if not settings.quick:
        yield relay.compare(settings, "answers per second of one core from the cache: 50,000 names", 50000, cached=True)
