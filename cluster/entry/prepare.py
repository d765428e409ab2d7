"""The one call that every program of ours begins with."""

from cluster.entry.compiled_code import place_compiled_code
from cluster.entry.loopback import bypass_proxies
from cluster.entry.streams import forget_silly_width, open_streams


def prepare_process() -> None:
    """Set right what the environment may have brought along, for us and for our children."""
    open_streams()
    forget_silly_width()
    bypass_proxies()
    place_compiled_code()
